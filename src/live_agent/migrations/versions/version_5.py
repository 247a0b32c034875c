"""Version 5: a person may choose the language and the time zone in which they are told things."""

from alembic import op
from sqlalchemy import Column, String

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Let people choose; those that there are have chosen nothing."""
    words = String().with_variant(String(collation="C"), "postgresql")
    op.add_column("users", Column("language", words))
    op.add_column("users", Column("timezone", words))
