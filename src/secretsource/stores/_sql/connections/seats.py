"""A fixed number of connections: a seat for each, taken for one question and returned after it.

A seat holds a connection, or nothing yet. The seat returned last is taken first, so there are as many connections as
there were simultaneous questions.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C")


class Seats(Generic[C]):
    """Seats for any number of threads.

    Args:
        number: Their number, from 1.
        close: Closes a connection that is no longer needed.
        crowded: Makes the error for a caller that waited in vain.
    """

    __slots__ = ("_close", "_crowded", "_free", "_given", "_is_closed", "_waiting")

    def __init__(self, number: int, close: Callable[[C], None], crowded: Callable[[], Exception]) -> None:
        self._free: deque[C | None] = deque([None] * number)
        self._close = close
        self._crowded = crowded
        self._given = threading.Condition()
        self._waiting = 0
        self._is_closed = False

    def take(self, patience: float) -> C | None:
        """Return the content of a free seat: a connection, or None if the caller must open it.

        Args:
            patience: Longest time to wait for a seat, in seconds.
        """
        try:
            return self._free.pop()  # no lock, because nearly all callers go this way
        except IndexError:
            pass
        return self._wait(patience)

    def give(self, connection: C | None) -> None:
        """Return a seat, with its connection, or with None if the connection is gone."""
        self._free.append(connection)
        if self._waiting:  # a caller that starts to wait after this line looks for a free seat first
            self._tell()
        if self._is_closed:
            self._clear()

    def close(self) -> None:
        """Close the free connections now, and each of the others when it is returned."""
        self._is_closed = True
        self._clear()

    def _wait(self, patience: float) -> C | None:
        came: list[C | None] = []

        def has_come() -> bool:
            try:
                came.append(self._free.pop())
            except IndexError:
                return False
            return True

        with self._given:
            self._waiting += 1
            try:
                self._given.wait_for(has_come, patience)
            finally:
                self._waiting -= 1
        if not came:
            raise self._crowded()
        return came[0]

    def _tell(self) -> None:
        with self._given:
            self._given.notify_all()

    def _clear(self) -> None:
        try:
            for _ in range(len(self._free)):
                connection = self._free.popleft()
                self._free.append(None)
                if connection is not None:
                    self._close(connection)
        except IndexError:
            pass  # others have taken them
        self._tell()
