"""A connection of the service: what is slow, or has no end, is refused, and trailers are no headers."""

from __future__ import annotations

import asyncio
import errno
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from uvicorn import Config
from uvicorn.server import ServerState

from secretsource.server.connections import bounded
from secretsource.server.connections.bounded import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SOON = 0.3
"""Seconds in which a request must arrive, where a test waits for that."""
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\nX-Hidden: yes\r\n\r\n"
CHUNKED = HEAD + b"X-Forwarded-For: 203.0.113.5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"


class Site:
    """An application behind the protocol, which answers with the headers and the body that it got."""

    def __init__(self) -> None:
        self.port = 0
        self.takes = 0.0
        self.begins = False
        self.waits = True
        """Whether it waits for the whole body before it answers."""
        self.more = ""
        """A text behind the body that it answers with."""
        self.errors: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.state = ServerState()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, after a while."""
        if self.begins:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
            await send({"type": "http.response.body", "body": b"early", "more_body": True})
        body, more = b"", self.waits
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        await asyncio.sleep(self.takes)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        told = json.dumps([headers, body.decode() + self.more]).encode()
        length = b"%d" % len(told)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
            await send({"type": "http.response.body", "body": told})
        except Exception as error:
            self.errors.append(repr(error))

    async def open(self, *parts: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, and send."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        for part in parts:
            writer.write(part)
        return reader, writer

    async def end(self, *parts: bytes) -> bytes:
        """Connect, send, and return everything up to the end of the connection."""
        reader, _ = await self.open(*parts)
        return await asyncio.wait_for(reader.read(), 30)

    async def answer(self, *parts: bytes) -> Any:
        """Connect, send, and return the document of the answer."""
        reader, _ = await self.open(*parts)
        return await asyncio.wait_for(one(reader), 30)


async def one(reader: asyncio.StreamReader) -> Any:
    """Read one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return json.loads(await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0])))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little patience with requests, for the tests that wait for its end; on a busy machine, others would meet it."""
    monkeypatch.setattr(bounded, "ARRIVES_WITHIN", SOON)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """The application at a free port."""
    found = Site()
    config = Config(found, ws="none", log_config=None, timeout_keep_alive=60)
    state, loop = found.state, asyncio.get_running_loop()
    server = await loop.create_server(lambda: BoundedProtocol(config, state, {}), "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    for writer in found.writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    for each in list(state.connections):
        each.transport.abort()  # type: ignore[union-attr]  # protocols of other servers have none
    await asyncio.gather(*state.tasks)
    await server.wait_closed()


@pytest.mark.parametrize("trailer", [b"X-Forwarded-For: 10.0.0.1\r\n", b"Authorization: Bearer other\r\n", b""])
async def test_trailers_are_no_headers(site: Site, trailer: bytes) -> None:
    """Not even where they arrive together with the headers; the body is whole."""
    headers, body = await site.answer(CHUNKED + trailer + b"\r\n")
    assert (headers, body) == ({"host": "x", "x-forwarded-for": "203.0.113.5", "transfer-encoding": "chunked"}, "hi")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "sent",
    [
        b"", b"\r\n", HEAD, HEAD + b"Content-Length: 5\r\n\r\n123", CHUNKED[:-5],
        HEAD + b"Content-Length: 0\r\n\r\n" + b"POST / HT",
    ],
    ids=["nothing", "blank", "head", "body", "chunk", "the next one"],
)  # fmt: skip
async def test_a_request_that_does_not_arrive_is_refused(site: Site, sent: bytes) -> None:
    """408, and the end of the connection, wherever the client stopped."""
    told = await site.end(sent)
    head, _, body = told.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")
    assert head.startswith(b"408 Request Timeout\r\n")
    assert json.loads(body)["code"] == "request_timeout"


@pytest.mark.usefixtures("impatient")
async def test_a_body_that_trickles_in_is_refused(site: Site) -> None:
    """A byte now and then is no reason to wait; one that crosses the answer does not destroy it."""

    async def trickle(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b".")
            await asyncio.sleep(SOON / 5)

    reader, writer = await site.open(HEAD + b"Content-Length: 1000\r\n\r\n")
    trickling = asyncio.create_task(trickle(writer))
    told = await asyncio.wait_for(reader.read(), 30)
    trickling.cancel()
    assert told.startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_goes_on_sending_reads_why_it_was_refused(site: Site) -> None:
    """All that it sends after its endless head is dropped, and the connection ends by itself."""
    reader, writer = await site.open()
    sent = 0
    with suppress(ConnectionError):  # the connection has ended
        while sent < 40 * bounded.LARGEST_HEAD:
            writer.write(HEAD + b"X-A: " + b"a" * bounded.LARGEST_HEAD)
            sent += bounded.LARGEST_HEAD
            await asyncio.wait_for(writer.drain(), 30)
    assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("head", [HEAD + b"Connection: close\r\n", b"POST / HTTP/1.0\r\n"], ids=["close", "1.0"])
async def test_a_client_that_sends_its_whole_body_first_reads_an_early_answer(site: Site, head: bytes) -> None:
    """Also where the connection ends behind the answer: what it still sends is dropped, and costs it nothing."""
    site.waits, length = False, 8_000_000
    reader, writer = await site.open(head + b"Content-Length: %d\r\n\r\n" % length)
    for _ in range(8):
        writer.write(b"a" * (length // 8))
        await asyncio.wait_for(writer.drain(), 30)
    told = await asyncio.wait_for(reader.read(), 30)
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.count(b"HTTP/1.1 ") == 1
    assert site.errors == []


async def test_a_client_that_is_gone_by_then_is_no_defect(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses to close the sending side of a connection that was reset a moment before."""
    site.waits, site.takes = False, 0.1
    reader, writer = await site.open(HEAD + b"Connection: close\r\nContent-Length: 9\r\n\r\nbody")

    def refused(_: object) -> None:
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(type(writer.transport), "write_eof", refused)
    assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 200 ")
    assert site.errors == []


@pytest.mark.usefixtures("impatient")
async def test_an_answer_after_the_refusal_is_not_sent(site: Site) -> None:
    """The application sees that the client is gone, and so does its answer."""
    site.waits = False
    site.takes = 4 * SOON
    told = await site.end(HEAD + b"Content-Length: 1000\r\n\r\nbody")
    assert told.startswith(b"HTTP/1.1 408 ")
    assert told.count(b"HTTP/1.1 ") == 1
    await asyncio.sleep(4 * SOON)
    assert site.errors == []


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01", b"get / HTTP/1.1\r\n\r\n", HEAD + b"X A: 1\r\n\r\n",
        HEAD + b"X-A: 1\r\n b\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + UPGRADE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + UPGRADE + b"Content-Length: 2\r\n\r\nhi\x16\x03",
    ],
    ids=[
        "TLS", "method", "name", "folded", "two lengths", "negative", "length and chunks", "chunk", "upgrade", "behind"
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(site: Site, sent: bytes) -> None:
    """By a problem document, and the end of the connection: nobody guesses where the next request begins."""
    head, _, body = (await site.end(sent)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(body)["code"] == "malformed_request"


@pytest.mark.parametrize("before", [b"", HEAD + b"Content-Length: 0\r\n\r\n"], ids=["first", "next"])
async def test_a_head_without_an_end_is_refused(site: Site, before: bytes) -> None:
    """431, long before memory is short, also behind a request that was answered."""
    told = await site.end(before, HEAD + b"X-A: " + b"a" * bounded.LARGEST_HEAD)
    assert b"HTTP/1.1 431 Request Header Fields Too Large\r\n" in told


@pytest.mark.usefixtures("impatient")
async def test_a_request_that_arrived_has_its_time(site: Site) -> None:
    """An answer may take longer than a request to arrive, and the connection serves the next one."""
    site.takes = 3 * SOON
    reader, writer = await site.open()
    for number in (b"1", b"2"):
        writer.write(HEAD + b"Content-Length: 1\r\n\r\n" + number)
        assert (await asyncio.wait_for(one(reader), 30))[1] == number.decode()
    site.takes = 0.0


@pytest.mark.usefixtures("impatient")
async def test_an_idle_connection_stays(site: Site) -> None:
    """As long as the server keeps idle connections, and not only as long as a request may take to arrive."""
    reader, writer = await site.open(HEAD + b"Content-Length: 1\r\n\r\n1")
    await asyncio.wait_for(one(reader), 30)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 3 * SOON)
    writer.write(HEAD + b"Content-Length: 1\r\n\r\n2")
    assert (await asyncio.wait_for(one(reader), 30))[1] == "2"


LARGE = 32 * 1024 * 1024
"""Bytes of an answer that the buffers of a connection do not take."""


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("behind", [b"", HEAD, HEAD + b"X A: 1\r\n\r\n"], ids=["nothing", "a head", "nonsense"])
async def test_a_client_that_does_not_read_is_dropped(site: Site, behind: bytes) -> None:
    """Else it would hold a connection for as long as it lives, without a key, and also behind a refusal."""
    site.more = "x" * LARGE
    reader, _ = await site.open(HEAD + b"\r\n" + behind)

    async def dropped() -> None:
        while site.state.connections:
            await asyncio.sleep(0.01)

    assert await asyncio.wait_for(reader.read(1), 30)
    await asyncio.wait_for(dropped(), 30)
    with suppress(ConnectionError):
        assert len(await asyncio.wait_for(reader.read(), 30)) < LARGE


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_reads_slowly_reads_to_the_end(site: Site) -> None:
    """Each look finds less that waits."""
    site.more = "x" * LARGE
    reader, _ = await site.open(HEAD + b"Connection: close\r\n\r\n")
    began, size = asyncio.get_running_loop().time(), 0
    while part := await asyncio.wait_for(reader.read(LARGE // 100), 30):
        size += len(part)
        if asyncio.get_running_loop().time() < began + 4 * SOON:
            await asyncio.sleep(SOON / 50)
    assert size > LARGE


async def test_requests_that_arrive_together_are_answered_in_turn(site: Site) -> None:
    """A large body before a head does not count as a part of it."""
    large = b"b" * (bounded.LARGEST_HEAD + 1)
    first = HEAD + b"Content-Length: %d\r\n\r\n" % len(large) + large
    reader, _ = await site.open(first, HEAD + b"Content-Length: 1\r\n\r\n2")
    bodies = [(await asyncio.wait_for(one(reader), 30))[1] for _ in range(2)]
    assert bodies == [large.decode(), "2"]


FRAMED = (
    (b"Content-Length: %d\r\n" % len(HIDDEN), HIDDEN),
    (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(HIDDEN), HIDDEN)),
)


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(("framing", "body"), FRAMED)
async def test_a_body_behind_an_upgrade_is_a_body(site: Site, framing: bytes, body: bytes, step: int) -> None:
    """Clients of HTTP/2 offer it with their first request (Java's does), and its body must not become a request."""
    sent = (HEAD + UPGRADE + framing + b"\r\n" + body) * 2 + HEAD + b"Connection: close\r\n\r\n"
    sent += b"more" if step > len(sent) else b""  # what arrives later is met by the end of the connection
    reader, writer = await site.open()
    for start in range(0, len(sent), step):
        writer.write(sent[start : start + step])
        await asyncio.sleep(0)
    for _ in range(2):
        headers, told = await asyncio.wait_for(one(reader), 30)
        assert (headers["upgrade"], told) == ("h2c", HIDDEN.decode())
        assert "x-trailer" not in headers
    headers, told = await asyncio.wait_for(one(reader), 30)
    assert (headers, told) == ({"host": "x", "connection": "close"}, "")


async def test_very_many_upgrades_arrive_together(site: Site) -> None:
    """Each is answered, whether or not it has a body."""
    many = 2000
    pair = HEAD + UPGRADE + b"\r\n" + HEAD + UPGRADE + b"Content-Length: 2\r\n\r\nhi"
    reader, _ = await site.open(pair * (many // 2))
    for number in range(many):
        assert (await asyncio.wait_for(one(reader), 30))[1] == ("hi" if number % 2 else "")


@pytest.mark.usefixtures("impatient")
async def test_an_answer_that_has_begun_is_not_followed_by_another(site: Site) -> None:
    """A client that stops in the middle of its body then sees the end of the connection alone."""
    site.begins = True
    told = await site.end(HEAD + b"Content-Length: 1000\r\n\r\nbody")
    assert told.startswith(b"HTTP/1.1 200 ")
    assert told.endswith(b"\r\n\r\nearly")
