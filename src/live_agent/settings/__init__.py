"""The resources of an account: what may be written to each, shared by the API and the pages."""
