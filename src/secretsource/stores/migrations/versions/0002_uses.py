"""The clients of a key that is being rotated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0002"
down_revision = "0001"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of counts, networks and user agents."""
    op.create_table(
        "secretsource_uses",
        sa.Column("key_id", _TEXT, sa.ForeignKey("secretsource_keys.key_id"), primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "secretsource_witnesses",
        sa.Column("key_id", _TEXT, sa.ForeignKey("secretsource_keys.key_id"), nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("seen", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "kind", "seen"),
    )


def downgrade() -> None:
    """Drop them, with all their rows."""
    op.drop_table("secretsource_witnesses")
    op.drop_table("secretsource_uses")
