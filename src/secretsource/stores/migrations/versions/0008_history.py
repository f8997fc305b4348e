"""The position of each event in one feed of all events; it is given when the feed is read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ORDERS = {"secretsource_events": ["time", "key_id", "revision"], "secretsource_owner_events": ["revision"]}


def upgrade() -> None:
    """Make the columns and their indices; events until now get their position from the first reader."""
    for table, order in _ORDERS.items():
        op.add_column(table, sa.Column("position", sa.BigInteger))
        is_placed, is_new = sa.text("position IS NOT NULL"), sa.text("position IS NULL")
        op.create_index(
            f"{table}_by_position",
            table,
            ["position"],
            unique=True,
            postgresql_where=is_placed,
            sqlite_where=is_placed,
        )
        op.create_index(f"{table}_without_position", table, order, postgresql_where=is_new, sqlite_where=is_new)


def downgrade() -> None:
    """Drop them; a reader of the feed begins anew after the next upgrade."""
    for table in _ORDERS:
        op.drop_index(f"{table}_without_position", table)
        op.drop_index(f"{table}_by_position", table)
        op.drop_column(table, "position")
