"""``secretsource keys rotate``, ``extend`` and ``finish``: give a key a successor, and put off or end the old key."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import say
from secretsource.cli.keys._arguments.opening import open_keys, operator
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, KeyId, Reason, Store, duration, instant
from secretsource.cli.keys._terminal.handover import Handover, Out
from secretsource.cli.keys._terminal.records import show_key
from secretsource.stores.base import Status

if TYPE_CHECKING:
    from secretsource.stores.base import KeyRecord

__all__ = ["extend", "finish", "rotate"]


def rotate(
    context: typer.Context,
    key_id: KeyId,
    overlap: Annotated[
        timedelta,
        typer.Option("--overlap", metavar="7d", parser=duration, help="How long both keys work; 0s after a leak."),
    ],
    expires_in: Annotated[
        timedelta | None,
        typer.Option("--expires-in", metavar="90d", parser=duration, help="How long the new key lives."),
    ] = None,
    expires_at: Annotated[
        datetime | None,
        typer.Option("--expires-at", metavar="TIME", parser=instant, help="When the new key ends, instead."),
    ] = None,
    keep_expiry: Annotated[
        bool, typer.Option("--keep-expiry", help="The new key ends when the old key would have, instead.")
    ] = False,
    reason: Reason = None,
    out: Out = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Give a key a successor with the same rights, and show it once.

    A key has only one successor: a second call names it, and has no key to show. A second call with a shorter --overlap
    ends the old key earlier. Without an option that says when it ends, the new key lives as long as the
    old key was made for.
    """
    from secretsource.issuing.documents import rotated_document

    with Handover(out) as handover, open_keys(context, store, peppered=True) as keys:
        rotated = keys.rotate(
            key_id,
            overlap=overlap,
            expires_in=expires_in,
            expires_at=expires_at,
            keep_expiry=keep_expiry,
            reason=reason,
            **operator(),
        )
        if rotated.plaintext is not None:
            handover.take(rotated.plaintext)
    handover.show(rotated_document(rotated, time.time()), rotated.successor, as_json=as_json)
    if not as_json:
        say("note", _end_of(rotated.predecessor))


def _end_of(old: KeyRecord) -> str:
    """Say until when a rotated key works."""
    ends = old.end
    if old.status is not Status.ROTATING or ends is None or ends <= time.time():
        return f"the old key {old.display} no longer works"
    return f"the old key {old.display} works until {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M:%SZ}"


def extend(
    context: typer.Context,
    key_id: KeyId,
    overlap: Annotated[
        timedelta,
        typer.Option("--overlap", metavar="7d", parser=duration, help="How long both keys still work, from now."),
    ],
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Let the old key of a rotation work for longer, up to its own end."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.extend_rotation(key_id, overlap=overlap, reason=reason, **operator())
    show_key(record, as_json=as_json)


def finish(
    context: typer.Context,
    key_id: KeyId,
    quiet_for: Annotated[
        timedelta | None,
        typer.Option(
            "--quiet-for", metavar="1d", parser=duration, help="Refuse if the old key was used within this time."
        ),
    ] = None,
    reason: Reason = None,
    store: Store = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """End the overlap of a rotated key early; its successor stays valid."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.finish_rotation(key_id, quiet_for=quiet_for, reason=reason, **operator())
    show_key(record, as_json=as_json)
