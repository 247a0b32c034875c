"""Its tables: tickets of twelve columns, their comments and labels, logged by the library in force."""

from django.conf import settings
from django.db import models

from bench.peers.django_logs import LOGS


class Label(models.Model):
    name = models.CharField(max_length=50)


class Ticket(models.Model):
    account_id = models.IntegerField(default=1)
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=20, default="open")
    priority = models.IntegerField(default=0)
    channel = models.CharField(max_length=20, default="email")
    greeting = models.TextField(default="Hello, and thank you for writing to us.")
    timezone = models.CharField(max_length=50, default="Europe/Berlin")
    position = models.IntegerField(default=0)
    enabled = models.BooleanField(default=True)
    budget = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    opened_at = models.DateTimeField()
    labels = models.ManyToManyField(Label)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(priority__gte=0), name="priority_is_some"),
        )

    def __str__(self) -> str:
        return self.name


class Comment(models.Model):
    account_id = models.IntegerField(default=1)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE)
    name = models.CharField(max_length=200)


LOGS[settings.PEER].register(Ticket, Comment)
