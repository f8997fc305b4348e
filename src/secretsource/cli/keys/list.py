"""``secretsource keys list``: show the records of a store, one page at a time."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, After, Limit, Store
from secretsource.cli.keys._terminal.records import show_page, whole_page
from secretsource.stores.base import Status

__all__ = ["list_keys"]


def list_keys(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only keys of this owner.")] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", metavar="E", help="Only keys of this environment.")
    ] = None,
    prefix: Annotated[str | None, typer.Option("--prefix", metavar="P", help="Only keys with this prefix.")] = None,
    status: Annotated[
        Status | None,
        typer.Option("--status", metavar="STATUS", help=f"Only keys with this status: {', '.join(Status)}."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Only keys of exactly this name.")] = None,
    metadata: Annotated[
        str | None, typer.Option("--metadata", metavar="FIELD=TEXT", help="Only keys with this; needs --owner.")
    ] = None,
    beginning: Annotated[
        str | None, typer.Option("--beginning", metavar="TEXT", help="Only keys whose id begins with this.")
    ] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
    after: After = None,
    limit: Limit = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the records of keys, the oldest first; never a key itself."""
    field, _, value = (metadata or "").partition("=")
    with open_keys(context, store, peppered=False) as keys:
        narrowed = partial(
            keys.list,
            owner=owner,
            environment=environment,
            prefix=prefix,
            status=status,
            name=name,
            metadata={field: value} if metadata is not None else None,
            beginning=beginning,
            newest_first=newest,
        )
        page = whole_page(narrowed, after, limit)
    show_page(page, as_json=as_json)
