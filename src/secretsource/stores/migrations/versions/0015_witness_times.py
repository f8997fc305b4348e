"""The time when a network or a user agent of a key was last noted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add it; what was noted before counts as old, and is noted anew with the next use."""
    op.add_column("secretsource_witnesses", sa.Column("noted", sa.Double(), nullable=False, server_default="0"))
    op.create_index("secretsource_witnesses_by_time", "secretsource_witnesses", ["noted"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("secretsource_witnesses_by_time", "secretsource_witnesses")
    op.drop_column("secretsource_witnesses", "noted")
