-- What capture keeps in the host's database. Every statement may be run again.

-- One row for each write to a watched table, committed with the write itself.
CREATE TABLE IF NOT EXISTS audit_outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Random, the same for all rows of a transaction; NULL where no context was set, as in a shell.
  token BLOB,
  -- The random bits of the entry's id.
  nonce BLOB NOT NULL DEFAULT (randomblob(10)),
  -- Milliseconds since 1970, UTC. unixepoch('subsec') would be a silent NULL before SQLite 3.42.
  occurred_ms INTEGER NOT NULL
    DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)),
  table_name TEXT,
  operation TEXT,
  account,
  -- The record's primary key, and the id under which its users know it; JSON.
  record_key,
  record_id,
  -- {"column": [old, new]} in the form of record/value.py, and {"column": [old name, new name]}.
  changes,
  labels,
  context
);

-- Who acts in the transaction under way. The guard is a deferred reference that nothing satisfies,
-- so a COMMIT that forgot to clear the context fails, and no statement can set it by itself.
CREATE TABLE IF NOT EXISTS audit_guard (
  id INTEGER PRIMARY KEY CHECK (id IS NULL)
);
CREATE TABLE IF NOT EXISTS audit_context (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  token BLOB,
  context TEXT,
  guard INTEGER REFERENCES audit_guard (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT OR IGNORE INTO audit_context (one) VALUES (1);

-- Rows whose keys an INSERT is about to take: REPLACE on a foreign connection deletes them
-- without firing a delete trigger.
CREATE TABLE IF NOT EXISTS audit_displaced (
  table_name TEXT NOT NULL,
  primary_key,
  account,
  record_key,
  record_id,
  changes,
  labels
);

-- The watch list, so that tools can read it without knowing the application.
CREATE TABLE IF NOT EXISTS audit_watch (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  definition TEXT NOT NULL
);

-- Which records each table had when it began to be watched, by account and id (JSON), and since when
-- (µs UTC, 0 from then on) each column is watched. No values: they would stay when a person's are erased.
CREATE TABLE IF NOT EXISTS audit_baseline (
  table_name TEXT NOT NULL,
  account,
  record_id
);
CREATE TABLE IF NOT EXISTS audit_columns (
  table_name TEXT NOT NULL,
  column_name TEXT NOT NULL,
  since_us INTEGER NOT NULL,
  PRIMARY KEY (table_name, column_name)
) WITHOUT ROWID;

-- What was found when somebody last looked whether all of this is as it must be.
CREATE TABLE IF NOT EXISTS audit_coverage (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  state TEXT NOT NULL
);
