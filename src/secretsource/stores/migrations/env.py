"""Alembic's entry: it runs the migrations on the connection that `_sql.connections.schema` passes to it."""

from __future__ import annotations

from alembic import context

from secretsource.stores._sql.rows.tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
