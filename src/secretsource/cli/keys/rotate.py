"""``secretsource keys rotate`` and ``finish``: a successor for a key, and the end of the old one."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource._clock import utc
from secretsource.cli._options import Json
from secretsource.cli._output import say, warn, write_json
from secretsource.cli.keys._handover import Handover, Out
from secretsource.cli.keys._opening import open_keys, operator
from secretsource.cli.keys._options import DEFAULT_STORE, KeyId, Reason, Store, duration
from secretsource.cli.keys._records import described, show_record
from secretsource.stores.base import Status

if TYPE_CHECKING:
    from secretsource.stores.base import KeyRecord

__all__ = ["finish", "rotate"]


def rotate(
    context: typer.Context,
    key_id: KeyId,
    overlap: Annotated[
        timedelta,
        typer.Option("--overlap", metavar="7d", parser=duration, help="How long both keys work; 0s after a leak."),
    ],
    reason: Reason = None,
    out: Out = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Make the successor of a key, and show it once.

    It has the same rights. A key has one successor, ever: a second call names it, and has no key to show. With a
    shorter --overlap, it ends the old key earlier.
    """
    with Handover(out) as handover, open_keys(context, store, peppered=True) as keys:
        rotated = keys.rotate(key_id, overlap=overlap, reason=reason, **operator())
        if rotated.plaintext is not None:
            handover.take(rotated.plaintext)
    if rotated.plaintext is not None:
        handover.show(rotated.successor, as_json=as_json, more={"rotated": described(rotated.predecessor)})
    else:
        if as_json:
            write_json({**described(rotated.successor), "rotated": described(rotated.predecessor)})
        else:
            show_record(rotated.successor)
        warn("the key had been rotated before, and its successor was shown then")
    if not as_json:
        say("note", _end_of(rotated.predecessor))


def _end_of(old: KeyRecord) -> str:
    """Until when a rotated key works."""
    ends = old.end
    if old.status is not Status.ROTATING or ends is None or ends <= time.time():
        return f"the old key {old.display} works no more"
    return f"the old key {old.display} works until {utc(ends):%Y-%m-%d %H:%M:%SZ}"


def finish(
    context: typer.Context,
    key_id: KeyId,
    quiet_for: Annotated[
        timedelta | None,
        typer.Option("--quiet-for", metavar="1d", parser=duration, help="Refuse if it was used less long ago."),
    ] = None,
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """End the overlap of a rotated key early; its successor goes on."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.finish_rotation(key_id, quiet_for=quiet_for, reason=reason, **operator())
    if as_json:
        write_json(described(record))
    else:
        show_record(record)
