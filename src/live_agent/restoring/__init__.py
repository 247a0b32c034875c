"""Brings back what a record was before an entry, by the verbs of the settings and no other way."""
