"""Records kept for a few seconds: bounded, and never older than what is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.forks import held_elsewhere, is_right_in_child, needs_fork

from secretsource.issuing._check.entry import Entry
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.stores.base import KeyRecord, Status

WALL = 1_000_000.0
RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", WALL - 100)


def at(mono: float) -> tuple[float, float]:
    """A moment on both clocks, which run together."""
    return mono, WALL + mono


def numbered(number: int, revision: int = 1, **changes: Any) -> tuple[bytes, KeyRecord]:
    """One of many records, and the hash of its key."""
    record = RECORD._replace(key_id=f"{number:022}", revision=revision, **changes)
    return f"{number:032}".encode(), record


def test_a_record_is_fresh_from_before_it_was_read() -> None:
    """A slow store does not lengthen the time for which a revoked key lives."""
    cache = RecordCache(ttl=5)
    hashed, record = numbered(1)
    cache.fill(hashed, record, *at(10.0), cache.begin())
    entry = cache.get(hashed)
    assert entry is not None
    assert entry.until == entry.fresh_until == 15.0
    assert cache.peek(record.key_id, 14.9) is entry
    assert cache.peek(record.key_id, 15.0) is None
    assert cache.peek("unknown", 10.0) is None


def test_a_record_that_has_not_changed_is_renewed_in_place() -> None:
    """For another ttl from the question; it keeps its own end, and the time of its whole reading."""
    cache = RecordCache(ttl=5)
    hashed, record = numbered(1)
    record = record._replace(expires=WALL + 18)
    entry = cache.fill(hashed, record, *at(10.0), cache.begin())
    assert cache.renew(entry, *at(15.5), cache.begin()) is entry is cache.get(hashed)
    assert (entry.fresh_until, entry.until, entry.whole) == (20.5, 18.0, 10.0)


@pytest.mark.parametrize("revision", [1, 2])
def test_a_renewal_that_missed_news_does_not_keep_a_record_alive(revision: int) -> None:
    """The answer of the store may be older than the news; of its own revision, the record is read anew."""
    cache = RecordCache(ttl=5)
    hashed, record = numbered(1)
    entry = cache.fill(hashed, record, *at(10.0), cache.begin())
    begun = cache.begin()
    cache.news(record.key_id, revision)
    renewed = cache.renew(entry, *at(15.5), begun)
    assert (cache.get(hashed) is None) == (revision == 2)
    assert renewed.record is entry.record
    if revision == 2:
        assert entry.until == entry.fresh_until == float("-inf")


def test_an_entry_that_another_took_the_place_of_is_not_renewed() -> None:
    """The later record stays, and the check goes on with it."""
    cache = RecordCache(ttl=5)
    hashed, record = numbered(1)
    old = cache.fill(hashed, record, *at(10.0), cache.begin())
    later = cache.fill(hashed, record._replace(revision=2), *at(11.0), cache.begin())
    assert cache.renew(old, *at(15.5), cache.begin()) is later is cache.get(hashed)
    assert old.fresh_until == float("-inf")


def test_a_later_record_ends_an_older_entry_even_if_it_is_not_kept() -> None:
    """After one check has seen the end of a key, no other is answered from before it."""
    cache = RecordCache()
    begun = cache.begin()
    cache.news(None, 0)
    hashed, record = numbered(1)
    cache.fill(hashed, record, *at(1.0), cache.begin())
    cache.fill(hashed, record._replace(revision=2, status=Status.REVOKED), *at(0.0), begun)
    assert cache.get(hashed) is None
    assert cache.peek(record.key_id, 1.0) is None


def test_a_record_that_is_not_kept_is_news_all_the_same() -> None:
    """An older record, read since floors were forgotten, is not kept behind it; a reading from now on is."""
    cache = RecordCache()
    before = cache.begin()
    cache.news(None, 0)
    since = cache.begin()
    hashed, record = numbered(1)
    ended = record._replace(revision=2, status=Status.REVOKED)
    cache.fill(hashed, ended, *at(0.0), before)
    cache.fill(hashed, record, *at(1.0), since)
    assert cache.get(hashed) is None
    cache.fill(hashed, ended, *at(2.0), cache.begin())
    assert cache.peek(record.key_id, 2.0) is not None


@pytest.mark.parametrize("changes", [{"status": Status.ROTATING}, {"status": Status.REVOKED}, {"begins": WALL + 11}])
def test_a_key_that_is_not_simply_good_takes_the_long_way(changes: dict[str, Any]) -> None:
    """Its record is kept, and each check weighs it in full."""
    entry = Entry(RECORD.hash, RECORD._replace(**changes), *at(10.0), 5.0)
    assert entry.until == float("-inf")
    assert entry.fresh_until == 15.0


def test_a_key_that_expires_soon_is_good_until_then() -> None:
    """Not until the end of its ttl; and one that began is good."""
    assert Entry(RECORD.hash, RECORD._replace(expires=WALL + 12), *at(10.0), 5.0).until == 12.0
    assert Entry(RECORD.hash, RECORD._replace(expires=WALL + 99, begins=WALL), *at(10.0), 5.0).until == 15.0


def test_memory_is_bounded() -> None:
    """The oldest fills go first; news of a key that is gone is no error."""
    cache = RecordCache(max_entries=3)
    for number in range(5):
        cache.fill(*numbered(number), *at(0.0), cache.begin())
    assert len(cache) == 3
    assert cache.get(numbered(0)[0]) is None
    assert cache.get(numbered(4)[0]) is not None
    cache.news(numbered(0)[1].key_id, 2)


def test_a_ttl_of_nothing_believes_nothing() -> None:
    """Each check reads the record anew, an older one too, and can go on with what it read."""
    cache = RecordCache(ttl=0, miss_ttl=0)
    hashed, record = numbered(1)
    for read in (record, record._replace(revision=record.revision + 1), record):
        entry = cache.fill(hashed, read, *at(0.0), cache.begin())
        assert entry.record is read
        assert entry.until == entry.fresh_until == entry.whole == float("-inf")
        assert cache.renew(entry, *at(1.0), cache.begin()) is entry
        assert entry.until == entry.fresh_until == float("-inf")
        assert cache.peek(record.key_id, 1.0) is None
    cache.miss(hashed, 0.0, cache.begin())
    assert not cache.is_missing(hashed, 0.0)


def test_misses_live_shorter_and_are_cleared_by_any_news() -> None:
    """ "There is no such key" is believed for a second, and not past an issue."""
    cache = RecordCache(miss_ttl=1, max_misses=2)
    cache.miss("a", 0.0, cache.begin())
    assert cache.is_missing("a", 0.9)
    assert not cache.is_missing("a", 1.0)
    cache.news(numbered(1)[1].key_id, 1)
    assert not cache.is_missing("a", 0.5)
    begun = cache.begin()
    cache.news(numbered(2)[1].key_id, 1)
    cache.miss("a", 0.0, begun)
    assert not cache.is_missing("a", 0.0)
    for question in "abc":
        cache.miss(question, 0.0, cache.begin())
    assert cache.is_missing("c", 0.0)
    assert not cache.is_missing("a", 0.0)


def test_an_older_answer_does_not_replace_a_newer_one() -> None:
    """A replica that lags behind does not turn a revision back; the newer record is gone on with."""
    cache = RecordCache()
    hashed, old = numbered(1)
    _, new = numbered(1, 2, status=Status.DISABLED)
    cache.fill(hashed, new, *at(0.0), cache.begin())
    assert cache.fill(hashed, old, *at(1.0), cache.begin()).record is new
    entry = cache.get(hashed)
    assert entry is not None
    assert entry.record is new


def test_one_key_is_kept_under_one_hash() -> None:
    """Should its text be known by another hash one day, the earlier entry goes."""
    cache = RecordCache()
    cache.fill(b"1" * 32, RECORD, *at(0.0), cache.begin())
    cache.fill(b"2" * 32, RECORD, *at(0.0), cache.begin())
    assert len(cache) == 1
    assert cache.get(b"1" * 32) is None


def test_news_that_may_have_been_missed_empties_the_cache() -> None:
    """And keeps out what was on its way meanwhile."""
    cache = RecordCache()
    hashed, record = numbered(1)
    cache.fill(hashed, record, *at(0.0), cache.begin())
    begun = cache.begin()
    cache.news(None, 0)
    assert len(cache) == 0
    cache.fill(hashed, record, *at(0.0), begun)
    assert len(cache) == 0
    cache.fill(hashed, record, *at(0.0), cache.begin())
    assert len(cache) == 1


def test_floors_that_have_to_be_forgotten_keep_out_what_was_on_its_way() -> None:
    """However much news there is: a fill that began before it was forgotten is not kept."""
    cache = RecordCache(max_misses=2)
    begun = cache.begin()
    for number in range(5):
        cache.news(numbered(number)[1].key_id, 2)
    for number in range(5):
        hashed, record = numbered(number)
        cache.fill(hashed, record, *at(0.0), begun)
        assert cache.get(hashed) is None


@pytest.mark.parametrize(
    ("key_id", "revision"),
    [
        (RECORD.key_id, 2**31 - 1),
        (RECORD.key_id, RECORD.revision + 1001),
        (RECORD.key_id, 2**31),
        (RECORD.key_id, 0),
        (RECORD.key_id, -1),
        ("x", 2),
        ("k" * 21 + "é", 2),
        ("", 2),
    ],
)
def test_news_that_cannot_be_true_is_a_gap(key_id: str, revision: int) -> None:
    """Whoever can speak on the channel can empty the cache, and pins no key outside of it."""
    cache = RecordCache()
    cache.fill(RECORD.hash, RECORD, *at(0.0), cache.begin())
    cache.news(key_id, revision)
    assert len(cache) == 0
    cache.fill(RECORD.hash, RECORD, *at(0.0), cache.begin())
    assert cache.get(RECORD.hash) is not None


def test_news_of_a_thousand_changes_is_believed() -> None:
    """It drops the record that it is about, and no other."""
    cache = RecordCache()
    cache.fill(RECORD.hash, RECORD, *at(0.0), cache.begin())
    cache.fill(*numbered(1), *at(0.0), cache.begin())
    cache.news(RECORD.key_id, RECORD.revision + 1000)
    assert cache.get(RECORD.hash) is None
    assert len(cache) == 1


def test_news_that_no_reading_bears_out_is_believed_for_a_ttl() -> None:
    """A replica may lag behind for so long; a key that somebody made up news of is kept again after it."""
    cache = RecordCache(ttl=5)
    cache.news(RECORD.key_id, 2**31 - 1)
    for moment, kept in [(1.0, False), (5.9, False), (6.0, True)]:
        cache.fill(RECORD.hash, RECORD, *at(moment), cache.begin())
        assert (cache.get(RECORD.hash) is not None) is kept


def test_a_reading_that_began_before_news_does_not_wear_it_out() -> None:
    """However long it takes: of two that were on their way for longer than a ttl, neither is kept."""
    cache = RecordCache(ttl=5)
    first, second = cache.begin(), cache.begin()
    cache.news(RECORD.key_id, 2)
    for moment, begun in [(0.0, first), (6.0, second)]:
        cache.fill(RECORD.hash, RECORD, *at(moment), begun)
        assert cache.get(RECORD.hash) is None


class CacheAgainstModel(RuleBasedStateMachine):
    """Stores, reads that overtake each other, news and evictions, against the one thing that counts.

    The model is the store itself: which revision each key had at each time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cache = RecordCache(ttl=5, max_entries=3, max_misses=2)
        self.now = 0.0
        self.committed = dict.fromkeys(range(5), 1)
        self.told = dict.fromkeys(range(5), 1)
        self.reads: list[tuple[int, int, tuple[float, float], int]] = []

    @rule(number=st.integers(0, 4))
    def a_change_is_committed(self, number: int) -> None:
        self.committed[number] += 1

    @rule(number=st.integers(0, 4))
    def its_news_arrives(self, number: int) -> None:
        self.told[number] = self.committed[number]
        self.cache.news(numbered(number)[1].key_id, self.committed[number])

    @rule()
    def news_may_have_been_missed(self) -> None:
        self.told = dict(self.committed)
        self.cache.news(None, 0)

    @rule(number=st.integers(0, 4))
    def a_read_begins(self, number: int) -> None:
        self.reads.append((number, self.committed[number], at(self.now), self.cache.begin()))

    @rule(place=st.integers(0, 100))
    def a_read_ends(self, place: int) -> None:
        if self.reads:
            number, revision, read, begun = self.reads.pop(place % len(self.reads))
            hashed, record = numbered(number, revision)
            self.cache.fill(hashed, record, *read, begun)

    @rule(seconds=st.floats(0, 6))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def no_record_is_older_than_its_news(self) -> None:
        for number in range(5):
            entry = self.cache.get(numbered(number)[0])
            if entry is not None:
                assert self.told[number] <= entry.record.revision <= self.committed[number]

    @invariant()
    def it_is_bounded(self) -> None:
        assert len(self.cache) <= 3


TestCacheAgainstModel = CacheAgainstModel.TestCase
TestCacheAgainstModel.settings = settings(max_examples=50)


def test_what_a_wildcard_granted_is_remembered_within_bounds() -> None:
    """A program that demands ever new scopes does not fill the memory."""
    entry = Entry(RECORD.hash, RECORD._replace(scopes=frozenset({"a:*"})), *at(0.0), 5.0)
    for number in range(1000):
        entry.remember((f"a:{number}",))
    assert len(entry.granted) == 256


@needs_fork
def test_a_forked_child_begins_with_an_empty_cache() -> None:
    """Another thread of its parent was in the middle of a change, and is not there to end it."""
    cache = RecordCache()
    cache.fill(b"h" * 32, RECORD, 0.0, 0.0, cache.begin())
    cache._by_key.clear()

    def act() -> bool:
        empty = cache.get(b"h" * 32) is None
        cache.fill(b"h" * 32, RECORD, 0.0, 0.0, cache.begin())
        cache.news(RECORD.key_id, RECORD.revision + 1)
        return empty and len(cache) == 0

    with held_elsewhere(cache._lock):
        assert is_right_in_child(act)
