"""Claims of requests that may be repeated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0012"
down_revision = "0011"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of claims."""
    op.create_table(
        "secretsource_claims",
        sa.Column("caller", _TEXT, nullable=False),
        sa.Column("token", _TEXT, nullable=False),
        sa.Column("request", _TEXT, nullable=False),
        sa.Column("key_id", _TEXT, nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "token"),
    )
    op.create_index("secretsource_claims_by_age", "secretsource_claims", ["made"])


def downgrade() -> None:
    """Drop it: requests from before the next upgrade make a second key when they are repeated."""
    op.drop_table("secretsource_claims")
