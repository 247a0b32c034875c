"""Webhooks of saved views: that there are new entries, told to whoever asked to be."""
