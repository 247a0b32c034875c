-- What triggers and application call. Each body stands between $body$, where it can be compared with
-- the one that is installed; each has its search_path fixed, or the caller's would choose what runs.

-- An event that is no row change, such as a sign-in: the application may note one, and has no
-- other right on the outbox.
CREATE OR REPLACE FUNCTION audit_trail.note(account text, event text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  INSERT INTO audit_trail.outbox (operation, account, changes, context)
  VALUES ('note', account, event, nullif(current_setting('audit.context', true), ''));
END
$body$;

-- Values that JSON has no type for, in the form of record/value.py.
CREATE OR REPLACE FUNCTION audit_trail.blob_value(value bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  RETURN coalesce(
    '{"$":"blob","sha256":"' || encode(sha256(value), 'hex') || '","size":' || octet_length(value) || '}',
    'null'
  );
END
$body$;

-- A text of more than a mebibyte is cut for display, and committed whole by its digest. A letter
-- takes at most four bytes, so the letters kept are surely within the limit.
CREATE OR REPLACE FUNCTION audit_trail.cut_value(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  RETURN coalesce(
    '{"$":"cut","sha256":"' || encode(sha256(convert_to(value, 'UTF8')), 'hex')
      || '","size":' || octet_length(value) || ',"text":' || to_json(left(value, 262144))::text || '}',
    'null'
  );
END
$body$;

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

-- What a trigger doesn't write itself of a moment: none, the infinite ones, and those before Christ.
CREATE OR REPLACE FUNCTION audit_trail.moment_value(value timestamptz) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  IF isfinite(value) THEN
    RETURN replace(to_json(timezone('UTC', value))::text, ' BC"', '+00:00 BC"');
  END IF;
  RETURN coalesce(to_json(value)::text, 'null');
END
$body$;

-- Turns writes that could not be recorded into events: the sequencer asks for it.
CREATE OR REPLACE FUNCTION audit_trail.tell_lost() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  each record;
  counted bigint;
BEGIN
  FOR each IN SELECT * FROM audit_trail.told LOOP
    EXECUTE format('SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM audit_trail.%I', each.sequence)
      INTO counted;
    CONTINUE WHEN counted <= each.lost;
    UPDATE audit_trail.told SET lost = counted
    WHERE table_name = each.table_name AND lost = each.lost;
    IF FOUND THEN
      INSERT INTO audit_trail.outbox (operation, account, changes)
      VALUES ('note', '0', json_build_object(
        'action', 'capture_lost', 'account', '0', 'entity_type', each.entity,
        'details', json_build_object('table', each.table_name, 'writes', counted - each.lost)
      )::text);
    END IF;
  END LOOP;
END
$body$;

-- Tells of changes to the schema of watched tables and their partitions. It never refuses one.
CREATE OR REPLACE FUNCTION audit_trail.schema_changed() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  name text;
BEGIN
  IF EXISTS (SELECT FROM audit_trail.quiet WHERE transaction = pg_current_xact_id()) THEN
    RETURN;
  END IF;
  FOR name IN
    SELECT DISTINCT w.table_name
    FROM pg_event_trigger_ddl_commands() AS c
      LEFT JOIN pg_trigger AS t ON c.classid = 'pg_trigger'::regclass AND t.oid = c.objid
      CROSS JOIN LATERAL (SELECT coalesce(t.tgrelid, c.objid)) AS touched (relation)
      JOIN audit_trail.watched AS w ON w.relation = touched.relation
        OR w.relation IN (SELECT relid FROM pg_partition_ancestors(touched.relation))
    WHERE c.classid IN ('pg_class'::regclass, 'pg_trigger'::regclass)
  LOOP
    PERFORM audit_trail.note('0', json_build_object(
      'action', 'schema_changed', 'account', '0', 'entity_type', 'table', 'entity_id', name,
      'details', json_build_object('command', TG_TAG)
    )::text);
    INSERT INTO audit_trail.altered (table_name) VALUES (name);
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'audit_trail: % on a watched table was not recorded: %', TG_TAG, SQLERRM;
END
$body$;

-- Of a table, a partition or a trigger that is gone only this event knows.
CREATE OR REPLACE FUNCTION audit_trail.schema_dropped() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  name text;
BEGIN
  IF EXISTS (SELECT FROM audit_trail.quiet WHERE transaction = pg_current_xact_id()) THEN
    RETURN;
  END IF;
  FOR name IN
    SELECT DISTINCT address_names[2] FROM pg_event_trigger_dropped_objects()
    WHERE object_type = 'trigger' AND address_names[3] LIKE '00\_audit\_%'
  LOOP
    PERFORM audit_trail.note('0', json_build_object(
      'action', 'schema_changed', 'account', '0', 'entity_type', 'table', 'entity_id', name,
      'details', json_build_object('command', TG_TAG)
    )::text);
    INSERT INTO audit_trail.altered (table_name) VALUES (name);
  END LOOP;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'audit_trail: % on a watched table was not recorded: %', TG_TAG, SQLERRM;
END
$body$;

-- Whoever may run a trigger's function could put it on a table of their own, and write entries.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit_trail FROM PUBLIC;
