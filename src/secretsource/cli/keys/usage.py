"""``secretsource keys usage``: what checks came to, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import show_table, write, write_json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store, instant, key_id
from secretsource.cli.keys._terminal.records import shown_instant
from secretsource.stores.base import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.issuing import Count

__all__ = ["usage"]

COLUMNS = ("start", "owner", "key id", "outcome", "requests")


def usage(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only this owner's keys.")] = None,
    one: Annotated[str | None, typer.Option("--key", metavar="KEY_ID", parser=key_id, help="Only this key.")] = None,
    plan: Annotated[str | None, typer.Option("--plan", metavar="PLAN", help="Only owners on this plan.")] = None,
    since: Annotated[Any, typer.Option("--since", metavar="INSTANT", parser=instant, help="From when.")] = None,
    until: Annotated[Any, typer.Option("--until", metavar="INSTANT", parser=instant, help="Up to when.")] = None,
    by: Annotated[Unit, typer.Option("--by", help="The time that is counted by.")] = Unit.HOUR,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write comma-separated values.")] = False,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Count checks by outcome, key and time.

    Without an owner, a key or a plan, texts that are not your keys are counted too, by the reason of their refusal.
    """
    from secretsource.issuing.documents import count_document

    if as_csv and as_json:
        raise typer.BadParameter("give --csv or --json, not both")
    with open_keys(context, store, peppered=False) as keys:
        counts = keys.usage(owner=owner, key_id=one, plan=plan, since=since, until=until, by=by.value)
    if as_json:
        write_json([count_document(count) for count in counts])
    elif as_csv:
        write(_csv(counts))
    else:
        rows = [
            (shown_instant(count.started_at), count.owner, count.key_id, count.outcome, str(count.requests))
            for count in counts
        ]
        show_table(COLUMNS, rows, unbroken=COLUMNS[2:3])


def _csv(counts: Sequence[Count]) -> str:
    """Return counts as comma-separated values."""
    from secretsource.issuing.documents import csv_text

    columns = ("start", "owner", "key_id", "outcome", "requests")
    rows = ((each.started_at.isoformat(), each.owner, each.key_id, each.outcome, each.requests) for each in counts)
    return csv_text(columns, rows)
