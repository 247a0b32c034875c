"""A small Django application on two databases, whose tables are watched; it writes by every path."""
