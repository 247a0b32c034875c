-- What capture keeps in the application's database, in a schema of its own whose owner is the
-- capture role. Every statement may be run again.

-- One row for each write to a watched table, committed with the write itself.
CREATE TABLE IF NOT EXISTS audit_trail.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The transaction: its number, and the cluster that gave it, since numbers begin anew in another.
  cluster bigint NOT NULL,
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  -- The random bits of the entry's id, in rows of earlier releases; now they are derived.
  nonce uuid,
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  table_name text,
  operation text,
  account text,
  -- The record's key, and the id under which its users know it; JSON.
  record_key text,
  record_id text,
  -- {"column": [old, new]} in the form of record/value.py, and {"column": [old name, new name]}.
  changes text,
  labels text,
  context text
) WITH (
  -- A queue: rows come and go, so it is vacuumed by number and not by share.
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_threshold = -1
);
-- ANALYZE would keep the most frequent values of these in the catalog, out of reach of an erasure.
ALTER TABLE audit_trail.outbox
  ALTER COLUMN record_key SET STATISTICS 0, ALTER COLUMN changes SET STATISTICS 0,
  ALTER COLUMN labels SET STATISTICS 0, ALTER COLUMN context SET STATISTICS 0;
CREATE INDEX IF NOT EXISTS outbox_by_transaction ON audit_trail.outbox (transaction, cluster, id);

-- The watch list, so that tools can read it without knowing the application.
CREATE TABLE IF NOT EXISTS audit_trail.watch (
  one integer PRIMARY KEY CHECK (one = 1),
  definition text NOT NULL
);

-- How many writes each table's triggers could not record, of tables that go on nevertheless. A
-- sequence counts them, since a rollback takes no number of it back; these were told of already.
CREATE TABLE IF NOT EXISTS audit_trail.told (
  table_name text PRIMARY KEY,
  entity text NOT NULL,
  sequence text NOT NULL,
  lost bigint NOT NULL DEFAULT 0
);

-- Whose schema is told of when it changes, in a type that a dump writes as a name; and the
-- transactions in which capture itself changes it.
CREATE TABLE IF NOT EXISTS audit_trail.watched (
  relation regclass PRIMARY KEY,
  table_name text NOT NULL
);
CREATE TABLE IF NOT EXISTS audit_trail.quiet (
  transaction xid8 PRIMARY KEY
);

-- Which records each table had when it began to be watched, by account and id (JSON), and since when
-- (µs UTC, 0 from then on) each column is watched. No values: they would stay when a person's are erased.
CREATE TABLE IF NOT EXISTS audit_trail.baseline (
  table_name text NOT NULL,
  account text,
  record_id text
);
CREATE TABLE IF NOT EXISTS audit_trail.columns (
  table_name text NOT NULL,
  column_name text NOT NULL,
  since_us bigint NOT NULL,
  PRIMARY KEY (table_name, column_name)
);

-- What was found when somebody last looked whether all of this is as it must be; and when, since
-- then, the schema of a watched table was changed.
CREATE TABLE IF NOT EXISTS audit_trail.coverage (
  one integer PRIMARY KEY CHECK (one = 1),
  state text NOT NULL
);
CREATE TABLE IF NOT EXISTS audit_trail.altered (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  table_name text NOT NULL,
  altered_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- What the capture role was given to read, and would keep when capture goes.
CREATE TABLE IF NOT EXISTS audit_trail.granted (
  relation regclass UNIQUE,
  schema regnamespace UNIQUE
);
