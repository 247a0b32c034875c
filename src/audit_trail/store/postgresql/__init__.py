"""The PostgreSQL store: entries partitioned by account, heads that are compared and swapped."""
