"""Sessions of requests that keep the bounds of each call, by adapters of ours and by those that they have."""

from __future__ import annotations

from queue import Empty, Full
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from requests import Session
from tests.servers.relay import relay
from urllib3 import HTTPConnectionPool

from secretsource.providers._wire.bounded_http import Kept, TooLarge, bounded, bounded_pool
from secretsource.providers._wire.bounded_session import bind_adapters, bind_session
from secretsource.testing.servers.rogue import rogue_server

if TYPE_CHECKING:
    from collections.abc import Callable

LATE = 10.0


@pytest.mark.parametrize("bind", [bind_session, bind_adapters])
class TestBinding:
    """Both ways to bind a session."""

    def test_size(self, bind: Callable[[Session], object]) -> None:
        """An answer within the size is read, a longer one is too large, and outside our calls there is no limit."""
        with relay() as front, Session() as session:
            bind(session)
            front.answer(200, b"x" * 5000)
            with bounded(monotonic() + LATE, 6000):
                assert session.get(front.address).content == b"x" * 5000
            with bounded(monotonic() + LATE, 4000), pytest.raises(TooLarge):
                session.get(front.address)
            assert session.get(front.address).content == b"x" * 5000

    def test_deadline(self, bind: Callable[[Session], object]) -> None:
        """A drip ends at the deadline, whatever timeout requests has for each read."""
        with rogue_server("drip_body") as address, Session() as session:
            bind(session)
            began = monotonic()
            with bounded(began + 0.3), pytest.raises(OSError, match=r"timed out|the time allowed"):
                session.get(address, timeout=60)
            assert monotonic() - began < LATE

    def test_compressed_answers_are_not_asked_for(self, bind: Callable[[Session], object]) -> None:
        """A server that keeps to HTTP sends nothing compressed."""
        with relay() as front, Session() as session:
            bind(session)
            front.answer(200)
            session.get(front.address)
            assert front.calls[0].headers["Accept-Encoding"] == "identity"


def test_unused_connections_have_no_lock() -> None:
    """A signal handler may make a call while its thread takes a connection: the queue of urllib3 has a lock."""
    with relay() as front, bounded_pool(HTTPConnectionPool)("127.0.0.1", int(front.address.rpartition(":")[2])) as pool:
        front.answer(200)
        for _ in range(2):
            assert pool.request("GET", "/").status == 200
        assert isinstance(pool.pool, Kept)
        assert pool.num_connections == 1


def test_kept_connections() -> None:
    """The last one is taken first; there is a most, and nobody waits."""
    kept = Kept(2)
    kept.put(1)
    kept.put(2)
    with pytest.raises(Full):
        kept.put(3, block=False)
    assert kept.qsize() == 2
    assert (kept.get(block=False, timeout=None), kept.get()) == (2, 1)
    with pytest.raises(Empty):
        kept.get(block=False)
