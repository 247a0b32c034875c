"""The Django application that is installed: it makes the databases carry the context, nothing else."""

from django.apps import AppConfig
from django.conf import settings

from audit_trail.capture.django.connection import attach


class CaptureConfig(AppConfig):
    """`"audit_trail.capture.django"` in INSTALLED_APPS."""

    name = "audit_trail.capture.django"
    label = "audit_trail_capture"
    verbose_name = "Capture"

    def ready(self) -> None:
        """Attach to the databases that the settings name."""
        attach(*getattr(settings, "AUDIT_TRAIL_DATABASES", ("default",)))
