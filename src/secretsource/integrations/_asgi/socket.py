"""A web socket that is open as long as its key is good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from secretsource.integrations._shared.recheck import ENDED, REASON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from secretsource.integrations._asgi.messages import Message, Receive, Send


class _KeyEnded(OSError):
    """The error of an application that sends on a socket whose key has ended; as for a client that has gone."""


async def serve_while(
    is_good: Callable[[], Awaitable[bool]],
    every: float,
    app: Callable[[Receive, Send], Awaitable[object]],
    receive: Receive,
    send: Send,
) -> None:
    """Serve a web socket, and close it when its key ends.

    Args:
        is_good: Returns whether the key is still good.
        every: Seconds between two calls of it.
        app: The application.
        receive: The `receive` of the server.
        send: The `send` of the server.
    """
    socket = _Socket(receive, send)
    watch = asyncio.ensure_future(socket.watch(is_good, every))
    try:
        await app(socket.receive, socket.send)
    except _KeyEnded:
        pass
    finally:
        watch.cancel()
        socket.close()


class _Socket:
    """The guard between an application and its web socket."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._sending = asyncio.Lock()
        self._has_ended = asyncio.Event()
        self._is_closed = False
        self._coming: asyncio.Future[Message] | None = None

    async def watch(self, is_good: Callable[[], Awaitable[bool]], every: float) -> None:
        """Ask at intervals until the key has ended; then close the socket."""
        await asyncio.sleep(every)
        while await is_good():
            await asyncio.sleep(every)
        async with self._sending:
            self._has_ended.set()
            if not self._is_closed:
                await self._send({"type": "websocket.close", "code": ENDED, "reason": REASON})

    async def send(self, message: Message) -> None:
        """Pass on a message of the application, until the key has ended."""
        async with self._sending:
            if self._has_ended.is_set():
                raise _KeyEnded(REASON)
            self._is_closed = self._is_closed or message["type"] not in {"websocket.accept", "websocket.send"}
            await self._send(message)

    async def receive(self) -> Message:
        """Return the client's next message, or a disconnection once the key has ended.

        A message is not lost when an application stops waiting for it; the next call returns it.
        """
        coming = self._coming = self._coming or asyncio.ensure_future(self._receive())
        ended = asyncio.ensure_future(self._has_ended.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {coming, ended}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if not coming.done():
            return {"type": "websocket.disconnect", "code": ENDED, "reason": REASON}
        self._coming = None
        message = coming.result()
        self._is_closed = self._is_closed or message["type"] == "websocket.disconnect"
        return message

    def close(self) -> None:
        """Stop receiving."""
        if self._coming is not None:
            self._coming.cancel()
