"""Credits of keys, and what is spent of them and of their owners'."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0009"
down_revision = "0008"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the column and the table; keys until now have no credits, and are not bounded by any."""
    op.add_column("secretsource_keys", sa.Column("credits", sa.BigInteger))
    op.create_table(
        "secretsource_credits",
        sa.Column("account", _TEXT, primary_key=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
        postgresql_with={"fillfactor": 50},
    )


def downgrade() -> None:
    """Drop them; then no credits bound a key."""
    op.drop_table("secretsource_credits")
    op.drop_column("secretsource_keys", "credits")
