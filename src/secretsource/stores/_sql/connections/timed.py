"""Connections of psycopg with a time limit on each wait: for a frozen server, or a frozen network.

The server ends its own statements in time (``statement_timeout``). This module is for a server that cannot: an answer a
second late is abandoned here, with its connection. Imported with the first connection, because psycopg is.
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
"""Seconds for the server to report by itself that something took too long."""


class LateAnswer(psycopg.OperationalError):
    """An error: there was no answer in time, and the connection is closed."""


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
    """The same as `TimedConnection`, for an event loop."""

    patience = 5.0

    async def wait(self, gen: Generator[Any, Any, Answer], *rest: Any, **named: Any) -> Answer:
        """Wait as `TimedConnection.wait` does."""
        return await super().wait(_timed(gen, self.patience, self.pgconn), *rest, **named)


def _timed(gen: Generator[Any, Any, Answer], patience: float, pgconn: PGconn) -> Generator[Any, Any, Answer]:
    """Return the same steps of a conversation, which end with `LateAnswer` when they take too long in all."""
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
