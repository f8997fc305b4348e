"""The duties of a key store that keeps links and sessions; a part of `StoreConformance`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from secretsource.stores.base import HistoryQuery, OwnerEvent, OwnerEventKind, Pass

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.stores.base import KeyStore, PassStore

__all__ = ["StorePasses"]

LINK = Pass("0" * 64, "link", "acme", 1000.0, 1060.0, 1000.0)
SESSION = Pass("1" * 64, "session", "acme", 1000.0, 5000.0, 1000.0, '{"name": "Åsa"}')
RACERS = 4


def passes(store: KeyStore) -> PassStore:
    """Return the passes of a store that keeps some."""
    assert store.passes is not None
    return store.passes


class StorePasses:
    """The cases of links and sessions; a store that keeps none passes by saying so."""

    @pytest.fixture
    def passing(self, store: KeyStore) -> KeyStore:
        """Give the store under test, if it keeps links and sessions."""
        if store.passes is None:
            pytest.skip("this store keeps no links and sessions")
        for each in (LINK, SESSION):
            passes(store).put(each)
        return store

    def test_a_pass_is_found_as_it_was_stored(self, passing: KeyStore) -> None:
        """Every field comes back, and an unknown token finds nothing."""
        assert passes(passing).get(SESSION.token) == SESSION
        assert passes(passing).get("2" * 64) is None

    def test_a_pass_is_taken_once(self, passing: KeyStore) -> None:
        """The first call gets the pass, and then it is gone; the others stay."""
        assert passes(passing).take(LINK.token, "link") == LINK
        assert passes(passing).take(LINK.token, "link") is None
        assert passes(passing).get(LINK.token) is None
        assert passes(passing).get(SESSION.token) == SESSION

    def test_a_pass_of_another_kind_is_not_taken(self, passing: KeyStore) -> None:
        """A session is not spent as a link, and stays."""
        assert passes(passing).take(SESSION.token, "link") is None
        assert passes(passing).get(SESSION.token) == SESSION

    def test_a_use_moves_forward_only(self, passing: KeyStore) -> None:
        """The latest use counts, in whatever order uses are noted; an unknown token is left alone."""
        for seen in (1020.0, 1010.0):
            passes(passing).touch(SESSION.token, seen)
        passes(passing).touch("2" * 64, 1030.0)
        assert passes(passing).get(SESSION.token) == SESSION._replace(seen=1020.0)
        assert passes(passing).get("2" * 64) is None

    def test_every_pass_of_a_holder_is_taken(self, passing: KeyStore) -> None:
        """Only those of the kind and the holder go."""
        theirs = SESSION._replace(token="2" * 64)
        foreign = SESSION._replace(token="3" * 64, holder="globex")
        for each in (theirs, foreign):
            passes(passing).put(each)
        assert passes(passing).take_all(["session"], "acme") == 2
        assert [passes(passing).get(each.token) for each in (SESSION, theirs)] == [None, None]
        assert [passes(passing).get(each.token) for each in (LINK, foreign)] == [LINK, foreign]
        assert passes(passing).take_all(["link", "session"], "acme") == 1
        assert passes(passing).take(LINK.token, "link") is None

    def test_an_event_is_stored_with_the_passes_that_are_taken(self, passing: KeyStore) -> None:
        """Once, for all kinds together; where there was no pass, nothing happened."""
        if passing.owners is None or passing.history is None:
            pytest.skip("this store keeps no events of owners")
        event = OwnerEvent("acme", OwnerEventKind.SIGNED_OUT, 1001.0, (), "ann", "203.0.113.9", "lost a phone")
        kinds = ["link", "session"]
        assert [passes(passing).take_all(kinds, "acme", event) for _ in range(2)] == [2, 0]
        assert [each._replace(revision=0) for each in passing.owners.events("acme")] == [event]
        assert [each.kind for each in passing.history.read(HistoryQuery(owner="acme"))] == [OwnerEventKind.SIGNED_OUT]

    def test_what_has_ended_is_forgotten(self, passing: KeyStore) -> None:
        """A new pass makes the store forget those that ended before; one that ends at that instant stays."""
        passes(passing).put(SESSION._replace(token="4" * 64, made=1060.0))
        assert passes(passing).get(LINK.token) == LINK
        passes(passing).put(SESSION._replace(token="5" * 64, made=1060.5))
        assert passes(passing).get(LINK.token) is None
        assert passes(passing).get(SESSION.token) == SESSION

    def test_race_takes_a_link_once(self, passing: KeyStore, another: Callable[[], KeyStore]) -> None:
        """Of simultaneous browsers, one gets the link."""
        stores = [passing, *(another() for _ in range(RACERS - 1))]
        start = Barrier(RACERS)

        def take(place: int) -> Pass | None:
            start.wait(30)
            return passes(stores[place]).take(LINK.token, "link")

        with ThreadPoolExecutor(RACERS) as pool:
            assert sorted(pool.map(take, range(RACERS)), key=bool) == [None, None, None, LINK]
