-- The trail's own database. Columns repeat what the exact bytes say, so that indexes can serve
-- them; every index ends in the index of the entry, which is the order everywhere.
CREATE TABLE IF NOT EXISTS entries (
  account TEXT NOT NULL,
  idx INTEGER NOT NULL CHECK (idx >= 0),
  -- A UUID as its 16 bytes, any other as text; releases before kept all as text.
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
-- The search index serves it now.
DROP INDEX IF EXISTS entries_by_type;

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

-- What entries declare as removed, in ranges that never overlap; those of entries are declared anew, all
-- of them, each time. From next on it is still to be carried out.
CREATE TABLE IF NOT EXISTS removals (
  account TEXT NOT NULL,
  part TEXT NOT NULL CHECK (part IN ('who', 'what', 'entry')),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL CHECK (last >= first),
  declared_by INTEGER NOT NULL,
  next INTEGER NOT NULL,
  -- Whether the bytes of what was carried out have left the file's log, too.
  wiped INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS removals_by_range ON removals (account, part, first);
CREATE INDEX IF NOT EXISTS removals_pending ON removals (account) WHERE next <= last;

-- The newest version of each record that had entries which were dropped, so that the next one counts on.
-- An entity without an id has the byte 255 in its place.
CREATE TABLE IF NOT EXISTS dropped (
  account TEXT NOT NULL,
  entity_type TEXT NOT NULL,
  entity_id NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (account, entity_type, entity_id)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS entries_leave_their_version AFTER DELETE ON entries
BEGIN
  INSERT INTO dropped (account, entity_type, entity_id, version)
  VALUES (old.account, old.entity_type, ifnull(old.entity_id, x'ff'), old.version)
  ON CONFLICT DO UPDATE SET version = max(version, excluded.version);
END;

-- They are read from the entry itself, so that none is without an entry that says so.
CREATE TRIGGER IF NOT EXISTS entries_declare_removals AFTER INSERT ON entries
WHEN new.entity_type = 'audit_log' AND instr(new.public, CAST('"removed":' AS BLOB)) > 0
BEGIN
  -- A range of dropped entries that only grows is carried out from where it was.
  INSERT INTO removals (account, part, first, last, declared_by, next)
  SELECT new.account, 'entry', json_extract(value, '$[0]'), json_extract(value, '$[1]'), new.idx,
    json_extract(value, '$[0]')
  FROM json_each(CAST(new.public AS TEXT), '$.removed.entry') WHERE true
  ON CONFLICT (account, part, first)
    DO UPDATE SET last = excluded.last, declared_by = excluded.declared_by;
  DELETE FROM removals WHERE account = new.account AND part = 'entry' AND declared_by < new.idx
    AND json_type(CAST(new.public AS TEXT), '$.removed.entry') IS NOT NULL;
  INSERT INTO removals (account, part, first, last, declared_by, next)
  SELECT new.account, part.key, json_extract(range.value, '$[0]'), json_extract(range.value, '$[1]'),
    new.idx, json_extract(range.value, '$[0]')
  FROM json_each(CAST(new.public AS TEXT), '$.removed') AS part, json_each(part.value) AS range
  WHERE part.key <> 'entry';
END;

-- Releases before refused every change, by these names.
DROP TRIGGER IF EXISTS entries_are_never_updated;
DROP TRIGGER IF EXISTS entries_are_never_deleted;
CREATE TRIGGER IF NOT EXISTS entries_are_only_emptied BEFORE UPDATE ON entries
WHEN (new.rowid, new.account, new.idx, new.id, new.version, new.public, new.leaf)
    IS NOT (old.rowid, old.account, old.idx, old.id, old.version, old.public, old.leaf)
  OR (new.occurred_at, new.recorded_at, new.entity_type, new.entity_id)
    IS NOT (old.occurred_at, old.recorded_at, old.entity_type, old.entity_id)
  OR (new.who, new.who_salt, new.person) IS NOT (old.who, old.who_salt, old.person)
    AND ((new.who, new.who_salt, new.person) IS NOT (NULL, NULL, char(10)) OR old.idx > ifnull((
      SELECT last FROM removals WHERE account = old.account AND part = 'who' AND first <= old.idx
      ORDER BY first DESC LIMIT 1), -1))
  OR (new.what, new.what_salt) IS NOT (old.what, old.what_salt)
    AND ((new.what, new.what_salt) IS NOT (NULL, NULL) OR old.idx > ifnull((
      SELECT last FROM removals WHERE account = old.account AND part = 'what' AND first <= old.idx
      ORDER BY first DESC LIMIT 1), -1))
BEGIN
  SELECT RAISE(ABORT, 'entries are never updated, but where an entry declares a part as erased');
END;
CREATE TRIGGER IF NOT EXISTS entries_are_only_dropped BEFORE DELETE ON entries
WHEN old.idx > ifnull((
  SELECT last FROM removals WHERE account = old.account AND part = 'entry' AND first <= old.idx
  ORDER BY first DESC LIMIT 1), -1)
BEGIN
  SELECT RAISE(ABORT, 'entries are never deleted, but where an entry declares them as dropped');
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

-- The search index, derived from the entries: see docs/architecture.md. It may be deleted at any time.
CREATE TABLE IF NOT EXISTS search_heads (
  account TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  -- Level, number and dropped entries of each segment, as JSON.
  segments TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS search_pages (
  account TEXT NOT NULL,
  level INTEGER NOT NULL,
  number INTEGER NOT NULL,
  first BLOB NOT NULL,
  page BLOB NOT NULL,
  UNIQUE (account, level, number, first)
);
CREATE TABLE IF NOT EXISTS search_bits (
  account TEXT NOT NULL,
  level INTEGER NOT NULL,
  number INTEGER NOT NULL,
  term BLOB NOT NULL,
  bits BLOB NOT NULL,
  UNIQUE (account, level, number, term)
);
CREATE TABLE IF NOT EXISTS search_blocks (
  account TEXT NOT NULL,
  number INTEGER NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  times BLOB NOT NULL,
  UNIQUE (account, number)
);
CREATE INDEX IF NOT EXISTS search_blocks_by_time ON search_blocks (account, number, since, until);
