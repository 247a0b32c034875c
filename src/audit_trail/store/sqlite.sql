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

-- The tree over an account's leaves: tiles, and how far they go, with the right edge and the newest
-- checkpoint. A tile is rewritten as it grows, 8 KiB at most.
CREATE TABLE IF NOT EXISTS tiles (
  account TEXT NOT NULL,
  level INTEGER NOT NULL,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (account, level, number)
);
CREATE TABLE IF NOT EXISTS seals (
  account TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  edge BLOB NOT NULL,
  checkpoint BLOB
);
-- The public keys, each valid until the next one; the trail's secrets are elsewhere.
CREATE TABLE IF NOT EXISTS keys (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  public BLOB NOT NULL CHECK (length(public) = 32),
  since INTEGER NOT NULL
);

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

-- A hash that is there stays as it is; what stands behind it may be added. REPLACE deletes unseen.
CREATE TRIGGER IF NOT EXISTS tiles_only_grow BEFORE UPDATE ON tiles
WHEN (new.rowid, new.account, new.level, new.number)
  IS NOT (old.rowid, old.account, old.level, old.number)
  OR substr(new.data, 1, length(old.data)) IS NOT old.data
BEGIN
  SELECT RAISE(ABORT, 'tiles only grow');
END;
CREATE TRIGGER IF NOT EXISTS tiles_are_never_deleted BEFORE DELETE ON tiles
BEGIN
  SELECT RAISE(ABORT, 'tiles only grow');
END;
CREATE TRIGGER IF NOT EXISTS tiles_are_never_replaced BEFORE INSERT ON tiles
WHEN EXISTS (SELECT 1 FROM tiles WHERE rowid = new.rowid)
  OR EXISTS (
    SELECT 1 FROM tiles
    WHERE account = new.account AND level = new.level AND number = new.number
  )
BEGIN
  SELECT RAISE(ABORT, 'tiles only grow');
END;
CREATE TRIGGER IF NOT EXISTS seals_only_move_on BEFORE UPDATE ON seals
WHEN new.account <> old.account OR new.size < old.size
BEGIN
  SELECT RAISE(ABORT, 'seals only move on');
END;
CREATE TRIGGER IF NOT EXISTS seals_are_never_deleted BEFORE DELETE ON seals
BEGIN
  SELECT RAISE(ABORT, 'seals only move on');
END;
CREATE TRIGGER IF NOT EXISTS keys_are_never_changed BEFORE UPDATE ON keys
BEGIN
  SELECT RAISE(ABORT, 'keys are only added');
END;
CREATE TRIGGER IF NOT EXISTS keys_are_never_deleted BEFORE DELETE ON keys
BEGIN
  SELECT RAISE(ABORT, 'keys are only added');
END;
CREATE TRIGGER IF NOT EXISTS keys_are_never_replaced BEFORE INSERT ON keys
WHEN EXISTS (SELECT 1 FROM keys WHERE number = new.number)
BEGIN
  SELECT RAISE(ABORT, 'keys are only added');
END;
