"""Which records of this process's memory a query picks, and how their uses add up. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice

from secretsource._ground.frozen import FrozenDict
from secretsource.stores import _cursor
from secretsource.stores.owners import Crowded
from secretsource.stores.uses import MOST_WITNESSES, WITNESS_KEPT, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from secretsource.stores.queries import KeyQuery
    from secretsource.stores.records import Change, KeyRecord
    from secretsource.stores.uses import Use

__all__ = ["crowded", "in_order", "picks", "total"]


def picks(query: KeyQuery, record: KeyRecord) -> bool:
    """Return whether a query asks for a record."""
    exact = (
        (query.owner, record.owner),
        (query.environment, record.environment),
        (query.prefix, record.prefix),
        (query.status, record.status if query.now is None else record.status_at(query.now)),
        (query.pepper_version, record.pepper_version),
        (query.name, record.name),
    )
    if any(wanted is not None and wanted != value for wanted, value in exact):
        return False
    if query.beginning is not None and not record.key_id.startswith(query.beginning):
        return False
    if query.label is not None and record.metadata.get(query.label[0]) != query.label[1]:
        return False
    if query.living and query.now is not None and record.has_ended(query.now):
        return False
    if query.expires_before is not None and (record.expires is None or record.expires >= query.expires_before):
        return False
    return query.unused_since is None or max(record.last_used or 0.0, record.created) < query.unused_since


def in_order(places: Sequence[tuple[float, str]], query: KeyQuery) -> Iterator[tuple[float, str]]:
    """Return the places of records, oldest first, in the order of a query and behind its cursor."""
    after = None if query.after is None else _cursor.place(query.after)
    if not query.newest:
        return islice(places, 0 if after is None else bisect_right(places, after), None)
    return reversed(places[: len(places) if after is None else bisect_left(places, after)])


def crowded(
    records: Iterable[KeyRecord], changes: Iterable[Change], most: Mapping[str, int], now: float
) -> Crowded | None:
    """Return the first owner, by name, that would have too many keys that have not ended."""
    living = [record for record in records if not record.has_ended(now)]
    new = [record for record, _ in changes if not record.has_ended(now)]
    for owner in sorted(most):
        held = {record.limit_key for record in living if record.owner == owner}
        if len(held) + sum(record.owner == owner for record in new) > most[owner]:
            return Crowded(owner, len(held))
    return None


def total(old: Usage, use: Use, latest: float) -> Usage:
    """Return the usage of a key with one more use, which was last seen at an instant."""
    if use.networks or use.agents:
        old = old.since(use.last_used - WITNESS_KEPT)
    requests = old.requests + use.requests
    return Usage(latest, requests, _noted(old.networks, use.networks), _noted(old.agents, use.agents))


def _noted(old: Mapping[str, float], new: Mapping[str, float]) -> Mapping[str, float]:
    """Return networks, or agents, with those of a use, as far as there is room."""
    noted = dict(old)
    for seen, at in sorted(new.items()):
        if seen in noted or len(noted) < MOST_WITNESSES:
            noted[seen] = max(at, noted.get(seen, at))
    return FrozenDict(noted)
