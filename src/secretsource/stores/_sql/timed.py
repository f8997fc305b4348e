"""Connections of psycopg that wait no longer than they are told: for a server that is frozen, or a network that is.

The server ends its own statements in time (``statement_timeout``). This is for the one that cannot: what has no answer
a second later is given up here, and its connection with it. Imported with the first connection, because psycopg is.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, TypeVar

import psycopg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from psycopg.pq.abc import PGconn

Answer = TypeVar("Answer")

GRACE = 1.0
"""Seconds that the server has to say itself that something took too long."""


class LateAnswer(psycopg.OperationalError):
    """There was no answer in time; the connection is closed."""


class TimedConnection(psycopg.Connection[Any]):
    """A connection for threads.

    Attributes:
        patience: Longest time for one answer, in seconds.
    """

    patience = 5.0

    def wait(self, gen: Generator[Any, Any, Answer], *rest: Any, **named: Any) -> Answer:
        """Wait for an answer; psycopg calls it for each."""
        return super().wait(_timed(gen, self.patience, self.pgconn), *rest, **named)


class AsyncTimedConnection(psycopg.AsyncConnection[Any]):
    """As `TimedConnection`, for an event loop."""

    patience = 5.0

    async def wait(self, gen: Generator[Any, Any, Answer], *rest: Any, **named: Any) -> Answer:
        """As `TimedConnection.wait`."""
        return await super().wait(_timed(gen, self.patience, self.pgconn), *rest, **named)


def _timed(gen: Generator[Any, Any, Answer], patience: float, pgconn: PGconn) -> Generator[Any, Any, Answer]:
    """The same steps of a conversation, which end with `LateAnswer` when they take too long in all."""
    until = monotonic() + patience + GRACE
    try:
        wanted = next(gen)
        while True:
            wanted = gen.send((yield wanted))
            if monotonic() > until:
                break
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    pgconn.finish()
    raise LateAnswer
