"""``secretsource keys verify``: whether a key is good, and if not, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._exit_codes import MISSING, UNAVAILABLE
from secretsource.cli._options import Json
from secretsource.cli._output import warn, write_json, write_line
from secretsource.cli.keys._opening import open_keys
from secretsource.cli.keys._options import DEFAULT_STORE, Store
from secretsource.cli.keys._presented import presented_key
from secretsource.cli.keys._records import described, show_record
from secretsource.exceptions import StoreError

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys, Verdict

__all__ = ["verify"]

AGENT = "secretsource keys verify"
"""The user agent under which this use of a key is noted."""


def verify(
    context: typer.Context,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="What it has to be good for; may be given again."),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Count this as a use of the key.")] = False,
    ip: Annotated[str | None, typer.Option("--ip", metavar="ADDRESS", help="Where it would be used from.")] = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Check a key as a service would.

    The key comes on standard input, or is typed at a prompt. The reason is the inner one, which a service does not
    tell. The exit code is 0 for a good key and 1 for any other. It takes nothing of the key's limits, and leaves no
    trace of use unless you give --count.
    """
    from secretsource.issuing import NO_SCOPE

    text = presented_key()
    keys = open_keys(context, store, peppered=True)
    try:
        verdict = keys.check(text, scope=scope or NO_SCOPE, ip=ip, cost=0, fresh=True, agent=AGENT)
    finally:
        _close(keys, count=count)
    _show(verdict, as_json)


def _close(keys: ApiKeys, *, count: bool) -> None:
    """Close the store; one that cannot be written to has told the verdict, which must be shown."""
    try:
        keys.close(flush=count)
    except StoreError as error:
        warn(f"the use was not noted: {error}")


def _show(verdict: Verdict, as_json: bool) -> None:
    """Show a verdict, and end with its exit code."""
    from secretsource.issuing import Reason, Rejected

    reason = verdict.reason if isinstance(verdict, Rejected) else None
    record = verdict.record
    if as_json:
        write_json(
            {
                "accepted": bool(verdict),
                "reason": None if reason is None else reason.value,
                "record": None if record is None else described(record),
            }
        )
    else:
        write_line("accepted" if reason is None else f"rejected: {reason.value}")
        if record is not None:
            show_record(record)
    if reason is None:
        return
    raise typer.Exit(UNAVAILABLE if reason is Reason.STORE_UNAVAILABLE else MISSING)
