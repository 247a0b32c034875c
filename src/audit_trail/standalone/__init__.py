"""The trail's page and API without an application around them: administrators and a sign-in of their own."""
