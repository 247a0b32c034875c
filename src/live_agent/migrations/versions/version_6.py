"""Version 6: labels, canned responses, macros, skills, conversations, and more of an account."""

from collections.abc import Sequence
from typing import Any

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
    true,
)

from live_agent.schema import Now

revision = "6"
down_revision = "5"

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
_WORDS = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables, and let accounts say more of themselves."""
    _more_of_accounts()
    _table(
        "labels",
        Column("title", _WORDS, nullable=False),
        Column("description", _WORDS),
        Column("color", _WORDS, server_default="#1f93ff", nullable=False),
        Column("show_on_sidebar", Boolean(), server_default=true(), nullable=False),
        *_owned(),
        UniqueConstraint("account_id", "title"),
    )
    _table(
        "canned_responses",
        Column("short_code", _WORDS, nullable=False),
        Column("content", _WORDS, nullable=False),
        *_owned(),
        UniqueConstraint("account_id", "short_code"),
    )
    _table(
        "macros",
        Column("user_id", _NUMBER, ForeignKey("users.id", ondelete="SET NULL"), index=True),
        Column("name", _WORDS, nullable=False),
        Column("visibility", _WORDS, server_default="personal", nullable=False),
        Column("actions", JSON(), server_default=text("'[]'"), nullable=False),
        *_owned(),
        Index("macros_by_account", "account_id"),
    )
    _table(
        "skills",
        Column("name", _WORDS, nullable=False),
        Column("description", _WORDS),
        *_owned(),
        UniqueConstraint("account_id", "name"),
    )
    _table(
        "agent_skills",
        Column("skill_id", _NUMBER, ForeignKey("skills.id", ondelete="CASCADE"), nullable=False),
        Column("user_id", _NUMBER, nullable=False),
        *_owned(),
        UniqueConstraint("skill_id", "user_id"),
        ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["account_users.account_id", "account_users.user_id"],
            ondelete="CASCADE",
        ),
        Index("agent_skills_by_agent", "account_id", "user_id"),
    )
    _table(
        "conversations",
        Column(
            "inbox_id",
            _NUMBER,
            ForeignKey("inboxes.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        Column("status", _WORDS, server_default="open", nullable=False),
        Column("contact_name", _WORDS),
        Column("contact_email", _WORDS),
        *_owned(),
        Index("conversations_by_account", "account_id"),
    )


def _more_of_accounts() -> None:
    op.add_column("accounts", Column("locale", _WORDS, server_default="en", nullable=False))
    op.add_column("accounts", Column("domain", _WORDS))
    op.add_column("accounts", Column("support_email", _WORDS))
    op.add_column("accounts", Column("auto_resolve_duration", _NUMBER))
    op.add_column(
        "accounts", Column("audit_reads", Boolean(), server_default=true(), nullable=False)
    )


def _table(name: str, *parts: Any) -> None:
    op.create_table(name, *parts, sqlite_autoincrement=True)


def _owned() -> Sequence[Column[Any]]:
    """What each of these tables has."""
    return (
        Column(
            "account_id", _NUMBER, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False
        ),
        Column("id", _NUMBER, Identity(always=True), primary_key=True),
        Column("created_at", _NUMBER, server_default=Now(), nullable=False),
        Column("updated_at", _NUMBER, server_default=Now(), nullable=False),
    )
