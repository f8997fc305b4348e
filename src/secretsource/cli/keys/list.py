"""``secretsource keys list``: show the records of a store, one page at a time."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from secretsource.cli._options import Json
from secretsource.cli._output import say, write_json
from secretsource.cli.keys._opening import open_keys
from secretsource.cli.keys._options import DEFAULT_STORE, Store
from secretsource.cli.keys._records import show_records
from secretsource.stores.base import Status

__all__ = ["list_keys"]


def list_keys(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only keys of this owner.")] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", metavar="E", help="Only keys of this environment.")
    ] = None,
    prefix: Annotated[str | None, typer.Option("--prefix", metavar="P", help="Only keys with this prefix.")] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only keys with this status.")] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="Go on where an earlier list ended.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many keys, 1 to 1000.")] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the records of keys, the oldest first; never a key itself."""
    from secretsource.issuing.documents import page_document

    with open_keys(context, store, peppered=False) as keys:
        page = keys.list(owner=owner, environment=environment, prefix=prefix, status=status, after=after, limit=limit)
    if as_json:
        write_json(page_document(page, time.time()))
        return
    show_records(page.records)
    if page.next is not None:
        say("more", f"go on with  --after {page.next}")
