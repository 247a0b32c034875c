"""The demo: an account with some weeks of plausible activity, made through the REST API itself."""
