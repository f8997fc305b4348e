"""``secretsource keys expiring`` and ``unused``: show the keys that need somebody's attention."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, After, Limit, Store, duration
from secretsource.cli.keys._terminal.records import show_page, whole_page

__all__ = ["expiring", "unused"]

_Owner = Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only keys of this owner.")]


def expiring(
    context: typer.Context,
    within: Annotated[timedelta, typer.Option("--within", metavar="30d", parser=duration, help="How soon.")],
    owner: _Owner = None,
    after: After = None,
    limit: Limit = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the keys that have not ended and will expire soon, the oldest first."""
    with open_keys(context, store, peppered=False) as keys:
        page = keys.expiring(within=within, owner=owner, after=after, limit=limit)
    show_page(page, as_json=as_json)


def unused(
    context: typer.Context,
    length: Annotated[timedelta, typer.Option("--for", metavar="90d", parser=duration, help="How long.")],
    owner: _Owner = None,
    after: After = None,
    limit: Limit = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the keys that have not ended and were not used for a time, the oldest first.

    A key that was never used counts from its creation.
    """
    with open_keys(context, store, peppered=False) as keys:
        page = whole_page(partial(keys.unused, for_=length, owner=owner), after, limit)
    show_page(page, as_json=as_json)
