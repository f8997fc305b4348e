"""The dates of rotations and revocations, the notices that were told, and the turn of the chores."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TEXT

revision = "0010"
down_revision = "0009"

_TEXT = sa.String().with_variant(TEXT(collation="C"), "postgresql")
_COLUMNS: dict[str, Any] = {"rotate_every": sa.Double, "revoked": sa.Double, "notices": _TEXT}

_DATE_REVOCATIONS = """
    UPDATE secretsource_keys SET revoked = (
        SELECT max(e.time) FROM secretsource_events AS e
        WHERE e.key_id = secretsource_keys.key_id AND e.kind IN ('revoked', 'rotation_finished', 'rotated')
    ) WHERE status = 'revoked'
"""


def upgrade() -> None:
    """Make the columns and the table, and date the revocations until now by their events."""
    for name, kind in _COLUMNS.items():
        op.add_column("secretsource_keys", sa.Column(name, kind))
    op.execute(_DATE_REVOCATIONS)
    op.create_index("secretsource_keys_by_name", "secretsource_keys", ["name", "created", "key_id"])
    op.create_table(
        "secretsource_chores",
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("holder", _TEXT, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("place", _TEXT, nullable=False),
    )


def downgrade() -> None:
    """Drop them; keys are due for rotation no more, and an alarm may be told again after the next upgrade."""
    op.drop_table("secretsource_chores")
    op.drop_index("secretsource_keys_by_name", "secretsource_keys")
    for name in _COLUMNS:
        op.drop_column("secretsource_keys", name)
