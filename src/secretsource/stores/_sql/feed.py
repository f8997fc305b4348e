"""News of changes from PostgreSQL: one connection that listens, in a thread of its own.

Every transaction that changes a key notifies in the same transaction, so news is never early and never of a rollback
(https://www.postgresql.org/docs/current/sql-notify.html). Without a connection there is no news: after each new
connection, the listener is told that any record may have changed.

A connection can succeed and yet receive nothing: behind a pooler, at another server than the primary, over a network
that dropped it silently. So the feed sends itself a notice by the way of all changes, at the start and then each
minute. It counts as listening only when that notice arrives.
"""

from __future__ import annotations

import secrets
from time import monotonic

from secretsource.exceptions import StoreError
from secretsource.stores._feed import news as _news
from secretsource.stores._feed.listening import Listening
from secretsource.stores._feed.news import GAP
from secretsource.stores._sql.connections.faults import UNHEARD, diagnose
from secretsource.stores._sql.connections.postgres import Unheard
from secretsource.stores._sql.statements import CHANNEL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import psycopg

    from secretsource.stores._sql.connections.postgres import Server
    from secretsource.stores.base import KeyChange

PAUSES = (0.1, 1.0)
"""Seconds before a new attempt to connect: at first, and at most. Once the server answers, news is late by no more."""

LOOK_UP = 1.0
"""Seconds between checks whether the subscription has ended."""

PROVED_EVERY = 60.0
"""Seconds between two notices to itself."""


class PostgresFeed:
    """The listening function of one subscription.

    Args:
        server: The server that receives and sends news.
        every: Seconds between two notices to itself.
    """

    def __init__(self, server: Server, every: float = PROVED_EVERY) -> None:
        self._server = server
        self._patience = server.address.timeout
        self._every = every

    def listen(self, listener: Callable[[KeyChange], None]) -> Listening:
        """Start a subscription; see `ChangeFeed.subscribe`."""
        listening = Listening(self._server.listens_to, self.hear, _explain, listener, PAUSES)
        listening.begin()
        return listening

    def hear(self, listening: Listening) -> None:
        """Listen until the end, or until the connection fails."""
        own = f"{CHANNEL}_{secrets.token_hex(8)}"
        with self._server.listen() as connection:
            for channel in (CHANNEL, own):
                connection.execute(f"LISTEN {channel}".encode())
            listening.tell(GAP)
            self._follow(connection, own, listening)

    def _follow(self, connection: psycopg.Connection[Any], own: str, listening: Listening) -> None:
        while not listening.ended.is_set():
            self._prove(connection, own, listening)
            self._pass_on(connection, own, listening, self._every)

    def _prove(self, connection: psycopg.Connection[Any], own: str, listening: Listening) -> None:
        """Check that a notice arrives; if it cannot be sent, news is in doubt, and listening goes on."""
        try:
            self._server.announce(own)
        except Exception as error:  # the connection that listens may be as good as ever
            listening.doubt(_explain(error))
        else:
            if not self._pass_on(connection, own, listening, self._patience, until_own=True):
                raise Unheard

    def _pass_on(
        self,
        connection: psycopg.Connection[Any],
        own: str,
        listening: Listening,
        seconds: float,
        *,
        until_own: bool = False,
    ) -> bool:
        """Pass news on for so long; return whether the notice to itself arrived."""
        until = monotonic() + seconds
        heard = False
        while not listening.ended.is_set() and not (heard and until_own):
            left = until - monotonic()
            if left <= 0:
                return heard
            for notify in connection.notifies(timeout=min(left, LOOK_UP), stop_after=1):
                if notify.channel == own:
                    heard = True
                    listening.prove()
                else:
                    listening.tell(_news.read(notify.payload))
        return True


def _explain(error: Exception) -> str:
    if isinstance(error, StoreError):  # which quotes nothing
        return str(error)
    return UNHEARD.sentence if isinstance(error, Unheard) else diagnose(error).sentence
