"""Keys and their events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0001"
down_revision = None

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of key records and of their events."""
    op.create_table(
        "secretsource_keys",
        sa.Column("key_id", _TEXT, primary_key=True),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("pepper_version", _TEXT, nullable=False),
        sa.Column("display", _TEXT, nullable=False),
        sa.Column("owner", _TEXT, nullable=False),
        sa.Column("prefix", _TEXT, nullable=False),
        sa.Column("environment", _TEXT, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("scopes", _TEXT, nullable=False),
        sa.Column("rate_limit", _TEXT),
        sa.Column("quota", _TEXT),
        sa.Column("networks", _TEXT, nullable=False),
        sa.Column("begins", sa.Double),
        sa.Column("expires", sa.Double),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("status_reason", _TEXT),
        sa.Column("predecessor", _TEXT),
        sa.Column("successor", _TEXT),
        sa.Column("root", _TEXT),
        sa.Column("overlap_ends", sa.Double),
        sa.Column("last_used", sa.Double),
        sa.Column("metadata", _TEXT, nullable=False),
        sa.Column("foreign", _TEXT),
        sa.Column("lookup", sa.LargeBinary, unique=True),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("secretsource_keys_by_age", "secretsource_keys", ["created", "key_id"])
    op.create_index("secretsource_keys_by_owner", "secretsource_keys", ["owner", "created", "key_id"])
    op.create_table(
        "secretsource_events",
        sa.Column("key_id", _TEXT, sa.ForeignKey("secretsource_keys.key_id"), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("time", sa.Double, nullable=False),
        sa.Column("actor", _TEXT),
        sa.Column("origin", _TEXT),
        sa.Column("reason", _TEXT),
        sa.PrimaryKeyConstraint("key_id", "revision"),
    )


def downgrade() -> None:
    """Drop them, with all their rows."""
    op.drop_table("secretsource_events")
    op.drop_table("secretsource_keys")
