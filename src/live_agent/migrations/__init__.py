"""The versions of Live Agent's schema, and the way from one to the next."""
