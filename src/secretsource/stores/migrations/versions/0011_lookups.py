"""The order and the indices of questions about many rows: counts of an owner, and events by actor and kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_COUNTS, _COUNTS_BEFORE = "secretsource_counts", "secretsource_counts_before"
_MOVE = """
    INSERT INTO secretsource_counts
    SELECT owner, unit, start, key_id, outcome, requests FROM secretsource_counts_before
"""
_EVENTS, _WAITING = "secretsource_events", "secretsource_events_without_position"
_PLACED = (_EVENTS, "secretsource_owner_events")
_WORDS = ("actor", "kind")


def upgrade() -> None:
    """Make the indices; on SQLite, move the counts to a table in the order of its key."""
    _order_new_events("time", "revision", "key_id")
    is_placed = sa.text("position IS NOT NULL")
    for table in _PLACED:
        for word in _WORDS:
            name, columns = f"{table}_by_{word}", [word, "position"]
            op.create_index(name, table, columns, postgresql_where=is_placed, sqlite_where=is_placed)
    _move_counts(with_rowid=False)


def downgrade() -> None:
    """Drop them; questions take longer then, and nothing is lost."""
    _move_counts(with_rowid=True)
    for table in _PLACED:
        for word in _WORDS:
            op.drop_index(f"{table}_by_{word}", table)
    _order_new_events("time", "key_id", "revision")


def _order_new_events(*columns: str) -> None:
    is_new = sa.text("position IS NULL")
    op.drop_index(_WAITING, _EVENTS)
    op.create_index(_WAITING, _EVENTS, [*columns], postgresql_where=is_new, sqlite_where=is_new)


def _move_counts(*, with_rowid: bool) -> None:
    """Make the table of counts anew, which only SQLite needs."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_index(f"{_COUNTS}_by_age", _COUNTS)
    op.rename_table(_COUNTS, _COUNTS_BEFORE)
    op.create_table(
        _COUNTS,
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "unit", "start", "key_id", "outcome"),
        sqlite_with_rowid=with_rowid,
    )
    op.execute(_MOVE)
    op.drop_table(_COUNTS_BEFORE)
    op.create_index(f"{_COUNTS}_by_age", _COUNTS, ["unit", "start"])
