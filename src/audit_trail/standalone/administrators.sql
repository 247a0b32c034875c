-- Who may read the trail, their sessions, and what is counted within a minute. No secret is kept as it is.
CREATE TABLE IF NOT EXISTS administrators (
  -- Ids are never used again, or an entry about somebody gone would seem to be about a later one.
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  email TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  -- A list in JSON of the accounts whose trails they may read; NULL stands for all.
  accounts TEXT,
  created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
  id_hash TEXT PRIMARY KEY,
  administrator INTEGER NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
  csrf TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_administrator ON sessions (administrator);
CREATE TABLE IF NOT EXISTS minutes (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  count INTEGER NOT NULL,
  -- The newest failure or read, in JSON; none where it was an entry at once.
  newest TEXT,
  PRIMARY KEY (kind, subject)
) STRICT;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
