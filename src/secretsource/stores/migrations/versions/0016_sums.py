"""The counts of owners, added up, and indices of an owner's keys by environment, status and expiry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0016"
down_revision = "0015"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")
_SUMS, _KEYS = "secretsource_sums", "secretsource_keys"
_ORDERED = ("environment", "status")
_ADD_UP = """
    INSERT INTO secretsource_sums (owner, unit, start, outcome, requests)
    SELECT owner, unit, start, outcome, CAST(sum(requests) AS BIGINT) FROM secretsource_counts
    GROUP BY owner, unit, start, outcome
"""


def upgrade() -> None:
    """Make the table and the indices, and add up what was counted before."""
    op.create_table(
        _SUMS,
        sa.Column("owner", _TEXT, nullable=False),
        sa.Column("unit", _TEXT, nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("outcome", _TEXT, nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "unit", "start", "outcome"),
        sqlite_with_rowid=False,
    )
    op.create_index(f"{_SUMS}_by_age", _SUMS, ["unit", "start"])
    op.execute(_ADD_UP)
    for word in _ORDERED:
        op.create_index(f"{_KEYS}_by_owner_{word}", _KEYS, ["owner", word, "created", "key_id"])
    has_end = sa.text("expires IS NOT NULL")
    columns = ["owner", "expires", "key_id"]
    op.create_index(f"{_KEYS}_by_owner_expires", _KEYS, columns, postgresql_where=has_end, sqlite_where=has_end)


def downgrade() -> None:
    """Drop them; questions take longer then, and nothing is lost."""
    for word in ("expires", *_ORDERED):
        op.drop_index(f"{_KEYS}_by_owner_{word}", _KEYS)
    op.drop_table(_SUMS)
