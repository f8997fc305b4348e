"""``secretsource keys verify``: check a key, and say why it is refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.exit_codes import MISSING, UNAVAILABLE
from secretsource.cli._terminal.output import warn, write_json, write_line
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store
from secretsource.cli.keys._terminal.presented import presented_key
from secretsource.cli.keys._terminal.records import show_record
from secretsource.exceptions import StoreError

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys, Verdict

__all__ = ["verify"]

AGENT = "secretsource keys verify"
"""The user agent that is noted with this use of a key."""


def verify(
    context: typer.Context,
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help="A scope that the key must have; repeatable."),
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Count this as a use of the key.")] = False,
    ip: Annotated[
        str | None, typer.Option("--ip", metavar="ADDRESS", help="The address that would use the key.")
    ] = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Check a key as a service would.

    Give the key on standard input or at the prompt. The reason shown is the inner one, which a service keeps from its
    clients. The exit code is 0 for a good key, and 1 for any other. The check draws nothing from the limits of the
    key, and leaves no trace of use unless you add --count.
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
    """Close the store; where it could not be written to, warn, because the verdict stands."""
    try:
        keys.close(flush=count)
    except StoreError as error:
        warn(f"the use was not noted: {error}")


def _show(verdict: Verdict, as_json: bool) -> None:
    """Show a verdict, and end with its exit code."""
    from secretsource.issuing import Reason, Rejected
    from secretsource.issuing.documents import verdict_document

    reason = verdict.reason if isinstance(verdict, Rejected) else None
    if as_json:
        write_json(verdict_document(verdict, time.time()))
    else:
        write_line("accepted" if reason is None else f"rejected: {reason.value}")
        if verdict.record is not None:
            show_record(verdict.record)
    if reason is None:
        return
    raise typer.Exit(UNAVAILABLE if reason is Reason.STORE_UNAVAILABLE else MISSING)
