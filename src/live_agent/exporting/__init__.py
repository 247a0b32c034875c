"""Exports that a server writes by itself, and keeps for a while for the account's administrators."""
