"""``secretsource keys show``: show the record of a key, and after a rotation, the use of the old key."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from secretsource.cli._arguments.options import Json
from secretsource.cli._terminal.output import write_json
from secretsource.cli.keys._arguments.opening import open_keys
from secretsource.cli.keys._arguments.options import DEFAULT_STORE, KeyId, Store
from secretsource.cli.keys._terminal.records import show_record, shown_instant
from secretsource.cli.keys.credits import credits_document, credits_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.issuing import RotationStatus

__all__ = ["show"]


def show(context: typer.Context, key_id: KeyId, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show the record of a key and what is left of its credits; after a rotation, also the uses of the old key."""
    from secretsource.issuing.documents import record_document, rotation_document

    with open_keys(context, store, peppered=False) as keys:
        record = keys.get(key_id)
        rotation = None if record.successor is None else keys.rotation_status(key_id)
        states = keys.remaining(key_id)
    now = time.time()
    if as_json:
        told = None if rotation is None else rotation_document(rotation, now)
        write_json({**record_document(record, now), "rotation": told, "limits": credits_document(states)})
    else:
        show_record(record, [*credits_lines(states), *(() if rotation is None else _lines(rotation))])


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
