-- The trail's own schema; run again, it changes nothing. Columns repeat what the exact bytes say, so that indexes can serve them;
-- every index ends in the index of the entry, which is the order everywhere, or in its version, which
-- is the same order among the entries of one record.
--
-- Text is kept as its UTF-8 bytes: a NUL is a byte like any other, and neither the database's
-- encoding nor its collation has a say in which account, id or name equals which. In psql,
-- SET bytea_output = 'escape' shows it as text, and account = '1' finds it.
-- Two that create it at once would both find it missing. The number stands for nothing else.
SELECT pg_advisory_xact_lock(7274657472616961);

CREATE SCHEMA IF NOT EXISTS audit_trail;

CREATE TABLE IF NOT EXISTS audit_trail.entries (
  -- Eight bytes wide first: no byte is lost to padding.
  idx bigint NOT NULL CHECK (idx >= 0),
  occurred_at bigint NOT NULL,
  version integer NOT NULL,
  account bytea NOT NULL,
  -- A UUID's own 16 bytes; the text of any other id behind 17 bytes of 0.
  id bytea NOT NULL,
  entity_type bytea NOT NULL,
  -- The byte 255, which no text has, where the entity has no id.
  entity_id bytea NOT NULL,
  public bytea NOT NULL,
  leaf bytea NOT NULL CHECK (length(leaf) = 32),
  -- The sealed parts and their salts; erasable, so that proofs outlive them.
  who bytea,
  who_salt bytea,
  what bytea,
  what_salt bytea,
  -- The actor's e-mail and name, letters' case folded.
  person bytea NOT NULL
) PARTITION BY HASH (account);

DO $$
BEGIN
  FOR number IN 0..15 LOOP
    EXECUTE format(
      'CREATE TABLE IF NOT EXISTS audit_trail.entries_%s PARTITION OF audit_trail.entries'
      ' FOR VALUES WITH (MODULUS 16, REMAINDER %s)', number, number);
  END LOOP;
END $$;

CREATE UNIQUE INDEX IF NOT EXISTS entries_by_index ON audit_trail.entries (account, idx);
CREATE UNIQUE INDEX IF NOT EXISTS entries_by_id ON audit_trail.entries (account, id);
CREATE INDEX IF NOT EXISTS entries_by_entity
  ON audit_trail.entries (account, entity_type, entity_id, version);
-- The search index serves it now.
DROP INDEX IF EXISTS audit_trail.entries_by_type;

-- ANALYZE would keep the most frequent values of these in the catalog, out of reach of an erasure.
ALTER TABLE audit_trail.entries
  ALTER COLUMN who SET STATISTICS 0, ALTER COLUMN what SET STATISTICS 0,
  ALTER COLUMN person SET STATISTICS 0;

CREATE TABLE IF NOT EXISTS audit_trail.heads (
  account bytea PRIMARY KEY,
  size bigint NOT NULL CHECK (size >= 0),
  recorded_at bigint NOT NULL
);

-- How far the tree goes, with its right edge and the newest checkpoint.
ALTER TABLE audit_trail.heads
  ADD COLUMN IF NOT EXISTS sealed bigint NOT NULL DEFAULT 0,
  ADD COLUMN IF NOT EXISTS edge bytea NOT NULL DEFAULT '',
  ADD COLUMN IF NOT EXISTS checkpoint bytea;

-- The tree over an account's leaves; a tile is rewritten as it grows, 8 KiB at most.
CREATE TABLE IF NOT EXISTS audit_trail.tiles (
  account bytea NOT NULL,
  number bigint NOT NULL,
  level integer NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (account, level, number)
);
-- Hashes can't be compressed.
ALTER TABLE audit_trail.tiles ALTER COLUMN data SET STORAGE EXTERNAL;

-- The public keys, each valid until the next one; the trail's secrets are elsewhere.
CREATE TABLE IF NOT EXISTS audit_trail.keys (
  number integer PRIMARY KEY,
  name bytea NOT NULL,
  public bytea NOT NULL CHECK (length(public) = 32),
  since bigint NOT NULL
);

-- What entries declare as removed, in ranges that never overlap; those of entries are declared anew, all
-- of them, each time. From next on it is still to be carried out.
CREATE TABLE IF NOT EXISTS audit_trail.removals (
  account bytea NOT NULL,
  part text NOT NULL CHECK (part IN ('who', 'what', 'entry')),
  first bigint NOT NULL,
  last bigint NOT NULL CHECK (last >= first),
  declared_by bigint NOT NULL,
  next bigint NOT NULL,
  -- Whether the bytes of what was carried out have left the table's file; its owner says so.
  wiped boolean NOT NULL DEFAULT false,
  PRIMARY KEY (account, part, first)
);
CREATE INDEX IF NOT EXISTS removals_pending ON audit_trail.removals (account) WHERE next <= last;

-- The newest version of each record that had entries which were dropped, so that the next one counts on.
CREATE TABLE IF NOT EXISTS audit_trail.dropped (
  version integer NOT NULL,
  account bytea NOT NULL,
  entity_type bytea NOT NULL,
  entity_id bytea NOT NULL,
  PRIMARY KEY (account, entity_type, entity_id)
);

CREATE TABLE IF NOT EXISTS audit_trail.terms (
  outbox bytea PRIMARY KEY,
  term bigint NOT NULL
);

-- The search index, derived from the entries: it may be emptied at any time.
CREATE TABLE IF NOT EXISTS audit_trail.search_heads (
  version bigint NOT NULL,
  generation bigint NOT NULL,
  blocks bigint NOT NULL,
  account bytea PRIMARY KEY,
  -- Level, number and dropped entries of each segment.
  segments json NOT NULL
);
CREATE TABLE IF NOT EXISTS audit_trail.search_pages (
  number bigint NOT NULL,
  level integer NOT NULL,
  account bytea NOT NULL,
  first bytea NOT NULL,
  page bytea NOT NULL,
  PRIMARY KEY (account, level, number, first)
);
CREATE TABLE IF NOT EXISTS audit_trail.search_bits (
  number bigint NOT NULL,
  level integer NOT NULL,
  account bytea NOT NULL,
  term bytea NOT NULL,
  bits bytea NOT NULL,
  PRIMARY KEY (account, level, number, term)
);
CREATE TABLE IF NOT EXISTS audit_trail.search_blocks (
  number bigint NOT NULL,
  since bigint NOT NULL,
  until bigint NOT NULL,
  account bytea NOT NULL,
  times bytea NOT NULL,
  PRIMARY KEY (account, number)
);
-- Terms hold values, so ANALYZE may keep none of them in the catalog; and bitmaps are short already.
ALTER TABLE audit_trail.search_pages
  ALTER COLUMN first SET STATISTICS 0, ALTER COLUMN page SET STATISTICS 0,
  ALTER COLUMN page SET STORAGE EXTERNAL;
ALTER TABLE audit_trail.search_bits
  ALTER COLUMN term SET STATISTICS 0, ALTER COLUMN bits SET STATISTICS 0,
  ALTER COLUMN bits SET STORAGE EXTERNAL;

-- The functions' search path is fixed: whoever inserts can't put an operator of their own in the way.
CREATE OR REPLACE FUNCTION audit_trail.is_declared(asked bytea, of_part text, index bigint)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT last >= index FROM audit_trail.removals
    WHERE account = asked AND part = of_part AND first <= index ORDER BY first DESC LIMIT 1), false)
$$;

-- An entry goes, and a part is emptied, only where an entry declares it.
CREATE OR REPLACE FUNCTION audit_trail.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  emptied audit_trail.entries;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF audit_trail.is_declared(old.account, 'entry', old.idx) THEN
      RETURN old;
    END IF;
  ELSIF TG_OP = 'UPDATE' THEN
    emptied := old;
    IF new.who IS NULL AND audit_trail.is_declared(old.account, 'who', old.idx) THEN
      emptied.who := NULL;
      emptied.who_salt := NULL;
      emptied.person := '\x0a';
    END IF;
    IF new.what IS NULL AND audit_trail.is_declared(old.account, 'what', old.idx) THEN
      emptied.what := NULL;
      emptied.what_salt := NULL;
    END IF;
    IF new IS NOT DISTINCT FROM emptied THEN
      RETURN new;
    END IF;
  END IF;
  RAISE EXCEPTION 'entries are only appended: % is refused', TG_OP;
END $$;

-- What is declared is read from the entry itself, so that nothing is without an entry that says so;
-- nobody else may write it.
CREATE OR REPLACE FUNCTION audit_trail.declare_removals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  entry record;
BEGIN
  FOR entry IN
    SELECT account, idx, convert_from(public, 'UTF8')::json -> 'removed' AS removed FROM added
    WHERE entity_type = 'audit_log' AND position('"removed":'::bytea IN public) > 0 ORDER BY idx
  LOOP
    IF entry.removed -> 'entry' IS NOT NULL THEN
      -- A range of dropped entries that only grows is carried out from where it was.
      INSERT INTO audit_trail.removals (account, part, first, last, declared_by, next)
      SELECT entry.account, 'entry', (range ->> 0)::bigint, (range ->> 1)::bigint, entry.idx,
        (range ->> 0)::bigint
      FROM json_array_elements(entry.removed -> 'entry') AS range
      ON CONFLICT (account, part, first)
        DO UPDATE SET last = excluded.last, declared_by = excluded.declared_by;
      DELETE FROM audit_trail.removals
      WHERE account = entry.account AND part = 'entry' AND declared_by < entry.idx;
    END IF;
    INSERT INTO audit_trail.removals (account, part, first, last, declared_by, next)
    SELECT entry.account, part.key, (range ->> 0)::bigint, (range ->> 1)::bigint, entry.idx,
      (range ->> 0)::bigint
    FROM json_each(entry.removed) AS part, json_array_elements(part.value) AS range
    WHERE part.key <> 'entry';
  END LOOP;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION audit_trail.declare_removals() FROM PUBLIC;

CREATE OR REPLACE FUNCTION audit_trail.keep_versions() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO audit_trail.dropped AS known (account, entity_type, entity_id, version)
  SELECT account, entity_type, entity_id, max(version) FROM gone
  GROUP BY account, entity_type, entity_id
  ON CONFLICT (account, entity_type, entity_id)
    DO UPDATE SET version = greatest(known.version, excluded.version);
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION audit_trail.keep_versions() FROM PUBLIC;

-- Each entry's index but the first follows that of another; the unique index refuses a second one.
-- One look for each statement, not for each row; planned each time, since a plan that was made for a
-- small table would read a large one from end to end.
CREATE OR REPLACE FUNCTION audit_trail.refuse_gap() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  run record;
BEGIN
  FOR run IN
    SELECT account, min(idx) AS first, max(idx) AS last, count(*) AS size FROM added GROUP BY account
  LOOP
    IF run.last - run.first + 1 <> run.size OR run.first > 0 AND NOT EXISTS (
      SELECT FROM audit_trail.entries WHERE account = run.account AND idx = run.first - 1)
    THEN
      RAISE EXCEPTION 'entries are only appended: an index is skipped';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- A hash that is there stays as it is; what stands behind it may be added.
CREATE OR REPLACE FUNCTION audit_trail.refuse_shrinking() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND new.account = old.account AND new.level = old.level
    AND new.number = old.number AND substr(new.data, 1, length(old.data)) = old.data
  THEN
    RETURN new;
  END IF;
  RAISE EXCEPTION 'tiles only grow: % is refused', TG_OP;
END $$;

CREATE OR REPLACE FUNCTION audit_trail.refuse_key_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'keys are only added: % is refused', TG_OP;
END $$;

CREATE OR REPLACE TRIGGER tiles_only_grow BEFORE UPDATE OR DELETE ON audit_trail.tiles
  FOR EACH ROW EXECUTE FUNCTION audit_trail.refuse_shrinking();
CREATE OR REPLACE TRIGGER tiles_are_never_truncated BEFORE TRUNCATE ON audit_trail.tiles
  FOR EACH STATEMENT EXECUTE FUNCTION audit_trail.refuse_shrinking();
CREATE OR REPLACE TRIGGER keys_are_never_changed
  BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_trail.keys
  FOR EACH STATEMENT EXECUTE FUNCTION audit_trail.refuse_key_change();
ALTER TABLE audit_trail.tiles ENABLE ALWAYS TRIGGER tiles_only_grow;
ALTER TABLE audit_trail.tiles ENABLE ALWAYS TRIGGER tiles_are_never_truncated;
ALTER TABLE audit_trail.keys ENABLE ALWAYS TRIGGER keys_are_never_changed;

CREATE OR REPLACE TRIGGER entries_are_never_changed
  BEFORE UPDATE OR DELETE ON audit_trail.entries
  FOR EACH ROW EXECUTE FUNCTION audit_trail.refuse_change();

-- A statement's trigger fires for the table that the statement names, so each partition has both.
DO $$
DECLARE
  part regclass;
  name text;
BEGIN
  FOR part IN SELECT relid FROM pg_partition_tree('audit_trail.entries') LOOP
    EXECUTE format(
      'CREATE OR REPLACE TRIGGER entries_are_never_truncated BEFORE TRUNCATE ON %s'
      ' FOR EACH STATEMENT EXECUTE FUNCTION audit_trail.refuse_change()', part);
    EXECUTE format(
      'CREATE OR REPLACE TRIGGER entries_are_only_appended AFTER INSERT ON %s'
      ' REFERENCING NEW TABLE AS added'
      ' FOR EACH STATEMENT EXECUTE FUNCTION audit_trail.refuse_gap()', part);
    EXECUTE format(
      'CREATE OR REPLACE TRIGGER entries_declare_removals AFTER INSERT ON %s'
      ' REFERENCING NEW TABLE AS added'
      ' FOR EACH STATEMENT EXECUTE FUNCTION audit_trail.declare_removals()', part);
    EXECUTE format(
      'CREATE OR REPLACE TRIGGER entries_leave_their_version AFTER DELETE ON %s'
      ' REFERENCING OLD TABLE AS gone'
      ' FOR EACH STATEMENT EXECUTE FUNCTION audit_trail.keep_versions()', part);
    -- Also where a session plays the replica, in which ordinary triggers are silent.
    FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = part AND NOT tgisinternal LOOP
      EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', part, name);
    END LOOP;
  END LOOP;
END $$;
