"""What `live-agent audit` does: ask the trail, follow it, show an entry, export; for people and programs."""
