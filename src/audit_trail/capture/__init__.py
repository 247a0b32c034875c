"""The host's side: who acts, which tables are watched, the triggers, and the outbox they fill."""
