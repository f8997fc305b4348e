"""azure's asynchronous transport, over connections that all end when it is closed.

aiohttp closes the connection of an abandoned request, and forgets it. Over TLS, the connection stays open until the
other side confirms the end, which a hanging server never does. The socket would outlive the client and the event loop.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aiohttp import ClientResponse, ClientSession, DummyCookieJar, TCPConnector
from azure.core.pipeline.transport import AioHttpTransport
from multidict import CIMultiDict, CIMultiDictProxy

from secretsource.providers._wire.bounded_http import ONE, TooLarge
from secretsource.providers._wire.proxies import environment_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.connector import Connection

    from secretsource.providers._azure.pipeline import TokenPace

__all__ = ["EndingTransport", "TokenTransport", "trust_in"]


def trust_in(ca_cert: str | None) -> ssl.SSLContext | bool:
    """Return the trust for checking certificates: the file with the authorities, or True for those of the system."""
    return True if ca_cert is None else ssl.create_default_context(cafile=ca_cert)


class Connections(TCPConnector):
    """Connections of the running loop, each known until its socket is closed.

    Args:
        trust: As for `EndingTransport`.
    """

    def __init__(self, trust: ssl.SSLContext | bool) -> None:
        super().__init__(ssl=trust)
        # Known by their protocols, which live as long: a TLS transport of uvloop has no weak references.
        self._open: WeakKeyDictionary[asyncio.BaseProtocol, asyncio.Transport] = WeakKeyDictionary()

    async def connect(self, *request: Any, **options: Any) -> Connection:
        """Return a connection, as aiohttp gives it."""
        connection = await super().connect(*request, **options)
        if connection.protocol is not None and connection.transport is not None:
            self._open[connection.protocol] = connection.transport
        return connection

    async def end(self) -> None:
        """Close every connection, without waiting for the other side."""
        for transport in list(self._open.values()):
            transport.abort()
        await self.close()
        await asyncio.sleep(0)  # a loop closes a socket in the turn after


class _BoundedBody:
    """The body of an answer, up to 1 MiB.

    Args:
        body: aiohttp's own body, which has no limit.
    """

    def __init__(self, body: Any) -> None:
        self._body = body
        self._left = ONE

    async def read(self, size: int = -1) -> bytes:
        """Read as the original does: all of it, or at most ``size`` bytes."""
        if size >= 0:
            return self._counted(await self._body.read(size))
        pieces = []
        while piece := self._counted(await self._body.readany()):
            pieces.append(piece)
        return b"".join(pieces)

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)


class BoundedResponse(ClientResponse):
    """An answer with a bounded body that stays compressed: a short body could expand to a huge one."""

    async def start(self, connection: Connection) -> ClientResponse:
        """Read the head; aiohttp bounds it by itself."""
        await super().start(connection)
        body: Any = _BoundedBody(self.content)
        self.content = body
        return self

    @property  # aiohttp has a plain attribute here
    def headers(self) -> CIMultiDictProxy[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The headers of the answer, without its compression; a property, because aiohttp stores its own first look."""
        return CIMultiDictProxy(
            CIMultiDict((name, text) for name, text in self._headers.items() if name.lower() != "content-encoding")
        )


class EndingTransport(AioHttpTransport):  # type: ignore[misc]  # azure loads the class when it is asked for
    """A transport of the running loop that connects once; azure's own reads ``ca_cert`` and connects for each request.

    Args:
        trust: The trust for checking certificates; see `trust_in`.
        use_env_settings: Whether the environment may name a proxy.
        options: As for ``AioHttpTransport``.
    """

    session: ClientSession | None

    def __init__(self, trust: ssl.SSLContext | bool, *, use_env_settings: bool = True, **options: Any) -> None:
        super().__init__(**options)
        self._connections = Connections(trust)
        self._heeds_environment = use_env_settings

    async def open(self) -> None:
        """Make the session, for the first request."""
        if self.session is None:
            self.session = ClientSession(
                connector=self._connections,
                cookie_jar=DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                response_class=BoundedResponse,
                auto_decompress=False,
            )
        await super().open()

    async def send(self, request: Any, *, proxies: Mapping[str, str] | None = None, **options: Any) -> Any:
        """Send as azure's own does; aiohttp itself would ask a proxy of the environment also for this machine."""
        if self._heeds_environment and not proxies and "proxy" not in options:
            proxy = environment_proxy(request.url)
            proxies = {"https": proxy, "http": proxy} if proxy else None
        return await super().send(request, proxies=proxies, **options)

    async def close(self) -> None:
        """End every connection, also those of abandoned requests; no connection is opened after that."""
        await self._connections.end()
        await super().close()


class TokenTransport(EndingTransport):
    """A transport for the requests for tokens.

    Args:
        pace: Called with the result of a request without an answer.
        trust: As for `EndingTransport`.
        options: As for `EndingTransport`.
    """

    def __init__(self, pace: TokenPace, trust: ssl.SSLContext | bool, **options: Any) -> None:
        super().__init__(trust, **options)
        self._pace = pace

    async def send(self, request: Any, **options: Any) -> Any:
        """Send as azure's own does."""
        try:
            return await super().send(request, **options)
        except Exception as error:
            self._pace.failed(request.url, error)
            raise
