"""Sessions of requests that keep the bounds of each call, by adapters of ours and by those that they have."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import pytest
from requests import Session
from tests.servers.relay import relay

from secretsource.providers._wire.bounded_http import TooLarge, bounded
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
