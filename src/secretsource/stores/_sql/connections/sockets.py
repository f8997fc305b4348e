"""The sockets of a server that a forked child inherits, and gives up.

A server ends a session, its transaction and its locks when the last copy of the client's socket is closed. A child that
kept its copies would therefore keep the rows of a killed parent locked, for as long as the child lives. It cannot close
a connection either: the server would take the farewell for the parent's. So a child replaces each socket by one end of
nothing, under the same number, and the driver may do with it as it likes.
"""

from __future__ import annotations

import os
import weakref

from secretsource._ground import fork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    import psycopg

    AnyConnection: TypeAlias = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]


class Sockets:
    """The sockets of this process."""

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[AnyConnection] = weakref.WeakSet()
        fork.tell(self)

    def add(self, connection: AnyConnection) -> None:
        """Remember the socket of a connection, for as long as the connection exists."""
        self._connections.add(connection)

    def after_fork(self) -> None:
        """Replace every inherited socket by the null device, in the child."""
        inherited = [connection for connection in self._connections if not connection.closed]
        self._connections = weakref.WeakSet()
        if not inherited:
            return
        nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            for connection in inherited:
                os.dup2(nothing, connection.fileno(), inheritable=False)
        finally:
            os.close(nothing)


SOCKETS = Sockets()
"""Those of all stores."""
