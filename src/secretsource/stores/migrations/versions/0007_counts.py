"""Counted requests, by minute, hour and day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0007"
down_revision = "0006"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of counts."""
    op.create_table(
        "secretsource_counts",
        sa.Column("owner", _TEXT, nullable=False),
        sa.Column("unit", _TEXT, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("key_id", _TEXT, nullable=False),
        sa.Column("outcome", _TEXT, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", "unit", "start", "key_id", "outcome"),
    )
    op.create_index("secretsource_counts_by_age", "secretsource_counts", ["unit", "start"])


def downgrade() -> None:
    """Drop it, with every count."""
    op.drop_table("secretsource_counts")
