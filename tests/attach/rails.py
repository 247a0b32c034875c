"""The schema of a customer-service product as Rails would have migrated it, for both engines.

A line is a table: its name, and its columns. `x!` isn't null, `x:type` has a type (else a string),
`x=1` a default, `>x` is x_id, `>x!` with a foreign key, `?x` is a polymorphic pair, `x*` has a unique
index together with the other ones that are marked; `-id` and `-times` leave out what Rails adds.
"""

import re
from collections.abc import Iterator

TABLES = """
accounts: name! domain support_email locale:int=0 status:int=0 settings:json limits:json features:bigint=0
account_users: >account!* >user!* role:int=0 >inviter_user availability:int=0 active_at:time
users: name! display_name email!* encrypted_password!= reset_password_token reset_password_sent_at:time provider!=email uid!= tokens:json otp_secret otp_required_for_login:bool=false otp_backup_codes:text[] pubsub_token sign_in_count:int=0 current_sign_in_at:time type message_signature:text ui_settings:json
access_tokens: ?owner token*
agent_bots: name description outgoing_url >account bot_type:int=0 bot_config:json secret
agent_bot_inboxes: >inbox >agent_bot status:int=0 >account
inboxes: >account! channel_id:bigint! channel_type name! enable_auto_assignment:bool=true greeting_enabled:bool=false greeting_message working_hours_enabled:bool=false timezone=UTC auto_assignment_config:json hmac_token csat_survey_enabled:bool=false
inbox_members: >user! >inbox!
inbox_settings: >inbox!* business_name sender_name_type:int=0 lock_to_single_conversation:bool=false allowed_domains:text[]
channel_api: >account! webhook_url identifier hmac_token hmac_mandatory:bool=false additional_attributes:json
channel_email: >account! email! forward_to_email imap_enabled:bool=false imap_address imap_login imap_password smtp_address smtp_password provider_config:json
channel_web_widgets: >account website_url website_token widget_color=#1f93ff welcome_title feature_flags:int=7 hmac_token
channel_sms: >account! phone_number! provider=default provider_config:json
channel_twilio_sms: >account! phone_number auth_token! account_sid! api_key_sid medium:int=0
channel_whatsapp: >account! phone_number! provider provider_config:json message_templates:json
channel_telegram: >account! bot_name bot_token!
channel_line: >account! line_channel_id! line_channel_secret! line_channel_token!
channel_facebook_pages: >account! page_id! user_access_token! page_access_token!
contacts: >account! name= email phone_number identifier additional_attributes:json custom_attributes:json last_activity_at:time blocked:bool=false contact_type:int=0
contact_inboxes: >contact! >inbox! source_id! hmac_verified:bool=false pubsub_token
companies: >account! name! domain contacts_count:int=0
conversations: >account! >inbox! status:int=0 assignee_id:bigint >contact display_id:int! >contact_inbox uuid:uuid! >team priority:int last_activity_at:time cached_label_list:text additional_attributes:json custom_attributes:json messages_count:int=0 snoozed_until:time
conversation_participants: >account! >user! >conversation!
mentions: >user! >conversation! >account! mentioned_at:time!
messages: >conversation! content:text message_type:int! private:bool=false status:int=0 content_type:int=0 content_attributes:json ?sender external_source_id
message_reactions: >message! >user! emoji!
attachments: >message! file_type:int=0 external_url coordinates_lat:float=0 extension
drafts: >conversation! >user! content:text
labels: >account title!  description:text color=#1f93ff show_on_sidebar:bool
tags: name taggings_count:int=0
taggings: >tag ?taggable ?tagger context -updated
teams: >account! name! description:text allow_auto_assign:bool=true
team_members: >team! >user!
macros: >account! name! visibility:int=0 >created_by_user actions:json!
automation_rules: >account! name! description:text event_name! conditions:json! actions:json! active:bool=true
canned_responses: >account! short_code! content:text
webhooks: >account! >inbox url webhook_type:int=0 subscriptions:json name secret
integrations_hooks: >account! >inbox status:int=1 app_id! hook_type:int=0 access_token settings:json reference_id
dashboard_apps: >account! title! content:json >user
custom_attribute_definitions: >account attribute_display_name attribute_key attribute_display_type:int=0 attribute_model:int=0 attribute_values:json
custom_filters: >account! >user! name! filter_type:int=0 query:json
custom_roles: >account! name description permissions:text[]
sla_policies: >account! name! first_response_time_threshold:float only_during_business_hours:bool=false
applied_slas: >account! >sla_policy! >conversation! sla_status:int=0
sla_events: >applied_sla! event_type:int meta:json
working_hours: >inbox >account day_of_week:int! closed_all_day:bool=false open_hour:int open_minutes:int close_hour:int
campaigns: >account! >inbox! title! description:text message:text! sender_id:int enabled:bool=true audience:json scheduled_at:time trigger_rules:json
campaign_deliveries: >campaign! >contact! delivered_at:time error
portals: >account! name! slug!* custom_domain color homepage_link archived:bool=false config:json
portals_users: >portal! >user! -id -times
categories: >account! >portal! name slug! locale=en position:int >parent_category
related_categories: >category >related_category
articles: >account! >portal! >category title content:text status:int views:int author_id:bigint slug!* meta:json
article_feedbacks: >article! helpful:bool comment:text
folders: >account! >category! name
notes: >account! >contact! >user content:text!
notifications: >account! >user! notification_type:int! ?primary_actor ?secondary_actor read_at:time
notification_settings: >account! >user! email_flags:int=0 push_flags:int=0
notification_subscriptions: >user! subscription_type:int! subscription_attributes:json! identifier
csat_survey_responses: >account! >conversation! >message! rating:int! feedback_message:text >contact!
data_imports: >account! data_type! status:int=0 processing_errors:text total_records:int
reporting_events: name value:float >account >inbox >user >conversation event_start_time:time
assignment_policies: >account! name! description:text enabled:bool=true assignment_order:int=0
inbox_assignment_policies: >inbox!* >assignment_policy!
agent_capacity_policies: >account! name! description:text exclusion_rules:json
capacity_limits: >agent_capacity_policy! >inbox! conversation_limit:int!
leaves: >account! >user! start_date:date! end_date:date! reason:text status:int=0
skills: >account! name!
agent_skills: >account_user! >skill! level:int=1
email_templates: name! body:text! >account template_type:int=1
telegram_bots: name auth_key >account
platform_apps: name!
platform_app_permissibles: >platform_app! ?permissible
installation_configs: name!* serialized_value:json! locked:bool=true
active_storage_blobs: key!* filename! content_type metadata:text service_name! byte_size:bigint! checksum -updated
active_storage_attachments: name! ?record >blob! -updated
active_storage_variant_records: >blob! variation_digest! -times
article_embeddings: >article! term:text! embedding:float[]
audits: ?auditable ?user action audited_changes:json version:int=0 comment remote_address -updated
ar_internal_metadata: key! value -id
schema_migrations: version! -id -times
sessions: session_id!* data:text
good_jobs: queue_name priority:int serialized_params:json scheduled_at:time error:text
ahoy_events: >user name properties:json time:time -times
"""
# What Rails names otherwise than by the column.
TARGETS = {
    "inviter_user": "users",
    "created_by_user": "users",
    "parent_category": "categories",
    "related_category": "categories",
    "blob": "active_storage_blobs",
    "sla_policy": "sla_policies",
    "category": "categories",
    "assignment_policy": "assignment_policies",
    "agent_capacity_policy": "agent_capacity_policies",
    "inbox": "inboxes",
    "contact_inbox": "contact_inboxes",
    "applied_sla": "applied_slas",
}
# Few of them bear a foreign key in the database, as is Rails' habit.
WITH_FOREIGN_KEYS = {
    *("active_storage_attachments", "active_storage_variant_records", "message_reactions"),
    *("attachments", "sla_events", "related_categories", "article_embeddings", "inbox_settings"),
    *("categories", "agent_skills", "account_users"),
}
POSTGRESQL = {
    "string": "character varying",
    "time": "timestamp(6) without time zone",
    "int": "integer",
    "json": "jsonb DEFAULT '{}'",
    "bool": "boolean",
    "float": "double precision",
    "float[]": "double precision[]",
    "text[]": "text[] DEFAULT '{}'",
}
SQLITE = {
    "string": "varchar",
    "time": "datetime(6)",
    "int": "integer",
    "json": "json DEFAULT '{}'",
    "bool": "boolean",
    "text[]": "json DEFAULT '[]'",
    "float[]": "json",
    "uuid": "varchar",
}
_COLUMN = re.compile(r"(?P<name>\w+)(:(?P<type>[\w\[\]]+))?(?P<rest>[!*]*)(=(?P<default>.*))?")


def statements(*, postgresql: bool) -> Iterator[str]:
    """Yield the statements of the schema."""
    lines = TABLES.strip().splitlines()
    for line in lines:
        yield from _table(line, POSTGRESQL if postgresql else SQLITE, postgresql)
    if postgresql:
        for table, _, given in (line.partition(":") for line in lines):
            for word in given.split():
                if word.startswith(">") and table in WITH_FOREIGN_KEYS:
                    column, target = _pointed(word)
                    yield f'ALTER TABLE "{table}" ADD FOREIGN KEY ("{column}") REFERENCES "{target}"'


def _table(line: str, types: dict[str, str], postgresql: bool) -> Iterator[str]:
    name, _, given = line.partition(":")
    words = given.split()
    columns = [each for word in words for each in _columns(name, word, types, postgresql)]
    if "-id" not in words:
        kind = "bigserial PRIMARY KEY" if postgresql else "integer PRIMARY KEY AUTOINCREMENT"
        columns.insert(0, f'"id" {kind} NOT NULL')
    if "-times" not in words:
        columns.append(f'"created_at" {types["time"]} NOT NULL')
        if "-updated" not in words:
            columns.append(f'"updated_at" {types["time"]} NOT NULL')
    yield f'CREATE TABLE "{name}" ({", ".join(columns)})'
    if unique := [_named(word) for word in words if "*" in word]:
        yield _index("UNIQUE INDEX", name, unique)
    if name == "schema_migrations":
        yield _index("UNIQUE INDEX", name, ["version"])
    for word in words:
        if word.startswith(">") and "*" not in word:
            yield _index("INDEX", name, [_named(word)])


def _index(kind: str, table: str, columns: list[str]) -> str:
    on = ", ".join(f'"{column}"' for column in columns)
    return f'CREATE {kind} "index_{table}_on_{"_and_".join(columns)}" ON "{table}" ({on})'


def _named(word: str) -> str:
    head = re.sub(r"\W", "", word.partition("=")[0].partition(":")[0])
    return f"{head}_id" if word.startswith(">") else head


def _columns(table: str, word: str, types: dict[str, str], postgresql: bool) -> Iterator[str]:
    if word.startswith("?"):
        yield f'"{word[1:]}_type" {types["string"]}'
        yield f'"{word[1:]}_id" bigint'
    elif word.startswith(">"):
        yield _reference(table, word, postgresql)
    elif not word.startswith("-"):
        yield _column(word, types)


def _reference(table: str, word: str, postgresql: bool) -> str:
    column, target = _pointed(word)
    text = f'"{column}" {"bigint" if postgresql else "integer"}'
    text += " NOT NULL" if "!" in word else ""
    has_key = table in WITH_FOREIGN_KEYS and not postgresql
    return text + (f' REFERENCES "{target}" ("id")' if has_key else "")


def _pointed(word: str) -> tuple[str, str]:
    head = re.sub(r"\W", "", word)
    return f"{head}_id", TARGETS.get(head, f"{head}s")


def _column(word: str, types: dict[str, str]) -> str:
    found = _COLUMN.fullmatch(word)
    assert found, word
    kind = found["type"] or "string"
    text = f'"{found["name"]}" {types.get(kind, kind)}' + (
        " NOT NULL" if "!" in found["rest"] else ""
    )
    if found["default"] is not None:
        text += " DEFAULT " + (
            found["default"]
            if kind in ("int", "bigint", "bool", "float")
            else f"'{found['default']}'"
        )
    return text
