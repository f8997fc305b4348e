"""``secretsource keys show``: show the record of a key and its use in the last day, and the state of its rotation."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import write_json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, KeyId, Store
from secretsource.cli.keys._terminal.recent import recent_lines
from secretsource.cli.keys._terminal.records import show_record, shown_instant
from secretsource.cli.keys.credits import credits_document, credits_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.issuing import RotationStatus

__all__ = ["show"]


def show(context: typer.Context, key_id: KeyId, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show the record of a key, what is left of its credits, and the clients and requests of the last 24 hours.

    After a rotation, also show the uses of the old key since.
    """
    from secretsource.issuing.documents import recent_use_document, record_document, rotation_document

    with open_keys(context, store, peppered=False) as keys:
        record = keys.get(key_id)
        rotation = None if record.successor is None else keys.rotation_status(key_id)
        states, use = keys.remaining(key_id), keys.recent_use(key_id)
    now = time.time()
    if as_json:
        told = None if rotation is None else rotation_document(rotation, now)
        document = {**record_document(record, now), "rotation": told, "limits": credits_document(states)}
        write_json({**document, "recent_use": recent_use_document(use)})
    else:
        lines = [*credits_lines(states), *recent_lines(use)]
        show_record(record, [*lines, *(() if rotation is None else _lines(rotation))])


def _lines(rotation: RotationStatus) -> Iterator[tuple[str, str]]:
    """Write the lines about a rotation."""
    usage = rotation.usage
    yield "rotated", shown_instant(datetime.fromtimestamp(rotation.began, UTC))
    yield "used since", _times(usage.requests)
    yield "used from", " ".join(sorted(usage.networks))
    yield "used by", ", ".join(sorted(usage.agents))
    yield "successor used", "yes" if rotation.successor_used else "not yet"


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")
