-- What the role that appends and reads may do, and no more: it owns nothing, so it can neither switch
-- a trigger off nor drop a partition.
REVOKE ALL ON ALL TABLES IN SCHEMA audit_trail FROM {role};
GRANT USAGE ON SCHEMA audit_trail TO {role};
GRANT SELECT, INSERT ON audit_trail.entries, audit_trail.keys TO {role};
-- Triggers hold these to what an entry declares.
GRANT DELETE, UPDATE (who, who_salt, what, what_salt, person) ON audit_trail.entries TO {role};
GRANT SELECT ON audit_trail.dropped TO {role};
GRANT SELECT, UPDATE (next) ON audit_trail.removals TO {role};
GRANT SELECT, INSERT, UPDATE ON audit_trail.heads, audit_trail.tiles, audit_trail.terms TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_trail.search_heads, audit_trail.search_pages,
  audit_trail.search_bits, audit_trail.search_blocks TO {role};
