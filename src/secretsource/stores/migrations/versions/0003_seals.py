"""The seals of the locators of keys, so that a pepper can be dropped and its keys are still known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0003"
down_revision = "0002"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of seals."""
    op.create_table(
        "secretsource_seals",
        sa.Column("version", _TEXT, primary_key=True),
        sa.Column("key", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop it; keys whose pepper was dropped are unknown from then on."""
    op.drop_table("secretsource_seals")
