"""A version to come: teams get a motto, and say their purpose where they had a description."""

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"


def upgrade() -> None:
    # On SQLite the table is rebuilt, on PostgreSQL altered.
    with op.batch_alter_table("teams", table_kwargs={"sqlite_autoincrement": True}) as table:
        table.add_column(sa.Column("motto", sa.String()))
        table.alter_column("description", new_column_name="purpose")
