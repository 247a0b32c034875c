"""A customer-service environment whose settings are recorded under Settings > Audit Logs."""
