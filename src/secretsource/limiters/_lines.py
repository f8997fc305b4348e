"""Connections to Redis or Valkey for threads, with as little work as possible between a question and its answer.

A client of redis-py spends more time on one command than the server and the network together. It measures, it polls for
leftovers, it looks up how to read the answer. Every check asks for a draw, so a draw uses redis-py's connections
directly; they know about addresses, TLS, passwords and both versions of the protocol.
"""

from __future__ import annotations

import os
from collections import deque

from secretsource._ground import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import redis

    from secretsource._redis import Address


class Lines:
    """A pool with as many connections as threads have asked at once, each used by one thread at a time.

    Args:
        address: The address of the server.
    """

    __slots__ = ("_address", "_client", "_idle", "_lock", "_process")

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: redis.Redis | None = None
        self._idle: deque[Any] = deque()
        self._lock = fork.lock()  # a signal's handler may ask, too
        self._process = 0

    def ask(self, *words: str | int | bytes) -> Any:
        """Return the answer to a command.

        A connection that broke while it was idle is replaced once. So is one to a primary that became a replica: the
        address may lead to the new primary. A late answer is not asked for again, for the server may have received
        the question.

        Raises:
            RedisError: As redis-py does.
            ConfigurationError: A part of the URL cannot be read.
        """
        from redis import AuthenticationError, ConnectionError, ReadOnlyError

        try:
            return self._ask(words)
        except AuthenticationError:
            raise
        except (ConnectionError, ReadOnlyError):
            pass
        return self._ask(words)

    def _ask(self, words: tuple[str | int | bytes, ...]) -> Any:
        from redis import ReadOnlyError, ResponseError

        line = self._take()
        try:
            line.send_packed_command(line.pack_command(*words))
            return line.read_response(disable_decoding=True)
        except ResponseError as refusal:
            if isinstance(refusal, ReadOnlyError):
                line.disconnect()
            raise
        except BaseException:
            line.disconnect()  # a late answer on it would belong to no question
            raise
        finally:
            self._idle.append(line)

    def _take(self) -> Any:
        if self._process != os.getpid():
            self._open()
        try:
            return self._idle.pop()
        except IndexError:
            client = self._client
        with self._lock:
            assert client is not None
            return client.connection_pool.make_connection()

    def _open(self) -> None:
        """Start in this process; the connections of its parent stay with the parent."""
        with self._lock:
            if self._process != os.getpid():
                self._client, self._idle = self._address.connect(), deque()
                self._process = os.getpid()

    def close(self) -> None:
        """Close the idle connections; the next question opens new ones."""
        idle, self._idle = self._idle, deque()
        for line in idle:
            line.disconnect()
