"""Version 3: questions about the audit logs are kept as views, and webhooks tell of new entries."""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    text,
)

from live_agent.schema import Now

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Create the views, and how far their webhooks have come."""
    number = BigInteger().with_variant(Integer(), "sqlite")
    words = String().with_variant(String(collation="C"), "postgresql")
    none = text("0")
    op.create_table(
        "saved_views",
        Column("user_id", number, ForeignKey("users.id", ondelete="SET NULL"), index=True),
        Column("name", words, nullable=False),
        Column("question", words),
        Column("range", words),
        Column("since", words),
        Column("until", words),
        Column("columns", JSON(), server_default=text("'[]'"), nullable=False),
        Column("timezone", words, server_default="UTC", nullable=False),
        Column("is_shared", Boolean(), server_default=false(), nullable=False),
        Column("webhook_url", words),
        Column("webhook_secret", words),
        Column("period_seconds", number, server_default=text("3600"), nullable=False),
        Column("account_id", number, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        Column("id", number, Identity(always=True), primary_key=True),
        Column("created_at", number, server_default=Now(), nullable=False),
        Column("updated_at", number, server_default=Now(), nullable=False),
        UniqueConstraint("account_id", "user_id", "name"),
        Index(
            "saved_views_shared",
            "account_id",
            "name",
            unique=True,
            sqlite_where=text("is_shared"),
            postgresql_where=text("is_shared"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "view_deliveries",
        Column(
            "view_id", number, ForeignKey("saved_views.id", ondelete="CASCADE"), primary_key=True
        ),
        Column("turn", number, server_default=none, nullable=False),
        Column("position", number, nullable=False),
        Column("matched", number, server_default=none, nullable=False),
        Column("newest", JSON(), server_default=text("'[]'"), nullable=False),
        Column("message_id", words),
        Column("message", words),
        Column("attempts", number, server_default=none, nullable=False),
        Column("due_at", number, server_default=none, nullable=False),
        Column("failed_at", number),
    )
