"""Settings > Audit Logs over a trail, mountable in another application; it knows no store."""
