"""``secretsource keys events``: show the history of a key."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, KeyId, Store
from secretsource.cli.keys._terminal.records import shown_instant

__all__ = ["events"]

COLUMNS = ("revision", "event", "time", "actor", "origin", "reason", "fields")


def events(
    context: typer.Context,
    key_id: KeyId,
    after: Annotated[int, typer.Option("--after", metavar="REVISION", help="Only events after this revision.")] = 0,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many events, 1 to 1000.")] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show the history of a key, the oldest event first."""
    from secretsource.issuing.documents import event_document

    with open_keys(context, store, peppered=False) as keys:
        happened = keys.events(key_id, after=after, limit=limit)
    if as_json:
        write_json([event_document(event) for event in happened])
        return
    show_table(
        COLUMNS,
        [
            (
                str(event.revision),
                event.kind.value,
                shown_instant(event.happened_at),
                event.actor or "",
                event.origin or "",
                event.reason or "",
                " ".join(event.fields),
            )
            for event in happened
        ],
    )
