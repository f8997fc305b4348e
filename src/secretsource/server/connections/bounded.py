"""One connection of HTTP/1.1, on which a request must arrive within a time, and its headers within a size.

The server beneath waits for as long as a client likes, also for one that does not read its answers, and remembers as
many headers as it sends. It also adds the trailers of a chunked body to the headers: where a gateway passes trailers
on, a client could write its own ``X-Forwarded-For`` there. And it takes the body of a request with ``Upgrade`` for the
next request.

The bound of time costs a request nothing: each connection looks at itself now and then.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from secretsource.server.problems import problem

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from secretsource.issuing import HttpAnswer

__all__ = ["ARRIVES_WITHIN", "LARGEST_HEAD", "BoundedProtocol"]

ARRIVES_WITHIN = 30.0
"""Seconds in which a request must arrive, and a new connection must begin one; up to twice as long may pass.

A client must read some of an answer in as long."""
LARGEST_HEAD = 512 * 1024
"""Bytes of a first line and headers that are read at all; the service refuses far fewer with an answer of its own."""
LINGERS = 2.0
"""Seconds for which a client that was refused may read the answer; what it still sends is dropped."""
# Called by name: the search of `super` takes as long as the rest of what is added to each request.
_begin = HttpToolsProtocol.on_headers_complete
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
"""The headers that say where a body ends."""
_TOO_SLOW = problem(408, "request_timeout", f"the request must arrive within {ARRIVES_WITHIN:g} seconds")
_MALFORMED = problem(400, "malformed_request", "the request cannot be read: send it as HTTP/1.1 has it")
_TOO_LARGE = problem(431, "headers_too_large", "the headers are too large: they are not read any further")
_log = logging.getLogger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """The protocol of one connection; uvicorn makes it."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._head = 0
        """Bytes of the head that is arriving, about."""
        self._waited_for: object = self
        """The exchange that the last look found unfinished, or behind which it found nothing; else this object."""
        self._unread = 0
        """Bytes of answers that the last look found waiting for the client to read."""
        self._next_call: asyncio.TimerHandle | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Open the connection, and look at it now and then."""
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        if self._next_call is not None:
            self._next_call.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what arrived, and refuse a head without an end."""
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        try:
            self._read(data)
        except HttpParserError:
            self._refuse(_MALFORMED)
        if self._is_in_head:
            self._head += len(data)
            if self._head > LARGEST_HEAD:
                self._refuse(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Let the request begin; what comes behind its body is not among its headers."""
        _begin(self)
        self.headers = []
        self._head = 0
        if not self.cycle.keep_alive:
            self.cycle.transport = cast("asyncio.Transport", _Ending(self, self.cycle))

    def _read(self, data: bytes) -> None:
        """Read what arrived; another protocol that a client asks for is not given, as RFC 9110 (7.8) allows.

        Raises:
            HttpParserError: It cannot be read.
        """
        while data:
            try:
                self.parser.feed_data(data)
                return
            except HttpParserUpgrade as asked:
                data = data[asked.args[0] :]
            self._expect_body()

    def _expect_body(self) -> None:
        """Wait for the body of a request that asks for another protocol; the parser ends such a request at its head."""
        cycle = self.cycle
        framing = [each for each in cycle.scope["headers"] if each[0] in _FRAMING]
        if framing:
            cycle.more_body = True
            cycle.message_event.clear()
            self.parser = HttpRequestParser(_Behind(self))
            with suppress(AttributeError):  # as uvicorn has it; httptools before 0.6.3 is lenient by itself
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % b"".join([b"%s: %s\r\n" % each for each in framing]))

    @property
    def _is_in_head(self) -> bool:
        """Whether a request has begun, and its headers are not there yet."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.scope is not self.scope

    def _look(self) -> None:
        """Refuse a request that the look before found arriving, and drop a client that has read nothing since."""
        before, self._unread = self._unread, self.transport.get_write_buffer_size()
        if self._unread and self._unread == before:
            self.transport.abort()
            return
        if self.transport.is_closing():
            self._look_later()
            return
        waits_for = self._unfinished()
        if waits_for is self._waited_for and waits_for is not self:
            self._refuse(_TOO_SLOW)
            return
        self._waited_for = waits_for
        self._look_later()

    def _look_later(self) -> None:
        self._call_later(ARRIVES_WITHIN, self._look)

    def _call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call one thing later, and nothing that was to be called before."""
        if self._next_call is not None:
            self._next_call.cancel()
        self._next_call = self.loop.call_later(seconds, call)

    def _close(self) -> None:
        """Close the connection when the client has read what waits; see to it that it does."""
        self.transport.close()
        self._look_later()

    def _unfinished(self) -> object:
        """Return the exchange behind which, or in which, the client is to send something now; else this protocol."""
        # the server ends an idle connection by itself
        is_idle = self.timeout_keep_alive_task is not None and not self._is_in_head
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_arriving = cycle is None or cycle.response_complete or cycle.more_body
        return cycle if is_arriving and not is_idle else self

    def _refuse(self, answer: HttpAnswer) -> None:
        """End the connection, with an answer if none has begun."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        _log.info("a connection was ended with the status %d", answer.status)
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete or not cycle.response_started:
            headers = "".join([f"{name}: {value}\r\n" for name, value in (*answer.headers, ("Connection", "close"))])
            self.transport.write(
                f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{headers}\r\n".encode() + answer.body
            )
            self._linger(cycle)
        else:
            self._close()

    def end_behind(self, cycle: RequestResponseCycle) -> None:
        """Close the connection behind the answer of an exchange, a little later while its body is still arriving."""
        if cycle.more_body and not self.transport.is_closing():
            self._is_refused = True
            self._linger(cycle)
        else:
            self.transport.close()

    def _linger(self, cycle: RequestResponseCycle | None) -> None:
        """Close the sending side, and the connection a little later; the application sees its end now.

        If it were closed at once, bytes that are on their way would make the system reset it, and the client might lose
        the answer (RFC 9112, 9.6).
        """
        if not self.transport.can_write_eof():
            self._close()
            return
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        try:
            self.transport.write_eof()
        except OSError:  # the client has reset the connection a moment before
            self._close()
        else:
            self._call_later(LINGERS, self._close)


class _Ending:
    """The transport of an exchange that ends its connection."""

    def __init__(self, protocol: BoundedProtocol, cycle: RequestResponseCycle) -> None:
        self.write, self.is_closing = protocol.transport.write, protocol.transport.is_closing
        self.close = partial(protocol.end_behind, cycle)


class _Behind:
    """The callbacks of a parser that begins behind a head which was read already, and is given its framing alone."""

    def __init__(self, protocol: BoundedProtocol) -> None:
        self.on_body, self.on_message_complete = protocol.on_body, protocol.on_message_complete
        self._protocol: BoundedProtocol | None = None
        self._next = protocol

    def on_message_begin(self) -> None:
        """Start the next request."""
        if self._protocol is not None:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of its address."""
        if self._protocol is not None:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of it."""
        if self._protocol is not None:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let it begin; the first time, this is the head that was read already."""
        if self._protocol is not None:
            self._protocol.on_headers_complete()
        self._protocol = self._next
