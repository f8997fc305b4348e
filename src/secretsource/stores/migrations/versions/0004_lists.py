"""The indexes of lists of keys, so that a page takes no longer among a million keys than among ten thousand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TABLE = "secretsource_keys"
_ORDERED = {
    "prefix": ["prefix", "created", "key_id"],
    "environment": ["environment", "created", "key_id"],
    "pepper": ["pepper_version", "created", "key_id"],
    "status": ["status", "created", "key_id", "pepper_version"],
}
_ENDS = ("expires", "overlap_ends")


def upgrade() -> None:
    """Make the indices."""
    for what, columns in _ORDERED.items():
        op.create_index(f"{_TABLE}_by_{what}", _TABLE, columns)
    for end in _ENDS:
        is_there = sa.text(f"{end} IS NOT NULL")
        op.create_index(f"{_TABLE}_by_{end}", _TABLE, [end], postgresql_where=is_there, sqlite_where=is_there)
    _leave_room(70)


def downgrade() -> None:
    """Drop them; lists take longer then, and lose nothing."""
    for what in (*_ORDERED, *_ENDS):
        op.drop_index(f"{_TABLE}_by_{what}", _TABLE)
    _leave_room(100)


def _leave_room(fill: int) -> None:
    """Have PostgreSQL fill pages up to so many percent, so that a flush of uses touches no index."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {_TABLE} SET (fillfactor = {fill})")
