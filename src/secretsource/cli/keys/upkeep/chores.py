"""``secretsource keys chores``: look after all keys once, as a timer does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import say, show_table, write_json
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store, duration

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys, ChoreReport, ChoreRules

__all__ = ["chores"]

AT_ONCE = 1000


def chores(
    context: typer.Context,
    expiring_within: Annotated[
        Any, typer.Option("--expiring-within", metavar="30d", parser=duration, help="Tell of keys that end this soon.")
    ] = None,
    unused_for: Annotated[
        Any, typer.Option("--unused-for", metavar="90d", parser=duration, help="Tell of keys not used for this long.")
    ] = None,
    end_unused: Annotated[
        Any, typer.Option("--end-unused", metavar="1y", parser=duration, help="Revoke keys not used for this long.")
    ] = None,
    keep_ended: Annotated[
        Any, typer.Option("--keep-ended", metavar="2y", parser=duration, help="Delete keys that ended this long ago.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", help="Look at so many keys. [default: to the last one]")
    ] = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Look at all keys once: tell what is due, and end and delete as the options say.

    Each notice is told once, as an event of the history. Run it from a timer, such as once a day. While another
    process does the chores, it does nothing.
    """
    from secretsource.issuing.documents import chores_document

    given = {
        "expiring_within": expiring_within,
        "unused_for": unused_for,
        "end_unused": end_unused,
        "keep_ended": keep_ended,
    }
    # the names are those of the rules
    rules: ChoreRules = {name: length for name, length in given.items() if length is not None}  # type: ignore[assignment]
    with open_keys(context, store, peppered=False) as keys:
        document = chores_document(_round(keys, rules, limit))
    if as_json:
        write_json(document)
        return
    told = document.pop("told")
    rows = {"seen": document["seen"], **told, "revoked": document["revoked"], "deleted": document["deleted"]}
    show_table(("what", "keys"), [(name.replace("_", " "), str(number)) for name, number in rows.items()])
    if document["busy"]:
        say("note", "another process does the chores now: nothing was done")
    elif not document["done"]:
        say("more", "run it again to go on")


def _round(keys: ApiKeys, rules: ChoreRules, limit: int | None) -> ChoreReport:
    """Do the chores, some keys at a time, until the round is done or the limit is reached."""
    from secretsource.issuing import ChoreReport

    by = operator()
    total = ChoreReport()
    while True:
        left = AT_ONCE if limit is None else min(AT_ONCE, limit - total.seen)
        report = keys.run_chores(limit=left, **by, **rules)
        total = total.followed_by(report)
        if report.done or report.busy or (limit is not None and total.seen >= limit):
            return total
