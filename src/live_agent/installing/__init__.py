"""Live Agent on a PostgreSQL server: the roles and databases that it needs there."""
