"""``secretsource keys report-leak``: end a key that was found where it does not belong, and note the place."""

from __future__ import annotations

import enum
import time
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import say
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, Store, duration
from secretsource.cli.keys._terminal.handover import Handover, Out
from secretsource.cli.keys._terminal.presented import presented_key
from secretsource.cli.keys._terminal.records import show_key

if TYPE_CHECKING:
    from secretsource.issuing import LeakReport

__all__ = ["report_leak"]

HOUR = timedelta(hours=1)


class Policy(enum.StrEnum):
    """The answers to a leak."""

    REVOKE = "revoke"
    ROTATE = "rotate"
    TELL = "tell"


def report_leak(
    context: typer.Context,
    source: Annotated[
        str, typer.Option("--source", metavar="NAME", help="The scanner or person that found it, for the history.")
    ],
    place: Annotated[
        str | None, typer.Option("--place", metavar="PLACE", help="Where it was found, such as an address of a file.")
    ] = None,
    policy: Annotated[
        Policy, typer.Option("--policy", help="End it, or give it a successor, or note the place alone.")
    ] = Policy.REVOKE,
    overlap: Annotated[
        timedelta | None,
        typer.Option(
            "--overlap", metavar="1h", parser=duration, help="With rotate: how long the old key works. [default: 1h]"
        ),
    ] = None,
    out: Out = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """End a key that was found where it does not belong, and write the place into its history.

    Give the key on standard input or at the prompt. A repeated report changes nothing more. A key that cannot be
    rotated, such as a disabled one, is revoked.
    """
    if out is not None and policy is not Policy.ROTATE:
        raise typer.BadParameter("--out belongs to  --policy rotate")
    with Handover(out) if policy is Policy.ROTATE else nullcontext() as handover:
        text = presented_key()
        with open_keys(context, store, peppered=True) as keys:
            report = keys.report_leak(
                text,
                source=source,
                place=place,
                policy=policy.value,
                overlap=HOUR if overlap is None else overlap,
                **operator(),
            )
        del text
        if handover is not None and report.rotated is not None and report.rotated.plaintext is not None:
            handover.take(report.rotated.plaintext)
    _show(report, handover, as_json=as_json)


def _show(report: LeakReport, handover: Handover | None, *, as_json: bool) -> None:
    from secretsource.issuing.documents import rotated_document

    if handover is not None and report.rotated is not None:
        document = rotated_document(report.rotated, time.time())
        handover.show(document, report.rotated.successor, as_json=as_json)
    else:
        show_key(report.record, as_json=as_json)
    if not report.is_new:
        say("note", "this source has reported this place before: no second event was written")
