-- What the application may do with what is there by now.
GRANT USAGE ON SCHEMA audit_trail TO {application};
GRANT EXECUTE ON FUNCTION audit_trail.note(text, text) TO {application};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {application};
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {application};
