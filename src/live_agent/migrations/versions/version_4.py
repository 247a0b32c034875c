"""Version 4: exports of the audit logs are written by the server, and kept for a while."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer, String, text

from live_agent.schema import Now

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Create the exports."""
    number = BigInteger().with_variant(Integer(), "sqlite")
    words = String().with_variant(String(collation="C"), "postgresql")
    none = text("0")
    op.create_table(
        "exports",
        Column("user_id", number, ForeignKey("users.id", ondelete="SET NULL"), index=True),
        Column("format", words, nullable=False),
        Column("wanted", words, nullable=False),
        Column("handed", words),
        Column("state", words, server_default="waiting", nullable=False),
        Column("turn", number, server_default=none, nullable=False),
        Column("attempts", number, server_default=none, nullable=False),
        Column("due_at", number, server_default=none, nullable=False),
        Column("written", number, server_default=none, nullable=False),
        Column("looked_at", number, server_default=none, nullable=False),
        Column("total", number, server_default=none, nullable=False),
        Column("checked", number, server_default=none, nullable=False),
        Column("bytes", number),
        Column("sha256", words),
        Column("failure", words),
        Column("expires_at", number),
        Column("account_id", number, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        Column("id", number, Identity(always=True), primary_key=True),
        Column("created_at", number, server_default=Now(), nullable=False),
        Column("updated_at", number, server_default=Now(), nullable=False),
        Index("exports_by_account", "account_id"),
        sqlite_autoincrement=True,
    )
