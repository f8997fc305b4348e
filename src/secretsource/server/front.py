"""The outermost part of the service: what holds for every request, before a framework or a bare application sees it.

It bounds headers and bodies, gives requests a number, and answers a defect with a problem document that shows nothing
of it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from secretsource.issuing import HttpAnswer
from secretsource.server.problems import DEFECT, MEDIA_TYPE, identified, problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from secretsource.server.service import ASGIApp, Message, Receive, Scope, Send

    Tell: TypeAlias = Callable[[Scope, str, int, float], None]

__all__ = ["LARGEST_BODY", "LARGEST_HEADERS", "BareFront", "Front", "send_answer", "send_refusal"]

LARGEST_BODY = 64 * 1024
LARGEST_HEADERS = 16 * 1024
_TOO_LARGE = problem(413, "body_too_large", f"the body must be at most {LARGEST_BODY} bytes")
_HEADERS_TOO_LARGE = problem(431, "headers_too_large", f"the headers must be at most {LARGEST_HEADERS} bytes together")
_FAILED = "request %s failed: %s in %s"
_log = logging.getLogger(__name__)


class _TooLarge(Exception):
    """The body of a request is larger than it may be."""


class Front:
    """An application within the bounds of the service.

    Args:
        app: The application.
        tell: Called after each request with its scope, its number, the status and the seconds that it took.
    """

    def __init__(self, app: ASGIApp, tell: Tell) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange, begun = _Exchange(scope, receive, send), perf_counter()
        if _size(scope) > LARGEST_HEADERS:
            await exchange.answer(_HEADERS_TOO_LARGE)
        elif _declared(scope) > LARGEST_BODY:
            await exchange.answer(_TOO_LARGE)
        else:
            await exchange.serve(self._app)
        self._tell(scope, exchange.request_id, exchange.status, perf_counter() - begun)


class BareFront:
    """A bare application within the bounds of the service; it reads its body itself, and bounds it.

    Args:
        app: The application.
        count: Called with the status of each answer, before it is sent.
    """

    def __init__(self, app: ASGIApp, count: Callable[[int], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = False

        def counted_send(message: Message) -> Awaitable[None]:
            nonlocal begun
            status: int | None = message.get("status")
            if status is not None:
                begun = True
                self._count(status)
            return send(message)

        if _size(scope) > LARGEST_HEADERS:
            await send_refusal(_HEADERS_TOO_LARGE, counted_send)
            return
        try:
            await self._app(scope, receive, counted_send)
        except Exception as error:
            number = _number()
            _log.error(_FAILED, number, type(error).__name__, _place(error))
            if not begun:
                await send_answer(identified(DEFECT, number), counted_send)


async def send_answer(answer: HttpAnswer, send: Send) -> None:
    """Send a whole answer.

    Args:
        answer: The answer.
        send: The function of ASGI that sends a message.
    """
    headers = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def send_refusal(answer: HttpAnswer, send: Send) -> None:
    """Send a refusal with a new number of the request.

    Args:
        answer: An answer with a problem.
        send: The function of ASGI that sends a message.
    """
    await send_answer(identified(answer, _number()), send)


class _Exchange:
    """One request and its answer.

    Attributes:
        request_id: The number of the request, 16 characters of ``0-9a-f``.
        status: The status that was sent; 0 before.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request_id = _number()
        self.status = 0
        self._scope, self._receive, self._send = scope, receive, send
        self._received = 0
        self._held: Message | None = None

    async def answer(self, answer: HttpAnswer) -> None:
        """Send an answer of the front itself."""
        self.status = answer.status
        await send_answer(identified(answer, self.request_id), self._send)

    async def serve(self, app: ASGIApp) -> None:
        """Let the application answer."""
        try:
            await app(self._scope, self._bounded_receive, self._numbered_send)
        except Exception as error:
            if not isinstance(error, _TooLarge):
                _log.error(_FAILED, self.request_id, type(error).__name__, _place(error))
            if self.status == 0:
                await self.answer(_TOO_LARGE if self._received > LARGEST_BODY else DEFECT)

    async def _bounded_receive(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > LARGEST_BODY:
            raise _TooLarge
        return message

    async def _numbered_send(self, message: Message) -> None:
        """Send a message with the number of the request: in a header, and in the body of a problem."""
        if self._received > LARGEST_BODY:
            if self.status == 0:
                await self.answer(_TOO_LARGE)
        elif message["type"] == "http.response.start":
            await self._start(message)
        elif self._held is not None:
            held, self._held = self._held, None
            headers = tuple((name.decode("ascii"), value.decode("ascii")) for name, value in _titled(held["headers"]))
            await self.answer(HttpAnswer(held["status"], headers, message["body"]))
        else:
            await self._send(message)

    async def _start(self, message: Message) -> None:
        headers = list(message["headers"])
        if dict(headers).get(b"content-type", b"").decode("latin-1") == MEDIA_TYPE:
            self._held = message
            return
        self.status = message["status"]
        await self._send({**message, "headers": [*headers, (b"x-request-id", self.request_id.encode("ascii"))]})


def _titled(headers: Any) -> list[tuple[bytes, bytes]]:
    """Return headers with their names as we write them: ``Content-Type``, ``WWW-Authenticate``."""
    return [(b"WWW-Authenticate" if name == b"www-authenticate" else name.title(), value) for name, value in headers]


def _number() -> str:
    """Return the number of a new request."""
    return os.urandom(8).hex()


def _size(scope: Scope) -> int:
    """Return the bytes of the first line and the headers of a request, about."""
    size = len(scope.get("raw_path") or b"") + len(scope.get("query_string") or b"")
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    return size


def _declared(scope: Scope) -> int:
    """Return the length that a request announces for its body, or 0."""
    written = dict(scope["headers"]).get(b"content-length", b"")
    return int(written) if written.isdigit() and len(written) < 20 else 0


def _place(error: BaseException) -> str:
    """Return the file and line where an error arose, and no value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "an unknown place" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
