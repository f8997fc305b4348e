"""``secretsource keys show``: all that is known of one key, and who still uses it after a rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from secretsource._clock import utc
from secretsource.cli._options import Json
from secretsource.cli._output import write_json
from secretsource.cli.keys._opening import open_keys
from secretsource.cli.keys._options import DEFAULT_STORE, KeyId, Store
from secretsource.cli.keys._records import described, show_record, shown_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.issuing import RotationStatus

__all__ = ["show"]


def show(context: typer.Context, key_id: KeyId, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show the record of a key, and who still uses it once it is rotated."""
    with open_keys(context, store, peppered=False) as keys:
        record = keys.get(key_id)
        rotation = None if record.successor is None else keys.rotation_status(key_id)
    if as_json:
        write_json({**described(record), "rotation": None if rotation is None else _described(rotation)})
    else:
        show_record(record, () if rotation is None else _lines(rotation))


def _described(rotation: RotationStatus) -> dict[str, Any]:
    usage = rotation.usage
    last_used = None if usage.last_used is None else utc(usage.last_used)
    return {
        "began_at": utc(rotation.began).isoformat(timespec="seconds"),
        "old_key_used": rotation.old_key_used,
        "old_key_requests": usage.requests,
        "old_key_last_used_at": None if last_used is None else last_used.isoformat(timespec="seconds"),
        "old_key_networks": sorted(usage.networks),
        "old_key_agents": sorted(usage.agents),
        "new_key_used": rotation.successor_used,
    }


def _lines(rotation: RotationStatus) -> Iterator[tuple[str, str]]:
    usage = rotation.usage
    yield "rotated", shown_instant(utc(rotation.began))
    yield "used since", _times(usage.requests)
    yield "used from", " ".join(sorted(usage.networks))
    yield "used by", ", ".join(sorted(usage.agents))
    yield "successor used", "yes" if rotation.successor_used else "not yet"


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")
