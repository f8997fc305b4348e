"""The outermost part of the service: what holds for every request, before a framework or a bare application sees it.

It bounds headers and bodies, gives requests a number, and answers a defect with a problem document that shows nothing
of it.
"""

from __future__ import annotations

import logging
import os
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from secretsource.issuing import HttpAnswer
from secretsource.server.connections.ambiguity import is_text
from secretsource.server.connections.heads import LARGEST_HEADERS, HeadersTooLarge, size_of
from secretsource.server.news.logs import place_of
from secretsource.server.problems import DEFECT, MEDIA_TYPE, Problem, identified, problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from typing import TypeAlias

    from secretsource.issuing import KeyRecord
    from secretsource.server.service import ASGIApp, Message, Receive, Scope, Send

    Tell: TypeAlias = Callable[[Scope, str, int, float], None]
    BareApp: TypeAlias = Callable[[Scope, Receive], "Reply | Awaitable[Reply]"]
    """Answers a request: at once, or after waiting; it may raise a `Problem`."""
    Count: TypeAlias = Callable[[int], object]
    """Counts the answers by their status."""

__all__ = [
    "LARGEST_BODY",
    "BareFront",
    "BodyTooLarge",
    "Front",
    "Kept",
    "Reply",
    "declared",
    "raw_headers",
    "refusal",
    "send_answer",
    "uncounted",
]

LARGEST_BODY = 64 * 1024
_NOT_TEXT = problem(400, "malformed_request", "the path or the query is not UTF-8: percent-encode it as UTF-8")
MOST_KEPT = 10_000
"""Findings that one application keeps; about 10 MB, where they are replies."""
_JSON = ((b"cache-control", b"no-store"), (b"content-type", b"application/json"))
_FAILED = "request %s failed: %s in %s"
_log = logging.getLogger(__name__)

T = TypeVar("T")


class BodyTooLarge(Problem):
    """The body of a request is larger than it may be.

    Args:
        most: Bytes that it may have.
    """

    def __init__(self, most: int = LARGEST_BODY) -> None:
        super().__init__(413, "body_too_large", f"the body must be at most {most} bytes")


_TOO_LARGE = BodyTooLarge().answer()


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
        if size_of(scope) > LARGEST_HEADERS:
            await exchange.answer(HeadersTooLarge().answer())
        elif declared(scope) > LARGEST_BODY:
            await exchange.answer(_TOO_LARGE)
        elif not (is_text(scope.get("raw_path") or b"") and is_text(scope["query_string"])):
            await exchange.answer(_NOT_TEXT)
        else:
            await exchange.serve(self._app)
        self._tell(scope, exchange.request_id, exchange.status, perf_counter() - begun)


class Reply(NamedTuple):
    """The answer of a bare application.

    Attributes:
        status: The HTTP status.
        headers: Names in lower case, and values.
        body: The whole body.
        after: Called when the reply was sent, or could not be sent; None for nothing.
    """

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes = b""
    after: Callable[[], object] | None = None

    @classmethod
    def of(cls, answer: HttpAnswer) -> Reply:
        """Return an answer as a reply.

        Args:
            answer: The answer.
        """
        return cls(answer.status, raw_headers(answer.headers), answer.body)

    @classmethod
    def of_json(cls, body: bytes, after: Callable[[], object] | None = None) -> Reply:
        """Return a document in JSON as a reply that nobody keeps on the way.

        Args:
            body: The document.
            after: Called when the reply was sent, or could not be sent; None for nothing.
        """
        return cls(200, (*_JSON, (b"content-length", b"%d" % len(body))), body, after)


class Kept(Generic[T]):
    """Findings about keys, kept as long as the record of a key is the same.

    Attributes:
        by_id: By the id of a key, its record and the finding.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, tuple[KeyRecord, T]] = {}

    def get(self, record: KeyRecord) -> T | None:
        """Return the finding that was kept for a record.

        Args:
            record: The record; an equal one that was read again does not count.
        """
        kept = self.by_id.get(record.key_id)
        return None if kept is None or kept[0] is not record else kept[1]

    def keep(self, record: KeyRecord, found: T) -> T:
        """Store a finding, and return it.

        Args:
            record: The record that it is about.
            found: A finding that depends on nothing else.
        """
        if len(self.by_id) >= MOST_KEPT:
            self.by_id.clear()
        self.by_id[record.key_id] = (record, found)
        return found


class BareFront:
    """A bare application within the bounds of the service; it bounds its headers and its body itself.

    Args:
        app: The application.
        count: Called with the status of each answer, before it is sent.
    """

    def __init__(self, app: BareApp, count: Count) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # it has nothing to open or to close: the keys are those of the service
            return
        try:
            found = self._app(scope, receive)
            reply = found if isinstance(found, Reply) else await found
        except Problem as refused:
            reply = refusal(refused.answer())
        except Exception as error:
            reply = _defect(error)
        status, headers, body, after = reply
        self._count(status)
        try:
            # Both messages are new: a layer around the service may change them.
            await send({"type": "http.response.start", "status": status, "headers": [*headers]})
            await send({"type": "http.response.body", "body": body})
        finally:
            if after is not None:
                after()


def uncounted(_: int) -> None:
    """Count nothing."""


def refusal(answer: HttpAnswer) -> Reply:
    """Return a refusal with a new number of the request.

    Args:
        answer: An answer with a problem.
    """
    return Reply.of(identified(answer, _number()))


def _defect(error: Exception) -> Reply:
    """Return the reply to an error that nobody expected; the log has its place, by the number of the request."""
    number = _number()
    _log.error(_FAILED, number, type(error).__name__, place_of(error.__traceback__))
    return Reply.of(identified(DEFECT, number))


def raw_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI has them.

    Args:
        headers: Names and values.
    """
    return [(name.lower().encode(), value.encode()) for name, value in headers]


async def send_answer(answer: HttpAnswer, send: Send) -> None:
    """Send a whole answer.

    Args:
        answer: The answer.
        send: The function of ASGI that sends a message.
    """
    await send({"type": "http.response.start", "status": answer.status, "headers": raw_headers(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body})


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
        self._is_gone = False
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
            if self._is_gone:
                return
            if not isinstance(error, BodyTooLarge):
                _log.error(_FAILED, self.request_id, type(error).__name__, place_of(error.__traceback__))
            if self.status == 0:
                await self.answer(_TOO_LARGE if self._received > LARGEST_BODY else DEFECT)

    async def _bounded_receive(self) -> Message:
        message = await self._receive()
        self._is_gone = self._is_gone or (message["type"] == "http.disconnect" and self.status == 0)
        self._received += len(message.get("body", b""))
        if self._received > LARGEST_BODY:
            raise BodyTooLarge
        return message

    async def _numbered_send(self, message: Message) -> None:
        """Send a message with the number of the request: in a header, and in the body of a problem."""
        if self._is_gone:  # an application takes a body that did not come for a defect
            return
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


def declared(scope: Scope) -> int:
    """Return the bytes that a request announces for its body, or 0.

    Args:
        scope: The scope of ASGI.
    """
    written = dict(scope["headers"]).get(b"content-length", b"")
    return int(written) if written.isdigit() and len(written) < 20 else 0
