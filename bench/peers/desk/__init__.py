"""The Django application of the comparison."""
