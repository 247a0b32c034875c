"""Version 1: the tables as they were first, on SQLite and PostgreSQL."""

from typing import Any, Final

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    false,
    text,
    true,
)

from live_agent.schema import Now, RandomHex

revision = "1"
down_revision = None

_NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")
_TEXT: Final = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create every table."""
    _create_people()
    _create_inboxes()
    _create_teams()
    _create_automation()
    _create_keys()


def _create_people() -> None:
    _create("accounts", _text("name"), _text("timezone", "UTC"), *_numbered())
    _create(
        "users",
        _text("name"),
        _text("email"),
        _optional("password_hash"),
        *_numbered(),
        UniqueConstraint("email"),
    )
    _create(
        "account_users",
        _number("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
        _text("role", "agent"),
        _text("availability", "offline"),
        *_owned(),
        UniqueConstraint("account_id", "user_id"),
    )


def _create_inboxes() -> None:
    _create(
        "inboxes",
        _text("name"),
        *map(_optional, ("avatar_url", "webhook_url", "project_id")),
        _text("inbox_identifier", RandomHex()),
        _flag("greeting_enabled", on=False),
        _optional("greeting_message"),
        _flag("enable_auto_assignment", on=True),
        _flag("allow_reassignment", on=True),
        _flag("agents_see_all_conversations", on=False),
        _flag("enable_conversation_count", on=False),
        _text("timezone", "UTC"),
        _flag("working_hours_enabled", on=False),
        _json("working_hours", "'[]'"),
        _optional("out_of_office_message"),
        _flag("csat_survey_enabled", on=False),
        _json("csat_config", "'{}'"),
        _flag("lock_to_single_conversation", on=False),
        _text("hmac_token", RandomHex()),
        *_owned(),
        UniqueConstraint("account_id", "name"),
    )
    _create(
        "inbox_members",
        _number("inbox_id", ForeignKey("inboxes.id", ondelete="CASCADE")),
        _number("user_id"),
        *_owned(),
        UniqueConstraint("inbox_id", "user_id"),
        _agent_of_the_account(),
    )
    op.create_index("inbox_members_by_agent", "inbox_members", ["account_id", "user_id"])
    _create(
        "webhooks",
        _parent_inbox("CASCADE"),
        _text("url"),
        _json("subscriptions", "'[]'"),
        _text("secret", RandomHex()),
        *_owned(),
    )
    op.create_index("webhooks_by_account", "webhooks", ["account_id"])


def _create_teams() -> None:
    _create(
        "teams",
        _text("name"),
        _optional("description"),
        _flag("allow_auto_assign", on=True),
        *_owned(),
        UniqueConstraint("account_id", "name"),
    )
    _create(
        "team_members",
        _number("team_id", ForeignKey("teams.id", ondelete="CASCADE")),
        _number("user_id"),
        *_owned(),
        UniqueConstraint("team_id", "user_id"),
        _agent_of_the_account(),
    )
    op.create_index("team_members_by_agent", "team_members", ["account_id", "user_id"])


def _create_automation() -> None:
    _create(
        "agent_bots",
        _text("name"),
        _optional("description"),
        _optional("outgoing_url"),
        _parent_inbox("SET NULL"),
        *_owned(),
        UniqueConstraint("account_id", "name"),
    )
    _create(
        "automation_rules",
        _text("name"),
        _optional("description"),
        _text("event_name"),
        _json("conditions", "'[]'"),
        _json("actions", "'[]'"),
        _flag("active", on=True),
        *_owned(),
        UniqueConstraint("account_id", "name"),
    )


def _create_keys() -> None:
    _create(
        "access_tokens",
        _number("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
        _text("name"),
        _text("token_hash"),
        *_numbered(),
        UniqueConstraint("token_hash"),
    )
    op.create_table(
        "sessions",
        _text("id_hash"),
        _number("user_id", ForeignKey("users.id", ondelete="CASCADE"), index=True),
        _text("csrf"),
        _text("name"),
        _number("created_at"),
        _number("last_seen_at"),
        PrimaryKeyConstraint("id_hash"),
    )
    op.create_table(
        "attempts",
        _text("kind"),
        _text("subject"),
        _number("started_at"),
        _number("count"),
        _optional("events"),
        _optional("context"),
        PrimaryKeyConstraint("kind", "subject"),
    )


def _create(table: str, *parts: Any) -> None:
    """Create a table whose ids are never used again."""
    op.create_table(table, *parts, sqlite_autoincrement=True)


def _numbered() -> tuple[Column[Any], ...]:
    return (
        Column("id", _NUMBER, Identity(always=True), primary_key=True),
        Column("created_at", _NUMBER, server_default=Now(), nullable=False),
        Column("updated_at", _NUMBER, server_default=Now(), nullable=False),
    )


def _owned() -> tuple[Column[Any], ...]:
    return (_number("account_id", ForeignKey("accounts.id", ondelete="CASCADE")), *_numbered())


def _parent_inbox(ondelete: str) -> Column[Any]:
    inbox = ForeignKey("inboxes.id", ondelete=ondelete)
    return Column("inbox_id", _NUMBER, inbox, nullable=True, index=True)


def _agent_of_the_account() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["account_id", "user_id"],
        ["account_users.account_id", "account_users.user_id"],
        ondelete="CASCADE",
    )


def _text(name: str, default: str | RandomHex | None = None) -> Column[Any]:
    return Column(name, _TEXT, server_default=default, nullable=False)


def _optional(name: str) -> Column[Any]:
    return Column(name, _TEXT, nullable=True)


def _number(name: str, *key: ForeignKey, index: bool = False) -> Column[Any]:
    return Column(name, _NUMBER, *key, nullable=False, index=index)


def _flag(name: str, *, on: bool) -> Column[Any]:
    return Column(name, Boolean(), server_default=true() if on else false(), nullable=False)


def _json(name: str, default: str) -> Column[Any]:
    return Column(name, JSON(), server_default=text(default), nullable=False)
