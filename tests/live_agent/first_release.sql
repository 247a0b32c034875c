-- A file as the first release made it, without its triggers.
BEGIN TRANSACTION;
CREATE TABLE access_tokens (
	user_id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	token_hash VARCHAR NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	UNIQUE (token_hash)
);
CREATE TABLE account_users (
	user_id INTEGER NOT NULL, 
	role VARCHAR DEFAULT 'agent' NOT NULL, 
	availability VARCHAR DEFAULT 'offline' NOT NULL, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (account_id, user_id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE accounts (
	name VARCHAR NOT NULL, 
	timezone VARCHAR DEFAULT 'UTC' NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL
);
INSERT INTO "accounts" VALUES('Alder','UTC',1,1795529320639607,1795529320639612);
CREATE TABLE agent_bots (
	name VARCHAR NOT NULL, 
	description VARCHAR, 
	outgoing_url VARCHAR, 
	inbox_id INTEGER, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (account_id, name), 
	FOREIGN KEY(inbox_id) REFERENCES inboxes (id) ON DELETE SET NULL, 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE attempts (
	kind VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	started_at INTEGER NOT NULL, 
	count INTEGER NOT NULL, 
	events VARCHAR, 
	context VARCHAR, 
	PRIMARY KEY (kind, subject)
);
CREATE TABLE audit_context (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  token BLOB,
  context TEXT,
  guard INTEGER REFERENCES audit_guard (id) DEFERRABLE INITIALLY DEFERRED
);
INSERT INTO "audit_context" VALUES(1,NULL,NULL,NULL);
CREATE TABLE audit_displaced (
  table_name TEXT NOT NULL,
  primary_key,
  account,
  record_key,
  record_id,
  changes,
  labels
);
CREATE TABLE audit_guard (
  id INTEGER PRIMARY KEY CHECK (id IS NULL)
);
CREATE TABLE audit_outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  token BLOB,
  nonce BLOB NOT NULL DEFAULT (randomblob(10)),
  occurred_ms INTEGER NOT NULL
    DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)),
  table_name TEXT,
  operation TEXT,
  account,
  record_key,
  record_id,
  changes,
  labels,
  context
);
INSERT INTO "audit_outbox" VALUES(1,NULL,X'787BB6164B52927BB47B',1795529320640,'accounts','create','0','1','1','{"name":[null,"Alder"],"timezone":[null,"UTC"],"id":[null,1]}','{"name":[null,"Alder"]}',NULL);
INSERT INTO "audit_outbox" VALUES(2,NULL,X'2E90961C3E6DEA0E91C4',1795529320644,'teams','create',1,'1','1','{"name":[null,"Tier 1"],"allow_auto_assign":[null,true],"account_id":[null,1],"id":[null,1]}','{"name":[null,"Tier 1"]}',NULL);
INSERT INTO "audit_outbox" VALUES(3,NULL,X'07C6B38A673B1BA93281',1795529320645,'teams','create',1,'2','2','{"name":[null,"Tier 2"],"allow_auto_assign":[null,true],"account_id":[null,1],"id":[null,2]}','{"name":[null,"Tier 2"]}',NULL);
INSERT INTO "audit_outbox" VALUES(4,NULL,X'21D780119E91DBE0A202',1795529320646,'teams','delete',1,'2','2','{"name":["Tier 2",null],"allow_auto_assign":[true,null],"account_id":[1,null],"id":[2,null]}','{"name":["Tier 2",null]}',NULL);
CREATE TABLE audit_watch (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  definition TEXT NOT NULL
);
CREATE TABLE automation_rules (
	name VARCHAR NOT NULL, 
	description VARCHAR, 
	event_name VARCHAR NOT NULL, 
	conditions JSON DEFAULT '[]' NOT NULL, 
	actions JSON DEFAULT '[]' NOT NULL, 
	active BOOLEAN DEFAULT 1 NOT NULL, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (account_id, name), 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE inbox_members (
	inbox_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (inbox_id, user_id), 
	FOREIGN KEY(account_id, user_id) REFERENCES account_users (account_id, user_id) ON DELETE CASCADE, 
	FOREIGN KEY(inbox_id) REFERENCES inboxes (id) ON DELETE CASCADE, 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE inboxes (
	name VARCHAR NOT NULL, 
	avatar_url VARCHAR, 
	webhook_url VARCHAR, 
	project_id VARCHAR, 
	inbox_identifier VARCHAR DEFAULT (lower(hex(randomblob(16)))) NOT NULL, 
	greeting_enabled BOOLEAN DEFAULT 0 NOT NULL, 
	greeting_message VARCHAR, 
	enable_auto_assignment BOOLEAN DEFAULT 1 NOT NULL, 
	allow_reassignment BOOLEAN DEFAULT 1 NOT NULL, 
	agents_see_all_conversations BOOLEAN DEFAULT 0 NOT NULL, 
	enable_conversation_count BOOLEAN DEFAULT 0 NOT NULL, 
	timezone VARCHAR DEFAULT 'UTC' NOT NULL, 
	working_hours_enabled BOOLEAN DEFAULT 0 NOT NULL, 
	working_hours JSON DEFAULT '[]' NOT NULL, 
	out_of_office_message VARCHAR, 
	csat_survey_enabled BOOLEAN DEFAULT 0 NOT NULL, 
	csat_config JSON DEFAULT '{}' NOT NULL, 
	lock_to_single_conversation BOOLEAN DEFAULT 0 NOT NULL, 
	hmac_token VARCHAR DEFAULT (lower(hex(randomblob(16)))) NOT NULL, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (account_id, name), 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE sessions (
	id_hash VARCHAR NOT NULL, 
	user_id INTEGER NOT NULL, 
	csrf VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at INTEGER NOT NULL, 
	last_seen_at INTEGER NOT NULL, 
	PRIMARY KEY (id_hash), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE team_members (
	team_id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (team_id, user_id), 
	FOREIGN KEY(account_id, user_id) REFERENCES account_users (account_id, user_id) ON DELETE CASCADE, 
	FOREIGN KEY(team_id) REFERENCES teams (id) ON DELETE CASCADE, 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE TABLE teams (
	name VARCHAR NOT NULL, 
	description VARCHAR, 
	allow_auto_assign BOOLEAN DEFAULT 1 NOT NULL, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (account_id, name), 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
INSERT INTO "teams" VALUES('Tier 1',NULL,1,1,1,1795529320643850,1795529320643853);
CREATE TABLE users (
	name VARCHAR NOT NULL, 
	email VARCHAR NOT NULL, 
	password_hash VARCHAR, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	UNIQUE (email)
);
CREATE TABLE webhooks (
	inbox_id INTEGER, 
	url VARCHAR NOT NULL, 
	subscriptions JSON DEFAULT '[]' NOT NULL, 
	secret VARCHAR DEFAULT (lower(hex(randomblob(16)))) NOT NULL, 
	account_id INTEGER NOT NULL, 
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	created_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	updated_at INTEGER DEFAULT (CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000) NOT NULL, 
	FOREIGN KEY(inbox_id) REFERENCES inboxes (id) ON DELETE CASCADE, 
	FOREIGN KEY(account_id) REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX ix_account_users_user_id ON account_users (user_id);
CREATE INDEX ix_access_tokens_user_id ON access_tokens (user_id);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX inbox_members_by_agent ON inbox_members (account_id, user_id);
CREATE INDEX team_members_by_agent ON team_members (account_id, user_id);
CREATE INDEX ix_webhooks_inbox_id ON webhooks (inbox_id);
CREATE INDEX webhooks_by_account ON webhooks (account_id);
CREATE INDEX ix_agent_bots_inbox_id ON agent_bots (inbox_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit_outbox',4);
INSERT INTO "sqlite_sequence" VALUES('accounts',1);
INSERT INTO "sqlite_sequence" VALUES('teams',2);
COMMIT;
PRAGMA user_version = 1;
