"""The REST contract: its paths, shapes and statuses; what may be written is decided in settings."""
