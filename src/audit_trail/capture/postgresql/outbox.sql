-- What capture keeps in the application's database, in a schema of its own whose owner is the
-- capture role. Every statement may be run again.

-- One row for each write to a watched table, committed with the write itself.
CREATE TABLE IF NOT EXISTS audit_trail.outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- The transaction: its number, and the cluster that gave it, since numbers begin anew in another.
  cluster bigint NOT NULL,
  transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
  -- The random bits of the entry's id.
  nonce uuid NOT NULL DEFAULT gen_random_uuid(),
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

-- An event that is no row change, such as a sign-in: the application may note one, and has no
-- other right on the outbox.
CREATE OR REPLACE FUNCTION audit_trail.note(account text, event text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  INSERT INTO audit_trail.outbox (operation, account, changes, context)
  VALUES ('note', account, event, nullif(current_setting('audit.context', true), ''));
END;

-- Values that JSON has no type for, in the form of record/value.py.
CREATE OR REPLACE FUNCTION audit_trail.blob_value(value bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN coalesce(
  '{"$":"blob","sha256":"' || encode(sha256(value), 'hex') || '","size":' || octet_length(value) || '}',
  'null'
);

-- A text of more than a mebibyte is cut for display, and committed whole by its digest. A letter
-- takes at most four bytes, so the letters kept are surely within the limit.
CREATE OR REPLACE FUNCTION audit_trail.cut_value(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN coalesce(
  '{"$":"cut","sha256":"' || encode(sha256(convert_to(value, 'UTF8')), 'hex')
    || '","size":' || octet_length(value) || ',"text":' || to_json(left(value, 262144))::text || '}',
  'null'
);

CREATE OR REPLACE FUNCTION audit_trail.json_value(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF value IS NULL THEN
    RETURN 'null';
  ELSIF octet_length(value) > 1048576 THEN
    RETURN audit_trail.cut_value(value);
  END IF;
  RETURN '{"$":"json","value":' || value || '}';
END
$body$;

-- Turns writes that could not be recorded into events: the sequencer asks for it.
CREATE OR REPLACE FUNCTION audit_trail.tell_lost() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  each record;
  counted bigint;
BEGIN
  FOR each IN SELECT * FROM audit_trail.told FOR UPDATE LOOP
    EXECUTE format('SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM audit_trail.%I', each.sequence)
      INTO counted;
    IF counted > each.lost THEN
      INSERT INTO audit_trail.outbox (operation, account, changes)
      VALUES ('note', '0', json_build_object(
        'action', 'capture_lost', 'account', '0', 'entity_type', each.entity,
        'details', json_build_object('table', each.table_name, 'writes', counted - each.lost)
      )::text);
      UPDATE audit_trail.told SET lost = counted WHERE table_name = each.table_name;
    END IF;
  END LOOP;
END
$body$;
