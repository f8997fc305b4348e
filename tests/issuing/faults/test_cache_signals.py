"""Signals in the middle of changes of the record cache: nothing is locked, torn or lost after any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.signals import CUT, at_each_place, elsewhere, tell

from secretsource.issuing._check.record_cache import RecordCache
from secretsource.stores.base import KeyRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.signals import Places

RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 0.0)


def record(number: int, revision: int = 1) -> KeyRecord:
    """One of many records."""
    return RECORD._replace(key_id=f"{number:022}", hash=f"{number:032}".encode(), revision=revision)


class Cached:
    """A full cache of three records, and what is known to have been told."""

    def __init__(self) -> None:
        self.cache = RecordCache(max_entries=3, max_misses=3)
        for number in range(3):
            self.fill(number, 1)
        self.told = 0

    def fill(self, number: int, revision: int) -> None:
        kept = record(number, revision)
        self.cache.fill(kept.hash, kept, 0.0, 0.0, self.cache.begin())

    def renew(self, number: int) -> None:
        """Renew an entry as a check does that found it before."""
        entry = self.cache.get(record(number).hash)
        assert entry is not None
        self.cache.renew(entry, 1.0, 1.0, self.cache.begin())

    def news(self, number: int, revision: int) -> None:
        self.cache.news(record(number).key_id, revision)

    def flood(self) -> None:
        """News of more keys than there are floors for."""
        for number in (5, 6, 1, 7):
            self.news(number, 2)

    def revision(self, number: int) -> int | None:
        """The revision that a check would go on with, without asking the store."""
        entry = self.cache.get(record(number).hash)
        return entry.record.revision if entry is not None and entry.fresh_until > 0 else None

    def judge(self) -> None:
        """It can still be changed, is bounded, and news of every key is heard."""

        def change() -> bool:
            for number in range(8):
                self.fill(number, 50)
                self.news(number, 60)
                assert self.revision(number) is None
                self.fill(number, 61)
                assert self.revision(number) == 61
            return len(self.cache) <= 3 and len(self.cache._by_key) <= 3

        for number in range(8):
            self.news(number, 40)
            assert self.revision(number) is None
        assert elsewhere(change)


CHANGES: dict[str, Callable[[Cached], None]] = {
    "a fill of a new key": lambda world: world.fill(7, 1),
    "a fill of a newer record": lambda world: world.fill(1, 2),
    "a renewal": lambda world: world.renew(1),
    "news of a key": lambda world: world.news(1, 2),
    "news of an owner": lambda world: world.cache.news_of_terms("acme", None),
    "news of another owner": lambda world: world.cache.news_of_terms("other", None),
    "news of any key": lambda world: world.cache.news(None, 0),
    "news that makes floors go": lambda world: world.flood(),
    "a miss": lambda world: world.cache.miss("x", 0.0, world.cache.begin()),
}


@CUT
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_cache_outlives_a_change_that_is_cut_short(
    change: Callable[[Cached], None], places: Places, record_property: Callable[[str, object], None]
) -> None:
    """Whatever step was the last, news of each key ends it, each key can be filled in, and the size is bounded."""
    count = at_each_place(Cached, change, None, lambda world, _: world.judge(), places)
    tell(record_property, "the record cache", count)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("inner", ["newer", "news", "gap"])
def test_a_handler_changes_a_cache_in_the_middle_of_a_change(
    change: Callable[[Cached], None], inner: str, record_property: Callable[[str, object], None]
) -> None:
    """No record that the handler heard was changed is found afterwards, and none is lost to news for good."""

    def enter(world: Cached) -> None:
        if inner == "newer":
            world.fill(1, 3)
        elif inner == "news":
            world.news(1, 3)
            world.news(7, 3)
        else:
            world.cache.news(None, 0)
        world.told = 3 if inner == "news" else 0

    def judge(world: Cached, _: bool) -> None:
        for number in (1, 7):
            assert (world.revision(number) or 99) >= world.told
        world.judge()

    count = at_each_place(Cached, change, enter, judge, "moments")
    tell(record_property, "a handler in the record cache", count)
