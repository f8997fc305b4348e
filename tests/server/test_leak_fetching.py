"""The list of public keys over HTTP: bounds of time and size, no redirects, and errors that quote nothing."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from tests.server.github import Signer, listing

from secretsource.server.leaks.key_list import KeyList, fetched
from secretsource.server.outgoing.fetching import FetchError, fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Generator[str]:
    """A server at a free port of this machine that answers each connection by hand."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                seen.append(line.recv(65536))
                try:
                    answer(line)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/meta/keys?v=1"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(30)
    assert not thread.is_alive()
    assert all(request.startswith(b"GET /meta/keys?v=1 HTTP/1.1\r\n") for request in seen)
    assert len(seen) <= 1


def whole(body: bytes, status: str = "200 OK", *headers: str) -> Callable[[socket.socket], None]:
    """Send an answer at once."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return lambda line: line.sendall(head.encode() + body)


async def test_the_list_comes_over_http() -> None:
    """A key of the list is found by its identifier."""
    signer = Signer()
    with serving(whole(listing(signer))) as url:
        keys = KeyList(fetched(url))
        found = await keys.find(signer.identifier)
        assert found is not None
        assert found.public_numbers() == signer.private.public_key().public_numbers()
        assert await keys.find("another") is None


def test_the_size_is_bounded() -> None:
    """The largest document is read, and one more byte is an error."""
    with serving(whole(b"x" * 100)) as url:
        assert fetch(url, within=20, most=100) == b"x" * 100
    with serving(whole(b"x" * 101)) as url, pytest.raises(FetchError, match="has more than 100 bytes"):
        fetch(url, within=20, most=100)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "404 Not Found", "500 Defect"])
def test_only_200_counts(status: str) -> None:
    """A redirect is not followed: the server sees one request."""
    with serving(whole(b"canary", status, "Location: /elsewhere")) as url, pytest.raises(FetchError) as caught:
        fetch(url, within=20, most=100)
    assert f"answered {status[:3]}, not 200; redirects are not followed" in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
def test_the_time_is_bounded_for_the_whole_answer(beginning: bytes) -> None:
    """A server that sends a byte now and then, in the headers or in the body, is left when the time is over."""

    def drip(line: socket.socket) -> None:
        line.sendall(beginning)
        while beginning or not line.recv(1):
            line.sendall(b"x")
            time.sleep(0.02)

    began = time.monotonic()
    with serving(drip) as url, pytest.raises(FetchError):
        fetch(url, within=0.3, most=10_000)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("answer", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_what_is_no_answer_is_an_error(answer: bytes) -> None:
    """The class of the error is told, and no part of what came."""
    with serving(lambda line: line.sendall(answer)) as url, pytest.raises(FetchError) as caught:
        fetch(url, within=20, most=100)
    assert caught.value.__cause__ is None
    assert "no HTTP" not in str(caught.value)


def test_a_server_that_is_not_there_is_an_error() -> None:
    """The name of the host is told."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(
        FetchError, match=r"127\.0\.0\.1 could not be asked within 20 seconds \(ConnectionRefusedError\)"
    ):
        fetch(f"http://127.0.0.1:{port}", within=20, most=100)


def test_a_certificate_is_checked() -> None:
    """A server without TLS, or with a certificate that nobody vouches for, is not believed."""
    with serving_tls(b"{}") as url, pytest.raises(FetchError, match="SSL"):
        fetch(url, within=20, most=100)


@contextmanager
def serving_tls(body: bytes) -> Generator[str]:
    """A server with a certificate of an authority that this machine does not know."""
    import ssl

    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def answer() -> None:
        line, _ = listener.accept()
        try:
            with context.wrap_socket(line, server_side=True) as secured:
                whole(body)(secured)
        except OSError:
            line.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(30)
