"""Alembic's entry: it runs the migrations on the connection that `secretsource.stores._sql.schema` passes to it."""

from __future__ import annotations

from alembic import context

from secretsource.stores._sql.tables import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
)
context.run_migrations()
