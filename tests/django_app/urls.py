"""The application's addresses."""

from django.urls import path

from tests.django_app import views

urlpatterns = [path("at_once", views.at_once), path("<str:name>", views.act)]
