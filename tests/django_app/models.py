"""The application's tables."""

from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=50)


class Team(models.Model):
    account_id = models.IntegerField(default=1)
    name = models.CharField(max_length=100, default="")
    seats = models.IntegerField(default=0)
    tags = models.ManyToManyField(Tag)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(seats__gte=0), name="seats_are_some"),
        )


class Member(models.Model):
    account_id = models.IntegerField(default=1)
    name = models.CharField(max_length=100)
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
