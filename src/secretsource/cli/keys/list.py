"""``secretsource keys list``: the records of a store, a page at a time."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._options import Json
from secretsource.cli._output import say, write_json
from secretsource.cli.keys._opening import open_keys
from secretsource.cli.keys._options import DEFAULT_STORE, Store
from secretsource.cli.keys._records import described, show_records
from secretsource.stores.base import Status

__all__ = ["list_keys"]


def list_keys(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only this owner's.")] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", metavar="E", help="Only of this environment.")
    ] = None,
    prefix: Annotated[str | None, typer.Option("--prefix", metavar="P", help="Only of this prefix.")] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only of this status.")] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="Go on where an earlier list ended.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many, 1 to 1000.")] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the keys of a store, the oldest first; never a key itself."""
    with open_keys(context, store, peppered=False) as keys:
        page = keys.list(owner=owner, environment=environment, prefix=prefix, status=status, after=after, limit=limit)
    if as_json:
        write_json({"keys": [described(record) for record in page.records], "next": page.next})
        return
    show_records(page.records)
    if page.next is not None:
        say("more", f"go on with  --after {page.next}")
