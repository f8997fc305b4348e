"""The outbox in this process's memory."""

from __future__ import annotations

import threading

from secretsource.stores.registers.outbox import Backlog, Message, Outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores._memory.history import MemoryHistory

__all__ = ["MemoryOutbox"]


class MemoryOutbox(Outbox):
    """The outbox of a `MemoryStore`.

    Args:
        history: The feed that queues follow.
    """

    def __init__(self, history: MemoryHistory) -> None:
        self._history = history
        self._places: dict[str, int] = {}
        self._messages: dict[tuple[str, str], Message] = {}
        self._lock = threading.RLock()

    def begin(self, queue: str) -> int:
        """Return the place of a queue; see `Outbox.begin`."""
        with self._lock:
            if queue not in self._places:
                self._places[queue] = self._history.end()
            return self._places[queue]

    def follow(self, queue: str, after: int, place: int, messages: Sequence[Message]) -> bool:
        """Move a queue on; see `Outbox.follow`."""
        with self._lock:
            if self._places.get(queue) != after:
                return False
            self._places[queue] = place
            self.put(messages)
            return True

    def put(self, messages: Sequence[Message]) -> None:
        """Store messages; see `Outbox.put`."""
        with self._lock:
            for message in messages:
                self._messages.setdefault((message.queue, message.id), message)

    def take(self, queue: str, now: float, until: float, limit: int) -> Sequence[Message]:
        """Take messages that are due; see `Outbox.take`."""
        with self._lock:
            waiting = self._due(queue, now)
            found = [one._replace(due=until, attempts=one.attempts + 1) for *_, one in sorted(waiting)[:limit]]
            self._messages.update(((one.queue, one.id), one) for one in found)
            return found

    def settle(self, taken: Message, later: Message | None) -> bool:
        """End an attempt; see `Outbox.settle`."""
        with self._lock:
            place = (taken.queue, taken.id)
            held = self._messages.get(place)
            if held is None or held.attempts != taken.attempts:
                return False
            if later is None:
                del self._messages[place]
            else:
                self._messages[place] = held._replace(due=later.due, trouble=later.trouble)
            return True

    def list(self, queue: str | None = None, *, given_up: bool | None = None, limit: int = 100) -> Sequence[Message]:
        """Return messages; see `Outbox.list`."""
        found = [one for one in self._of(queue) if given_up is None or given_up == (one.due is None)]
        return sorted(found, key=lambda one: (one.made, one.id))[:limit]

    def resend(self, queue: str, now: float, id: str | None = None) -> int:
        """Make messages due that were given up; see `Outbox.resend`."""
        with self._lock:
            found = self._given_up(queue, id)
            self._messages.update(((one.queue, one.id), one._replace(due=now, attempts=0)) for one in found)
            return len(found)

    def forget(self, before: float) -> int:
        """Delete old messages; see `Outbox.forget`."""
        return self._drop([one for one in self._of(None) if one.made < before])

    def drop(self, owner: str) -> int:
        """Delete the messages about an owner; return their number."""
        return self._drop([one for one in self._of(None) if one.owner == owner])

    def backlog(self, queue: str) -> Backlog:
        """Count messages; see `Outbox.backlog`."""
        found = self._of(queue)
        made = [one.made for one in found if one.due is not None]
        return Backlog(len(made), len(found) - len(made), min(made, default=None))

    def _due(self, queue: str, now: float) -> Sequence[tuple[float, float, str, Message]]:
        return [(one.due, one.made, one.id, one) for one in self._of(queue) if one.due is not None and one.due <= now]

    def _given_up(self, queue: str, id: str | None) -> Sequence[Message]:
        return [one for one in self._of(queue) if one.due is None and id in {None, one.id}]

    def _of(self, queue: str | None) -> Sequence[Message]:
        return [one for one in [*self._messages.values()] if queue in {None, one.queue}]

    def _drop(self, messages: Sequence[Message]) -> int:
        with self._lock:
            return sum(self._messages.pop((one.queue, one.id), None) is not None for one in messages)
