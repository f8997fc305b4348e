"""azure's asynchronous transport, over connections that all end when it is closed.

aiohttp closes the connection of a request that was given up, and forgets it. Over TLS it stays open until the other
side has said goodbye too, and one that hangs does not: the socket would outlive the client, and the event loop.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from azure.core.pipeline.transport import AioHttpTransport

if TYPE_CHECKING:
    from aiohttp.connector import Connection

__all__ = ["EndingTransport", "trust_in"]


def trust_in(ca_cert: str | None) -> ssl.SSLContext | bool:
    """What certificates are checked with: the file with the authorities to trust, or True for those of the system."""
    return True if ca_cert is None else ssl.create_default_context(cafile=ca_cert)


class Connections(TCPConnector):
    """Connections of the running loop, each known until its socket is closed.

    Args:
        trust: As for `EndingTransport`.
    """

    def __init__(self, trust: ssl.SSLContext | bool) -> None:
        super().__init__(ssl=trust)
        # By their protocols, which live as long: a TLS transport of uvloop cannot be referred to weakly.
        self._open: WeakKeyDictionary[asyncio.BaseProtocol, asyncio.Transport] = WeakKeyDictionary()

    async def connect(self, *request: Any, **options: Any) -> Connection:
        """A connection, as aiohttp gives it."""
        connection = await super().connect(*request, **options)
        if connection.protocol is not None and connection.transport is not None:
            self._open[connection.protocol] = connection.transport
        return connection

    async def end(self) -> None:
        """Close every connection, and wait for nobody's goodbye."""
        for transport in list(self._open.values()):
            transport.abort()
        await self.close()
        await asyncio.sleep(0)  # a loop closes a socket in the turn after


class EndingTransport(AioHttpTransport):  # type: ignore[misc]  # azure loads the class when it is asked for
    """A transport of the running loop that connects once; azure's own reads ``ca_cert``, and connects, per request.

    Args:
        trust: What certificates are checked with; see `trust_in`.
        use_env_settings: Whether the environment may name a proxy.
        options: As for ``AioHttpTransport``.
    """

    session: ClientSession | None

    def __init__(self, trust: ssl.SSLContext | bool, *, use_env_settings: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self._connections = Connections(trust)
        self._trust_env = use_env_settings

    async def open(self) -> None:
        """Make the session, for the first request."""
        if self.session is None:
            self.session = ClientSession(
                connector=self._connections,
                trust_env=self._trust_env,
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
            )
        await super().open()

    async def close(self) -> None:
        """End every connection, those included whose request was given up; none is opened after that."""
        await self._connections.end()
        await super().close()
