"""``secretsource keys stats``: how many living keys each pepper has, and which pepper may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from secretsource.cli._options import Json
from secretsource.cli._output import show_table, write_json
from secretsource.cli.keys._opening import find_peppers, open_keys
from secretsource.cli.keys._options import DEFAULT_STORE, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretsource.issuing import PepperSet

__all__ = ["stats"]


def stats(context: typer.Context, store: Store = DEFAULT_STORE, as_json: Json = False) -> None:
    """Count the living keys by the pepper they are hashed with.

    A key goes over to the newest pepper when it is used. A pepper that has no keys left may be dropped.
    """
    peppers = find_peppers(context)
    with open_keys(context, store, peppered=False) as keys:
        counts = keys.count_by_pepper()
    rows = list(_rows(peppers, counts))
    if as_json:
        write_json([{"pepper": version, "keys": count, "state": state} for version, count, state in rows])
    else:
        show_table(("pepper", "keys", "state"), [(version, str(count), state) for version, count, state in rows])


def _rows(peppers: PepperSet, counts: Mapping[str, int]) -> Iterator[tuple[str, int, str]]:
    """Each pepper that is configured, newest first, then those that keys need and nobody has."""
    ours = list(peppers.versions())
    for place, version in enumerate(ours):
        count = counts.get(version, 0)
        state = "newest" if place == 0 else "still needed" if count else "may be dropped"
        yield version, count, state if not peppers.is_empty else "no pepper"
    for version, count in sorted(counts.items()):
        if version not in ours and count:
            yield version or "imported", count, "not configured" if version else "not used yet"
