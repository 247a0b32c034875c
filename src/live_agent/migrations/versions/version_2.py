"""Version 2: an access token may be limited to a scope, in one account of its person."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Let tokens name an account and a scope; those that there are have neither."""
    number = BigInteger().with_variant(Integer(), "sqlite")
    text = String().with_variant(String(collation="C"), "postgresql")
    options = {"sqlite_autoincrement": True}
    with op.batch_alter_table("access_tokens", table_kwargs=options) as table:
        table.add_column(Column("account_id", number))
        table.add_column(Column("scope", text))
        table.create_foreign_key(
            "access_tokens_agent",
            "account_users",
            ["account_id", "user_id"],
            ["account_id", "user_id"],
            ondelete="CASCADE",
        )
        table.create_check_constraint(
            "access_tokens_scope_in_account", "(scope IS NULL) = (account_id IS NULL)"
        )
