"""``secretsource keys history``: show what happened to all keys, owners and plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store
from secretsource.cli.keys._terminal.records import shown_instant

if TYPE_CHECKING:
    from secretsource.issuing import HistoryEvent

__all__ = ["history"]

COLUMNS = ("position", "time", "event", "of", "id", "actor", "fields", "reason")


def history(
    context: typer.Context,
    after: Annotated[int, typer.Option("--after", metavar="POSITION", help="Only events behind this position.")] = 0,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Only events of this owner and its keys.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", metavar="WHO", help="Only events of this author.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Only events of this kind, such as revoked.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many events, 1 to 1000.")] = 100,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Show what happened to all keys, owners and plans, in one feed.

    Go on behind the last position that you have seen: no event is passed over, and none comes twice.
    """
    from secretsource.issuing.documents import history_document

    with open_keys(context, store, peppered=False) as keys:
        happened = keys.history(after=after, owner=owner, actor=actor, kind=kind, limit=limit)
    if as_json:
        write_json([history_document(event) for event in happened])
        return
    show_table(COLUMNS, map(_row, happened), unbroken=("id",))
    if len(happened) == limit:
        say("more", f"go on with  --after {happened[-1].position}")


def _row(event: HistoryEvent) -> tuple[str, ...]:
    return (
        str(event.position),
        shown_instant(event.happened_at),
        event.kind.value,
        event.subject,
        event.id,
        event.actor or "",
        " ".join(event.fields),
        event.reason or "",
    )
