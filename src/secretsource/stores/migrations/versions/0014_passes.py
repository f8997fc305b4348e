"""Links and sessions of the pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0014"
down_revision = "0013"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of passes."""
    op.create_table(
        "secretsource_passes",
        sa.Column("token", _TEXT, primary_key=True),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("holder", _TEXT, nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.Column("ends", sa.Double(), nullable=False),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.Column("facts", _TEXT, nullable=False),
    )
    op.create_index("secretsource_passes_by_end", "secretsource_passes", ["ends"])
    op.create_index("secretsource_passes_by_holder", "secretsource_passes", ["holder", "kind"])


def downgrade() -> None:
    """Drop it: everybody who is signed in signs in again after the next upgrade."""
    op.drop_table("secretsource_passes")
