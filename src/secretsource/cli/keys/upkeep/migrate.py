"""``secretsource keys migrate``: bring the tables of a store up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.exit_codes import MISSING
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.opening import check_lasting
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store
from secretsource.exceptions import ConfigurationError
from secretsource.stores.migratable import Migratable

__all__ = ["migrate"]


def migrate(
    create: Annotated[bool, typer.Option("--create", help="Make the store if it is not there.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 1 if there is work to do.")] = False,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Bring the tables of a store to the version that this package needs.

    The migration is done whole or not at all. Processes that run it at the same time wait for each other. A database
    that is up to date stays as it is, and one of a newer package is refused.
    """
    from secretsource.stores import open_store

    opened = open_store(store)
    if not isinstance(opened, Migratable):
        raise ConfigurationError("this key store has no tables to bring up to date: name another one with --store")
    try:
        check_lasting(store)
        done = opened.plan_migration()
        if done.before is None and not (create or check):
            raise ConfigurationError(
                f"there is no key store at {opened.place}: add --create to make it, or name another one with --store"
            )
        if not check:
            done = opened.migrate()
    finally:
        opened.close()
    needed = done.before != done.after
    if as_json:
        write_json({"from": done.before, "to": done.after, "needed": needed, "migrated": needed and not check})
    else:
        show_table(("from", "to"), [(done.before or "no tables", done.after)])
        if not needed:
            say("note", "the tables are already up to date")
    if check and needed:
        if not as_json:
            say("note", f"nothing was changed: run  secretsource keys migrate{'' if done.before else ' --create'}")
        raise typer.Exit(MISSING)
