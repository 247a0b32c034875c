-- The trail's own database. Columns repeat what the exact bytes say, so that indexes can serve
-- them; every index ends in the index of the entry, which is the order everywhere.
CREATE TABLE IF NOT EXISTS entries (
  account TEXT NOT NULL,
  idx INTEGER NOT NULL CHECK (idx >= 0),
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  public BLOB NOT NULL,
  leaf BLOB NOT NULL CHECK (length(leaf) = 32),
  -- The sealed parts and their salts; erasable, so that proofs outlive them.
  who BLOB,
  who_salt BLOB,
  what BLOB,
  what_salt BLOB,
  occurred_at INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  entity_type TEXT NOT NULL,
  entity_id TEXT,
  -- The actor's e-mail and name, letters' case folded.
  person TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS entries_by_index ON entries (account, idx);
CREATE UNIQUE INDEX IF NOT EXISTS entries_by_id ON entries (account, id);
CREATE INDEX IF NOT EXISTS entries_by_entity ON entries (account, entity_type, entity_id, idx, version);
CREATE INDEX IF NOT EXISTS entries_by_type ON entries (account, entity_type, idx);

CREATE TABLE IF NOT EXISTS terms (
  outbox TEXT PRIMARY KEY,
  term INTEGER NOT NULL
);

CREATE TRIGGER IF NOT EXISTS entries_are_never_updated BEFORE UPDATE ON entries
BEGIN
  SELECT RAISE(ABORT, 'entries are never updated');
END;
CREATE TRIGGER IF NOT EXISTS entries_are_never_deleted BEFORE DELETE ON entries
BEGIN
  SELECT RAISE(ABORT, 'entries are never deleted');
END;
-- REPLACE deletes without firing the trigger above, whichever key it takes: the index, the id or
-- the rowid, which reads as -1 where none is given. And an index is never skipped.
CREATE TRIGGER IF NOT EXISTS entries_are_only_appended BEFORE INSERT ON entries
WHEN new.idx <> (SELECT ifnull(max(idx) + 1, 0) FROM entries WHERE account = new.account)
  OR EXISTS (SELECT 1 FROM entries WHERE account = new.account AND id = new.id)
  OR EXISTS (SELECT 1 FROM entries WHERE rowid = new.rowid)
BEGIN
  SELECT RAISE(ABORT, 'entries are only appended');
END;
CREATE TRIGGER IF NOT EXISTS entries_are_numbered_from_one AFTER INSERT ON entries
WHEN new.rowid < 1
BEGIN
  SELECT RAISE(ABORT, 'entries are only appended');
END;
