"""The `audit-trail` command: what operators do with any application's capture and trail."""
