"""A server that is frozen holds up no flush, no register and no end of the keys for longer than the URL says."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

import pytest
from tests.servers.postgres import postgres
from tests.stores.databases import PostgresDatabase

from secretsource.exceptions import StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.postgres import Postgres

TIMEOUT, CONNECT = 0.4, 2.0
BOUND = TIMEOUT + 1.0 + CONNECT
"""Seconds to find a connection dead, and to try to have another."""
LOAD = 15.0
"""Seconds by which a machine that has much to do may be late."""


@pytest.fixture(scope="module")
def fragile() -> Iterator[Postgres]:
    """A server that a test may freeze."""
    with postgres() as running:
        sql.migrate(running.url)
        yield running


@pytest.fixture
def keys(fragile: Postgres) -> Iterator[ApiKeys]:
    """Keys with an open connection, and uses that wait for a flush."""
    PostgresDatabase(fragile.url)
    url = f"{fragile.url}?timeout={TIMEOUT}&connect_timeout={CONNECT:.0f}"
    with ApiKeys.open(url, peppers=["a pepper of the tests, long enough"], flush_every=3600.0) as opened:
        for number in range(3):
            issued = opened.issue(owner=f"owner {number}", scopes=["a"])
            assert opened.check(issued.plaintext, scope=NO_SCOPE)
        yield opened


CALLS: dict[str, Callable[[ApiKeys], object]] = {
    "flush": lambda keys: keys.flush(),
    "close": lambda keys: keys.close(),
    "an owner": lambda keys: keys.owners.put("acme"),
    "the feed": lambda keys: keys.history(),
    "usage": lambda keys: keys.usage(owner="owner 1"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_frozen_server_is_given_up(fragile: Postgres, keys: ApiKeys, name: str) -> None:
    """Each call fails in time, and what waited for the flush is stored once the server goes on."""
    fragile.freeze()
    began = monotonic()
    try:
        with pytest.raises(StoreError, match=r"no answer in time|be reached"):
            CALLS[name](keys)
        assert monotonic() - began < BOUND + LOAD
    finally:
        fragile.thaw()
    keys.flush()
    assert sum(count.requests for count in keys.usage(by="day")) == 3
    assert len(keys.history(limit=10)) == 3
