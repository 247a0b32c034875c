-- Who may do what in the application's database; run again, it changes nothing.
--
-- The owner has the tables and may act as the capture role, to make the triggers. The capture role
-- has the outbox, whose rows the triggers write in its name. The application has its tables' rows,
-- and of the outbox the one function that notes an event: it can neither read nor empty it, nor
-- switch a trigger off.
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {application}, {capture};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {application}, {capture};
CREATE SCHEMA IF NOT EXISTS audit_trail AUTHORIZATION {capture};

-- What a later version creates is covered too.
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {application};
