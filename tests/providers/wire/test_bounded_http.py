"""One deadline and one size for everything that an answer of HTTP is made of."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from threading import Event
from time import monotonic
from typing import Any

import pytest
import urllib3.connection
from tests.servers.relay import relay

from secretsource.providers._wire.bounded_http import (
    BoundedConnection,
    BoundedPoolConnection,
    TooLarge,
    bounded,
    look_up,
)

LATE = 10.0


class Plain(BoundedConnection, HTTPConnection):
    """As the standard library has it."""


class Pooled(BoundedPoolConnection, urllib3.connection.HTTPConnection):
    """As urllib3 has it."""


def body_of(address: str, size: int) -> bytes:
    connection = Plain(address.removeprefix("http://"))
    try:
        with bounded(monotonic() + LATE, size):
            connection.request("GET", "/")
            return connection.getresponse().read()
    finally:
        connection.close()


class TestSize:
    """How long an answer may be."""

    def test_size_counts_headers_and_body(self) -> None:
        """An answer of exactly the size is read; with a byte less it is too large."""
        with relay() as front:
            front.answer(200, b"x" * 5000)
            size = 5000 + len("HTTP/1.1 200 Relayed\r\nContent-Length: 5000\r\nContent-Type: application/json\r\n\r\n")
            assert body_of(front.address, size) == b"x" * 5000
            with pytest.raises(TooLarge):
                body_of(front.address, size - 1)

    def test_each_answer_of_a_connection_has_the_whole_size(self) -> None:
        """A connection that is kept is not worn out by what it brought before."""
        with relay() as front:
            front.answer(200, b"x" * 5000)
            connection = Plain(front.address.removeprefix("http://"))
            for _ in range(3):
                with bounded(monotonic() + LATE, 6000):
                    connection.request("GET", "/")
                    assert len(connection.getresponse().read()) == 5000
            connection.close()

    def test_without_bounds_nothing_is_counted(self) -> None:
        """Outside our calls the connection is as it was."""
        with relay() as front:
            front.answer(200, b"x" * 100_000)
            connection = Plain(front.address.removeprefix("http://"))
            connection.request("GET", "/")
            assert len(connection.getresponse().read()) == 100_000
            connection.close()


class TestTime:
    """How long a call may take."""

    @pytest.mark.parametrize("kind", [Plain, Pooled])
    def test_deadline_that_has_passed(self, kind: type[Any]) -> None:
        """Nothing is connected to after the deadline."""
        connection = kind("127.0.0.1", 9)
        with bounded(monotonic() - 1), pytest.raises(TimeoutError):
            connection.connect()

    def test_look_up_is_waited_for_until_the_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name server that does not answer holds nobody longer than the call may take."""
        answered = Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(LATE) and [])
        started = monotonic()
        connection = Pooled("slow.invalid", 80)
        try:
            with bounded(monotonic() + 0.1), pytest.raises(TimeoutError):
                connection.connect()
        finally:
            answered.set()
        assert monotonic() - started < LATE / 2

    def test_addresses_share_the_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each further address gets what is left, and not the whole time once more."""
        limits: list[float] = []
        now = [0.0]
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", 80)) for number in (1, 2, 3)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
        monkeypatch.setattr("secretsource.providers._wire.bounded_http.monotonic", lambda: now[0])
        monkeypatch.setattr("secretsource.providers._wire.errand.monotonic", lambda: now[0])

        def never(self: Any) -> Any:
            limits.append(self.timeout)
            now[0] += self.timeout / 2
            raise OSError(self._dns_host)

        monkeypatch.setattr(urllib3.connection.HTTPConnection, "_new_conn", never)
        connection = Pooled("several.invalid", 80)
        with bounded(8.0), pytest.raises(OSError, match=r"127\.0\.0\.3"):
            connection.connect()
        assert limits == [8.0, 4.0, 2.0]
        assert connection.host == "several.invalid"  # which TLS goes by

    def test_look_up_gives_each_address_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the order of the system."""
        entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", 80))
        other = (*entry[:4], ("127.0.0.1", 80))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry, other, entry])
        assert look_up("twice.invalid", 80, monotonic() + LATE) == ["127.0.0.2", "127.0.0.1"]
