"""A call by requests ends with its deadline and its limit, whatever the server does."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import requests
import trustme
from tests.servers.odd import HEAD, drip, flood, odd
from urllib3 import PoolManager

from secretsource.providers._wire.bounded_http import BoundedConnection, BoundedPoolConnection, TooLarge, bounded
from secretsource.providers._wire.bounded_requests import BoundedAdapter, NoSocket

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\n"
SECONDS = 0.5
LATE = 15.0
"""Seconds that a call of `SECONDS` may take on a busy machine; without a deadline, the servers here never end."""


@pytest.fixture
def session() -> Generator[requests.Session]:
    """A session whose calls are bounded."""
    with requests.Session() as session:
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter())
        yield session


def get(session: requests.Session, url: str, seconds: float = SECONDS, **more: Any) -> requests.Response:
    with bounded(time.monotonic() + seconds, 65536):
        return session.get(url, **more)


STARTS = {"status": b"HT", "headers": OK + b"X-A: ", "body": HEAD, "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n"}


@pytest.mark.parametrize("where", STARTS)
def test_drip(where: str, session: requests.Session) -> None:
    """A byte now and then does not prolong a call, in whatever part of the answer it comes."""
    with odd(drip(STARTS[where])) as port:
        started = time.monotonic()
        with pytest.raises((requests.Timeout, requests.ConnectionError)):
            get(session, f"http://127.0.0.1:{port}/")
        assert SECONDS <= time.monotonic() - started < LATE


def test_silence_after_a_byte(session: requests.Session) -> None:
    """A byte that comes shortly before the end buys no time: the next read has only what is left."""

    def answer(line: Any) -> None:
        for byte in b"HTTP/1.1 200 OK\r\n":  # until the client goes away
            time.sleep(1.2)
            line.sendall(bytes([byte]))
        line.recv(1)

    with odd(answer) as port:
        started = time.monotonic()
        with pytest.raises(requests.ReadTimeout):
            get(session, f"http://127.0.0.1:{port}/", 1.5)
        assert time.monotonic() - started < LATE


def test_name_server_that_does_not_answer(session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up of the host name has no more time than the call."""
    answered = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(30) and [])
    started = time.monotonic()
    try:
        with pytest.raises(requests.ConnectionError, match="the time allowed for the call is over"):
            get(session, "http://slow.invalid/")
    finally:
        answered.set()
    assert SECONDS <= time.monotonic() - started < LATE


def test_silence(session: requests.Session) -> None:
    """A server that takes a call and says nothing is a timeout."""
    with odd(lambda line: line.recv(1)) as port:
        started = time.monotonic()
        with pytest.raises(requests.ReadTimeout):
            get(session, f"http://127.0.0.1:{port}/")
        assert time.monotonic() - started < LATE


FLOODS = {
    "status": (b"", b"x" * 8192),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "headers": (OK, b"X-A: " + b"x" * 8192 + b"\r\n"),
    "body": (HEAD, b" " * 8192),
    "chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 8192),
}


@pytest.mark.parametrize("where", FLOODS)
def test_flood(where: str, session: requests.Session) -> None:
    """What a server sends without end is read up to the limit; a line that is too long may end it earlier."""
    with odd(flood(*FLOODS[where])) as port, pytest.raises((TooLarge, requests.ConnectionError)) as caught:
        get(session, f"http://127.0.0.1:{port}/", 10)
    assert "timed out" not in str(caught.value)


def test_compressed_answer(session: requests.Session) -> None:
    """A compressed answer is not expanded, since nothing bounds what it would become."""
    packed = gzip.compress(b" " * 1_000_000)
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with odd(lambda line: line.sendall(head + packed)) as port:
        assert get(session, f"http://127.0.0.1:{port}/", 10).content == packed


def test_redirects_share_the_deadline(session: requests.Session) -> None:
    """However often a server sends us on, the call has one deadline."""
    again = b"HTTP/1.1 307 Again\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def answer(line: Any) -> None:
        time.sleep(0.2)
        line.sendall(again)

    with odd(answer) as port:
        started = time.monotonic()
        with pytest.raises((requests.Timeout, requests.ConnectionError)):
            get(session, f"http://127.0.0.1:{port}/")
        assert time.monotonic() - started < LATE


def test_drip_through_tls(session: requests.Session, tmp_path: Path) -> None:
    """TLS is bounded as plain connections are."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with odd(drip(HEAD), tls=context) as port:
        started = time.monotonic()
        with pytest.raises(requests.ConnectionError, match="timed out"):
            get(session, f"https://127.0.0.1:{port}/", verify=str(tmp_path / "ca.pem"))
        assert time.monotonic() - started < LATE


def test_drip_through_a_proxy(session: requests.Session) -> None:
    """What a proxy says before the connection is there counts as well."""
    with odd(drip(OK)) as port:
        started = time.monotonic()
        with pytest.raises((requests.Timeout, requests.ConnectionError)):
            get(session, "https://service.invalid/", proxies={"https": f"http://127.0.0.1:{port}"})
        assert time.monotonic() - started < LATE


def test_pools_of_a_proxy_are_bounded_once() -> None:
    """However many calls go through a proxy, its connections are of one class."""
    adapter = BoundedAdapter()
    kinds = [
        adapter.proxy_manager_for("http://proxy.invalid").pool_classes_by_scheme["https"].ConnectionCls
        for _ in range(2)
    ]
    assert kinds[0] is kinds[1]
    assert issubclass(kinds[0], BoundedPoolConnection)


def test_socks_proxy_looks_the_name_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a SOCKS proxy the name of the host is left to the proxy, and connections are bounded."""
    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", lambda *_, **__: PoolManager())
    pools = BoundedAdapter().proxy_manager_for("socks5h://proxy.invalid").pool_classes_by_scheme
    assert issubclass(pools["https"].ConnectionCls, BoundedConnection)
    assert not issubclass(pools["https"].ConnectionCls, BoundedPoolConnection)


def test_connections_are_kept(session: requests.Session) -> None:
    """Two answers that were read to their end came over one connection."""
    answer = OK + b"Content-Length: 2\r\n\r\n{}"
    seen: list[object] = []

    def serve(line: Any) -> None:
        seen.append(line)
        line.sendall(answer)
        line.recv(65536)
        line.sendall(answer)

    with odd(serve) as port:
        for _ in range(2):
            assert get(session, f"http://127.0.0.1:{port}/", 10).json() == {}
    assert len(seen) == 1


def test_unix_socket(tmp_path: Path) -> None:
    """A session can stand on a Unix socket, with the same bounds; one that is not there is told apart."""
    place = tmp_path / "s"
    with requests.Session() as session:
        session.mount("http://", BoundedAdapter(socket_path=str(place)))
        with odd(lambda line: line.sendall(OK + b"Content-Length: 2\r\n\r\n{}"), path=place):
            assert get(session, "http://localhost/", 10).json() == {}
        place.unlink()
        with pytest.raises(requests.ConnectionError) as caught:
            get(session, "http://localhost/", 10)
    assert NoSocket.__name__ in repr(caught.value)
