"""``secretsource keys events``: what happened to a key, when, by whom, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from secretsource.cli._options import Json
from secretsource.cli._output import show_table, write_json
from secretsource.cli.keys._opening import open_keys
from secretsource.cli.keys._options import DEFAULT_STORE, KeyId, Store
from secretsource.cli.keys._records import described_event, shown_instant

__all__ = ["events"]

COLUMNS = ("revision", "event", "time", "actor", "origin", "reason")


def events(
    context: typer.Context,
    key_id: KeyId,
    after: Annotated[
        int, typer.Option("--after", metavar="REVISION", min=0, help="Only what happened after this revision.")
    ] = 0,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many, 1 to 1000.")] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show what happened to a key, the oldest first."""
    with open_keys(context, store, peppered=False) as keys:
        keys.get(key_id)  # a key that never was has no events, which would look like a quiet life
        happened = keys.events(key_id, after=after, limit=limit)
    if as_json:
        write_json([described_event(event) for event in happened])
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
            )
            for event in happened
        ],
    )
