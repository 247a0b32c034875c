"""Where entries lie: the port, and one adapter for each engine."""
