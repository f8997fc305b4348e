"""The feed of all events in this process's memory."""

from __future__ import annotations

from typing import Any

from secretsource.stores.records import EventKind
from secretsource.stores.registers.history import History, HistoryEvent, HistoryQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["MemoryHistory"]


class MemoryHistory(History):
    """The feed; what is in it is replaced as a whole, because a signal's handler may read it in the middle of a call.

    Args:
        happened: Gives all events there are, each with the position 0.
    """

    def __init__(self, happened: Callable[[], Iterable[HistoryEvent]]) -> None:
        self._happened = happened
        self._placed: tuple[dict[tuple[Any, ...], HistoryEvent], int] = ({}, 0)

    def read(self, query: HistoryQuery) -> Sequence[HistoryEvent]:
        """Return events in the order of their positions; see `History.read`."""
        while True:
            before = self._placed
            placed, last = before
            happened = {event[1:5]: event for event in self._happened()}
            new = [event for name, event in happened.items() if name not in placed]
            new.sort(key=lambda event: (event.time, isinstance(event.kind, EventKind), event.revision, event.id))
            numbered = (event._replace(position=number) for number, event in enumerate(new, last + 1))
            after = {name: event for name, event in placed.items() if name in happened}  # the others were deleted
            after.update((event[1:5], event) for event in numbered)
            if self._placed is before:  # else a signal's handler, or another thread, has read it meanwhile
                self._placed = (after, last + len(new))
                break
        picked = [event for event in after.values() if query.picks(event)]
        return (picked[::-1] if query.newest else picked)[: query.limit]

    def end(self) -> int:
        """Return the position of the last event, after every event was given one; 0 without any."""
        self.read(HistoryQuery(limit=1))
        return self._placed[1]
