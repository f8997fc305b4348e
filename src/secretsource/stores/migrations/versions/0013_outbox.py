"""The outbox: messages that must arrive elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0013"
down_revision = "0012"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of messages."""
    op.create_table(
        "secretsource_outbox",
        sa.Column("queue", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.Column("owner", _TEXT),
        sa.Column("due", sa.Double()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("trouble", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("queue", "id"),
    )
    op.create_index("secretsource_outbox_by_due", "secretsource_outbox", ["queue", "due", "id"])
    op.create_index("secretsource_outbox_by_age", "secretsource_outbox", ["made", "id"])
    op.create_index("secretsource_outbox_by_owner", "secretsource_outbox", ["owner"])


def downgrade() -> None:
    """Drop it with the messages that wait, and forget which events were sent."""
    op.drop_table("secretsource_outbox")
    op.execute("DELETE FROM secretsource_chores WHERE name LIKE 'outbox:%'")
