"""The cache by itself: who read an answer, what is known, what is dropped, and what is spoilt."""

from __future__ import annotations

import json

import pytest

from secretsource._ground.clock import Instant
from secretsource._tuning import Tuning
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.resolver._walk.cache import MAX_READERS, Age, Cache, CachedAnswer
from secretsource.resolver._walk.refresh import Schedule

A, B, C = (SecretRef("p", name) for name in "ABC")
START, LATER = Instant(100.0, 0.0), Instant(101.0, 0.0)
DOWN = Failed(FailureCode.UNAVAILABLE)


@pytest.fixture
def cache() -> Cache:
    """Three answers that were just given, and none of them read."""
    cache = Cache(Tuning(max_entries=2))
    for ref in (A, B, C):
        cache.keep(ref, Found(ref.location), START, max_age=None, luck=0.0, number=0)
    return cache


def test_the_readers_of_an_answer_are_found(cache: Cache) -> None:
    """By their names, whatever else has read it, and whatever fields led them to it."""
    for ref, reader in ((A, "one"), (A, "other"), (B, "other")):
        entry = cache.entry(ref)
        assert entry is not None
        assert entry.note_reader((reader, ("field",)))
    assert cache.read_by("one") == [A]
    assert cache.read_by("other") == [A, B]
    assert cache.read_by("third") == []


def test_what_is_known_is_the_last_answer_and_the_last_failure(cache: Cache) -> None:
    """A newer one of either makes a question needless."""
    entry = cache.entry(A)
    assert entry is not None
    assert cache.knows(A, entry, None)
    assert not cache.knows(A, None, None)
    cache.keep(A, DOWN, START, max_age=None, luck=0.0, number=0)
    setback = cache.look(A, START)[3]
    assert cache.knows(A, entry, setback)
    assert not cache.knows(A, entry, None)
    assert not cache.knows(A, cache.entry(B), setback)


def test_the_call_that_first_brought_a_value(cache: Cache) -> None:
    """A refresh that brings the same value and version keeps it; a new value, or one after an absence, has its own."""
    answers: tuple[Found | NotFound, ...] = (
        Found("a"),
        Found("a"),
        Found("b"),
        NotFound(),
        Found("b"),
        Found("b", version="2"),
    )
    firsts = []
    for number, outcome in enumerate(answers, 1):
        _, entry = cache.keep(A, outcome, START, max_age=None, luck=0.0, number=number)
        assert entry is not None
        firsts.append((entry.number, entry.first))
    assert firsts == [(1, 1), (2, 1), (3, 3), (4, 4), (5, 5), (6, 6)]


def test_the_oldest_are_dropped_above_the_bound(cache: Cache) -> None:
    """Only as many as are too many; a used one is no longer the oldest."""
    first = cache.entry(A)
    cache.touch(B)
    assert cache.evict() == [first]
    assert cache.entry(A) is None
    assert cache.evict() == []
    assert len(cache) == 2


def test_a_spoilt_answer_is_asked_anew_and_still_helps(cache: Cache) -> None:
    """It is stale at once, unwanted, and the provider is not left alone any longer; others are as before."""
    cache.keep(A, DOWN, START, max_age=None, luck=0.0, number=0)
    entry = cache.entry(A)
    assert cache.look(A, LATER)[2] is None
    cache.keep(A, DOWN, START, max_age=None, luck=0.0, number=0)
    assert cache.look(A, LATER)[2] == DOWN
    assert not cache.is_unwanted(A)
    assert cache.spoil(A, LATER) is entry
    assert cache.look(A, LATER) == (Age.STALE, entry, None, None)
    assert cache.is_unwanted(A)
    assert not cache.is_unwanted(B)
    assert cache.look(B, LATER)[0] is Age.FRESH
    assert cache.spoil(SecretRef("p", "D"), LATER) is None


def test_a_cleared_cache_knows_neither_answers_nor_failures(cache: Cache) -> None:
    """Nothing is left of any document."""
    cache.keep(B, DOWN, START, max_age=None, luck=0.0, number=0)
    cache.clear()
    assert [cache.look(ref, START) for ref in (A, B, C)] == 3 * [(Age.GONE, None, None, None)]


def test_all_answers_are_spoilt_after_a_fork(cache: Cache) -> None:
    """Each is stale and wanted, for as long as before, less the time for which the process was frozen."""
    before = {ref: entry.ages.stale_until for ref in (A, B, C) if (entry := cache.entry(ref)) is not None}
    cache.keep(B, DOWN, START, max_age=None, luck=0.0, number=0)
    cache.spoil_all(LATER)
    for ref, until in before.items():
        age, entry, failed, setback = cache.look(ref, LATER)
        assert (age, failed, setback) == (Age.STALE, None, None)
        assert entry is not None
        assert (entry.ages.stale_until, entry.unwanted) == (until, False)
    cache.spoil_all(LATER, frozen=7.0)
    entry = cache.entry(C)
    assert entry is not None
    assert entry.ages.stale_until == before[C] - 7.0


def test_what_is_noted_of_one_document_is_bounded() -> None:
    """1,024 readers, and as many fields that were read; a field beyond them is read each time."""
    assert MAX_READERS == 1024
    fields = {f"f{number}": str(number) for number in range(MAX_READERS + 2)}
    entry = CachedAnswer(Found(json.dumps(fields)), START, Schedule(1, 2, 3, 4), set())
    assert entry.number == 0
    assert [entry.select((name,)) for name in fields] == list(fields.values())
    assert len(entry._chosen) == MAX_READERS
    assert isinstance(entry.select(("none",)), NotFound)
    assert entry.select(()) == json.dumps(fields)
    whole = CachedAnswer(Found("text"), START, Schedule(1, 2, 3, 4), set())
    assert whole.select(()) == "text"
    assert whole._chosen == {}
