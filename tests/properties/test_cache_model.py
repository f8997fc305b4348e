"""The cache against a model of it that is simple enough to be seen to be right."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from secretsource._ground.clock import Instant
from secretsource._tuning import Tuning
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.resolver._walk.cache import Age, Cache

POLICY = Tuning(ttl=100, revalidate=50, max_stale=400, negative_ttl=10, jitter=0)
MAX_ENTRIES = 3
REFS = [SecretRef("p", f"N{i}") for i in range(5)]

FAILURES = st.sampled_from([FailureCode.TIMEOUT, FailureCode.THROTTLED, FailureCode.DENIED, FailureCode.MALFORMED])
refs = st.sampled_from(REFS)


class Kept:
    """What the model remembers of one reference."""

    def __init__(self, found: bool, born: float) -> None:
        self.found = found
        self.born = born
        self.spoiled = False
        self.lost = 0.0

    def age(self, now: float) -> Age:
        age = now - self.born
        if age + self.lost >= 400:
            return Age.GONE
        if self.spoiled or age >= (150 if self.found else 10):
            return Age.STALE
        if not self.found or age < 80:
            return Age.FRESH
        return Age.AHEAD if age < 100 else Age.REVALIDATE


class CacheMachine(RuleBasedStateMachine):
    """Any history of answers, time, spoiling and use."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = Cache(POLICY._replace(max_entries=MAX_ENTRIES))
        self.now = 1000.0
        self.kept: dict[SecretRef, Kept] = {}
        self.paused: dict[SecretRef, tuple[int, float]] = {}

    def instant(self) -> Instant:
        return Instant(self.now, self.now)

    @rule(ref=refs, outcome=st.sampled_from([Found("v"), NotFound()]))
    def answer(self, ref: SecretRef, outcome: Found | NotFound) -> None:
        self.cache.keep(ref, outcome, self.instant(), max_age=None, luck=0, number=0)
        dropped = len(self.cache.evict())
        self.kept.pop(ref, None)
        self.kept[ref] = Kept(isinstance(outcome, Found), self.now)
        self.paused.pop(ref, None)
        for _ in range(dropped):
            del self.kept[next(iter(self.kept))]

    @rule(ref=refs, code=FAILURES)
    def fail(self, ref: SecretRef, code: FailureCode) -> None:
        self.cache.keep(ref, Failed(code), self.instant(), max_age=None, luck=0, number=0)
        times, _ = self.paused.pop(ref, (0, 0.0))
        if len(self.paused) >= MAX_ENTRIES:
            del self.paused[next(iter(self.paused))]
        self.paused[ref] = (times + 1, self.now + min(10, 2**times))
        if not code.retryable:
            self.kept.pop(ref, None)

    @rule(seconds=st.sampled_from([0.5, 5, 30, 75, 200]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(ref=refs)
    def use(self, ref: SecretRef) -> None:
        self.cache.touch(ref)
        if ref in self.kept:
            self.kept[ref] = self.kept.pop(ref)

    @rule(ref=refs)
    def spoil(self, ref: SecretRef) -> None:
        self.cache.spoil(ref, self.instant())
        self.paused.pop(ref, None)
        if ref in self.kept:
            self.kept[ref].spoiled = True

    @rule(frozen=st.sampled_from([0.0, 100.0]))
    def freeze(self, frozen: float) -> None:
        self.cache.spoil_all(self.instant(), frozen)
        self.paused.clear()
        for kept in self.kept.values():
            kept.spoiled, kept.lost = True, kept.lost + frozen

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.kept.clear()
        self.paused.clear()

    @invariant()
    def same_answers(self) -> None:
        for ref in REFS:
            age, entry, failed, _ = self.cache.look(ref, self.instant())
            kept = self.kept.get(ref)
            assert (entry is None) == (kept is None)
            assert age is (Age.GONE if kept is None else kept.age(self.now)), ref
            assert (failed is not None) == (ref in self.paused and self.now < self.paused[ref][1])

    @invariant()
    def bounded(self) -> None:
        assert len(self.cache) == len(self.kept) <= MAX_ENTRIES


TestCache = CacheMachine.TestCase
