"""Owners, their plans, and what happened to both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0005"
down_revision = "0004"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of plans, owners and their events."""
    op.create_table(
        "secretsource_plans",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("document", _TEXT, nullable=False),
    )
    op.create_table(
        "secretsource_owners",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("document", _TEXT, nullable=False),
        sa.Column("plan", _TEXT, sa.ForeignKey("secretsource_plans.id")),
    )
    op.create_index("secretsource_owners_by_plan", "secretsource_owners", ["plan", "id"])
    op.create_table(
        "secretsource_owner_events",
        sa.Column("revision", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("fields", _TEXT, nullable=False),
        sa.Column("actor", _TEXT),
        sa.Column("origin", _TEXT),
        sa.Column("reason", _TEXT),
        sqlite_autoincrement=True,
    )
    op.create_index("secretsource_owner_events_by_id", "secretsource_owner_events", ["subject", "id", "revision"])


def downgrade() -> None:
    """Drop them; then limits of owners and plans no longer hold, and suspended owners' keys are taken again."""
    op.drop_table("secretsource_owner_events")
    op.drop_table("secretsource_owners")
    op.drop_table("secretsource_plans")
