"""The names of the fields that an update of a key changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0006"
down_revision = "0005"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the column; events until now changed nothing that it names."""
    op.add_column("secretsource_events", sa.Column("fields", _TEXT))


def downgrade() -> None:
    """Drop it, and with it what updates have changed."""
    op.drop_column("secretsource_events", "fields")
