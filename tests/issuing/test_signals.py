"""Signals in the middle of things: nothing is locked, torn or lost after any of them, and a handler may check keys."""

from __future__ import annotations

import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from tests.signals import CutShortError, at_each_place

from secretsource._clock import Instant
from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.issuing._check.record_cache import RecordCache
from secretsource.issuing._check.uses import Taken, UseLog
from secretsource.issuing._key import lifecycle
from secretsource.issuing.limits import LocalLimiter, Plan, parse
from secretsource.providers.base import Found, SecretRef
from secretsource.providers.memory import MemoryProvider
from secretsource.stores.base import KeyQuery, KeyRecord, Use
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.signals import Places

PEPPER = "a pepper of the tests, long enough"
RECORD = KeyRecord("k" * 22, b"h" * 32, "01234567", "sk_live_kkkk…", "acme", "sk", "live", 0.0)
CUT: pytest.MarkDecorator = pytest.mark.parametrize("places", ["moments", "everywhere"])


def record(number: int, revision: int = 1) -> KeyRecord:
    """One of many records."""
    return RECORD._replace(key_id=f"{number:022}", hash=f"{number:032}".encode(), revision=revision)


def elsewhere(act: Callable[[], Any]) -> Any:
    """What another thread is answered, which would wait for a lock that is held for good."""
    with ThreadPoolExecutor(1) as another:
        asked = another.submit(act)
        try:
            return asked.result(10)
        except TimeoutError:
            pytest.exit("a lock is held for good")  # the thread would never end


# -- the cache of records


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
    "news of a key": lambda world: world.news(1, 2),
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


# -- limits


PLANS = {"rate": ("5/hour", None), "rates": ("5/hour, 9/day", None), "quota": (None, "5/day")}


def plan(name: str) -> Plan:
    """One of the plans."""
    made = parse(*PLANS[name])
    assert made is not None
    return made


class Limited:
    """A limiter whose account has been drawn on once, under the first plan."""

    def __init__(self, first: str, then: str) -> None:
        self.limiter, self.plan = LocalLimiter(max_accounts=2), plan(then)
        assert self.limiter.draw("k", plan(first), 1, 0.0, 0.0)
        self.kept = 1 if set(plan(first).rules) & set(self.plan.rules) else 0

    def left(self) -> int:
        """How many more are granted."""
        return elsewhere(lambda: sum(bool(self.limiter.draw("k", self.plan, 1, 0.0, 0.0)) for _ in range(9)))


@CUT
@pytest.mark.parametrize("way", ["draw", "take"])
@pytest.mark.parametrize(
    ("first", "then"), [("rate", "rate"), ("quota", "quota"), ("rate", "rates"), ("rates", "rate")]
)
def test_an_account_outlives_a_draw_that_is_cut_short(
    way: str, first: str, then: str, places: Places, record_property: Callable[[str, object], None]
) -> None:
    """Only the draw that was cut short may be charged or not; what was drawn before is, whatever rules came since."""

    def judge(world: Limited, ended: bool) -> None:
        assert world.left() in ({4 - world.kept} if ended else {4 - world.kept, 5 - world.kept})

    def act(world: Limited) -> object:
        return getattr(world.limiter, way)("k", world.plan, 1, 0.0, 0.0)

    count = at_each_place(lambda: Limited(first, then), act, None, judge, places)
    tell(record_property, "limits", count)


@pytest.mark.parametrize("ways", [("draw", "take"), ("take", "draw"), ("draw", "draw")], ids=" in ".join)
@pytest.mark.parametrize(("first", "then"), [("rate", "rate"), ("quota", "quota"), ("rate", "rates")])
def test_a_handler_draws_in_the_middle_of_a_draw(
    ways: tuple[str, str], first: str, then: str, record_property: Callable[[str, object], None]
) -> None:
    """Both are charged, each once."""
    inner, outer = ways

    entered: list[Limited] = []

    def judge(world: Limited, _: bool) -> None:
        assert world.left() == 3 - world.kept + (0 if world in entered else 1)

    def enter(world: Limited) -> None:
        entered.append(world)
        assert getattr(world.limiter, inner)("k", world.plan, 1, 0.0, 0.0)

    def act(world: Limited) -> object:
        return getattr(world.limiter, outer)("k", world.plan, 1, 0.0, 0.0)

    count = at_each_place(lambda: Limited(first, then), act, enter, judge, "moments")
    tell(record_property, "a handler in limits", count)


@CUT
def test_accounts_outlive_making_room_that_is_cut_short(
    places: Places, record_property: Callable[[str, object], None]
) -> None:
    """Every key can be drawn on afterwards, and their number is bounded."""

    def full() -> LocalLimiter:
        limiter = LocalLimiter(max_accounts=2)
        for key in "ab":
            limiter.draw(key, plan("rate"), 1, 0.0, 0.0)
        return limiter

    def draw_another(limiter: LocalLimiter) -> None:
        limiter.draw("d", plan("rate"), 1, 0.0, 0.0)

    def judge(limiter: LocalLimiter, _: bool) -> None:
        assert all(limiter.draw(key, plan("rate"), 1, 0.0, 0.0) for key in "abcd")
        assert len(limiter) <= 2

    count = at_each_place(full, lambda world: world.draw("c", plan("rate"), 1, 0.0, 0.0), None, judge, places)
    count += at_each_place(
        full,
        lambda world: world.draw("c", plan("rate"), 1, 0.0, 0.0),
        draw_another,
        judge,
        "moments",
    )
    tell(record_property, "limits", count)


# -- what waits for a flush


def watched() -> UseLog:
    """A log with two uses of a key that is watched, and one of another."""
    log = UseLog()
    for _ in range(2):
        log.watch(Use("k", 5.0, 1))
    log.seen["other"] = 7.0
    return log


def flushed(log: UseLog) -> dict[str, int]:
    """How many requests a flush stores of each key."""
    taken = Taken()
    uses = log.take(taken, Instant(0.0, 0.0))
    log.stored(taken)
    return {use.key_id: use.requests for use in uses}


def flush(log: UseLog) -> None:
    """A flush that is refused by its store."""
    taken = Taken()
    try:
        log.take(taken, Instant(0.0, 0.0))
    finally:
        log.restore(taken)


def note(log: UseLog) -> None:
    """One more use of the watched key."""
    log.watch(Use("k", 6.0, 1))


@CUT
def test_uses_outlive_one_that_is_cut_short(places: Places, record_property: Callable[[str, object], None]) -> None:
    """The use that was being noted may be missing; no other one is."""

    def judge(log: UseLog, ended: bool) -> None:
        assert elsewhere(lambda: flushed(log)) in [{"k": 2, "other": 0}, {"k": 3, "other": 0}][ended:]
        assert flushed(log) == {}

    tell(record_property, "uses", at_each_place(watched, note, None, judge, places))


@pytest.mark.parametrize("act", [flush, note])
def test_a_handler_notes_a_use_in_the_middle(
    act: Callable[[UseLog], None], record_property: Callable[[str, object], None]
) -> None:
    """It is counted, and so is all that was there."""
    entered: list[UseLog] = []

    def enter(log: UseLog) -> None:
        note(log)
        entered.append(log)

    def judge(log: UseLog, _: bool) -> None:
        assert flushed(log)["k"] == 2 + (act is note) + (log in entered)

    tell(record_property, "a handler in uses", at_each_place(watched, act, enter, judge, "moments"))


# -- the memory store and the memory provider


class Stored:
    """A store with one key."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.store.insert([lifecycle.issue(record(0)._replace(lookup=b"0"), 0.0)])

    def insert(self) -> None:
        self.store.insert([lifecycle.issue(record(number)._replace(lookup=b"%d" % number), 0.0) for number in (1, 2)])

    def revoke(self) -> bool:
        stored = self.store.get(record(0).key_id)
        assert stored is not None
        change = lifecycle.move(stored, lifecycle.Move.REVOKE, 1.0)
        return change is not None and self.store.update(change)

    def rename(self) -> bool:
        stored = self.store.get(record(0).key_id)
        assert stored is not None
        return self.store.update(lifecycle.rehash(stored, b"n" * 32, "01234567", 1.0, b"n"))

    def rotate(self) -> bool:
        stored = self.store.get(record(0).key_id)
        assert stored is not None
        rotation = lifecycle.rotate(stored._replace(status=RECORD.status), record(9).key_id, 5.0, 1.0)
        return self.store.rotate(rotation.predecessor, lifecycle.issue(rotation.successor, 1.0))

    def use(self) -> None:
        self.store.record_uses([Use(record(0).key_id, 5.0, 1)])

    def judge(self) -> None:
        """Each record has as many events as revisions, is listed once and found; two that belong together are both."""
        records = elsewhere(lambda: self.store.list(KeyQuery()).records)
        assert len({each.key_id for each in records}) == len(records)
        assert len(records) in {1, 2, 3, 4}
        for each in records:
            assert [event.revision for event in self.store.events(each.key_id)] == [*range(1, each.revision + 1)]
            assert each.lookup is None or self.store.find([each.lookup]) == each
        renamed = self.store.find([b"n"])
        assert renamed is None or renamed.lookup == b"n"
        known = {each.key_id for each in records}
        assert len(known & {record(1).key_id, record(2).key_id}) in {0, 2}
        first = self.store.get(record(0).key_id)
        assert first is not None
        assert (first.successor in known) if first.successor else record(9).key_id not in known
        self.insert()
        assert self.store.get(record(2).key_id) is not None


STEPS: dict[str, Callable[[Stored], object]] = {
    "insert": Stored.insert,
    "revoke": Stored.revoke,
    "rename": Stored.rename,
    "rotate": Stored.rotate,
    "use": Stored.use,
}


@CUT
@pytest.mark.parametrize("act", STEPS.values(), ids=STEPS)
def test_a_memory_store_outlives_what_is_cut_short(
    act: Callable[[Stored], object], places: Places, record_property: Callable[[str, object], None]
) -> None:
    """All of a change is there, with its events, or nothing of it; it can be made again."""
    count = at_each_place(Stored, act, None, lambda world, _: world.judge(), places)
    tell(record_property, "the memory store", count)


@pytest.mark.parametrize("act", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("inner", STEPS.values(), ids=STEPS)
def test_a_handler_changes_a_memory_store_in_the_middle_of_a_change(
    act: Callable[[Stored], object], inner: Callable[[Stored], object], record_property: Callable[[str, object], None]
) -> None:
    """Of two changes of one revision one is made; uses add up."""

    def enter(world: Stored) -> None:
        inner(world)
        entered.append(world)

    def judge(world: Stored, _: bool) -> None:
        uses = (act is Stored.use) + (inner is Stored.use and world in entered)
        assert world.store.usage(record(0).key_id).requests == uses
        world.judge()

    entered: list[Stored] = []
    count = at_each_place(Stored, act, enter, judge, "moments")
    tell(record_property, "a handler in the memory store", count)


def secret(provider: MemoryProvider, version: str | None = None) -> object:
    """The value of the secret."""
    found = provider.fetch(SecretRef("memory", "a", version=version), timeout=1)
    return found.value if isinstance(found, Found) else None


@CUT
def test_a_memory_provider_outlives_what_is_cut_short(
    places: Places, record_property: Callable[[str, object], None]
) -> None:
    """The former value or the new one is there; a deleted secret does not come back; a handler may put another."""

    def judge(provider: MemoryProvider, _: bool) -> None:
        assert elsewhere(lambda: secret(provider)) in {"1", "2", None}
        number = provider.put("a", "3")
        assert secret(provider) == secret(provider, number) == "3"

    def make() -> MemoryProvider:
        return MemoryProvider({"a": "1"})

    def make_two() -> MemoryProvider:
        provider = make()
        provider.put("a", "2")
        return provider

    def judge_deleted(provider: MemoryProvider, _: bool) -> None:
        assert secret(provider) is None or secret(provider, "1") == "1"  # the current one goes first
        judge(provider, _)

    def judge_numbers(provider: MemoryProvider, _: bool) -> None:
        assert {secret(provider, number) for number in ("1", "2", "3")} <= {"1", "2", "4", None}
        assert all(secret(provider, number) == value for value, number in numbers)
        numbers.clear()

    numbers: list[tuple[str, str]] = []
    count = at_each_place(make, lambda provider: provider.put("a", "2"), None, judge, places)
    count += at_each_place(make_two, lambda provider: provider.delete("a"), None, judge_deleted, places)
    count += at_each_place(
        make,
        lambda provider: numbers.append(("2", provider.put("a", "2"))),
        lambda provider: numbers.append(("4", provider.put("a", "4"))),
        judge_numbers,
        "moments",
    )
    tell(record_property, "the memory provider", count)


# -- all of it together


class Served:
    """An `ApiKeys` that has issued a key with a limit, and one that is rotating; nothing of them is cached."""

    def __init__(self) -> None:
        self.before = threading.enumerate()
        self.store = MemoryStore()
        self.keys = ApiKeys(self.store, peppers=[PEPPER], flush_every=1e9)
        self.limited = self.keys.issue(owner="acme", rate_limit="1000000/second")
        self.old = self.keys.issue(owner="acme")
        self.new = self.keys.rotate(self.old.record.key_id, overlap=3600)

    def check(self) -> None:
        for text in (self.limited.plaintext, self.old.plaintext):
            assert self.keys.check(text, scope=NO_SCOPE)

    def revoke(self) -> None:
        self.keys.revoke(self.old.record.key_id)

    def judge(self, ended: bool, revoked: bool) -> None:
        accepted = elsewhere(
            lambda: [
                bool(self.keys.check(text, scope=NO_SCOPE)) for text in (self.limited.plaintext, self.new.plaintext)
            ]
        )
        assert accepted == [True, True]
        assert not (revoked and ended and self.keys.check(self.old.plaintext, scope=NO_SCOPE))
        assert self.keys.check(self.keys.issue(owner="more").plaintext, scope=NO_SCOPE)
        mine = [thread for thread in threading.enumerate() if thread not in self.before]
        assert any(thread.name == "secretsource-flush" for thread in mine)
        self.keys.close()
        assert self.keys.get(self.limited.record.key_id).last_used is not None


def close(world: Served) -> None:
    """Check, and flush at the end."""
    world.check()
    world.keys.flush()


ACTS: dict[str, Callable[[Served], object]] = {
    "check and flush": close,
    "issue": lambda world: world.keys.issue(owner="x"),
    "rotate": lambda world: world.keys.rotate(world.limited.record.key_id, overlap=60),
    "revoke": Served.revoke,
}


@pytest.mark.parametrize("then", [None, Served.check, Served.revoke], ids=["raises", "checks", "revokes"])
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_keys_outlive_a_signal_at_any_moment(
    act: Callable[[Served], object],
    then: Callable[[Served], None] | None,
    record_property: Callable[[str, object], None],
) -> None:
    """Afterwards every key answers, and what was revoked is refused; a handler may check and revoke meanwhile."""
    entered: list[Served] = []

    def enter(world: Served) -> None:
        assert then is not None
        then(world)
        entered.append(world)

    def attempt(world: Served) -> None:
        try:
            act(world)
        except AssertionError:
            assert Served.revoke in (act, then)  # refused from the middle on, as it should be

    def judge(world: Served, ended: bool) -> None:
        world.judge(ended, act is Served.revoke or (then is Served.revoke and world in entered))

    count = at_each_place(Served, attempt, None if then is None else enter, judge, "moments")
    tell(record_property, "a whole call", count)


AGAIN = 0.2
"""Seconds until a signal comes again; more than it takes to set the timer back."""


def set_timer(seconds: float) -> None:
    """Let the signal come so many seconds from now, and again: Python ignores an error that a finalizer raises."""
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)


@pytest.fixture
def soft_limit() -> Iterator[Callable[[float], None]]:
    """Set a timer whose signal raises, as a soft time limit does."""

    def expire(*_: object) -> None:
        raise CutShortError

    before = signal.signal(signal.SIGALRM, expire)
    yield set_timer
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_keys_outlive_real_signals(
    soft_limit: Callable[[float], None], record_property: Callable[[str, object], None]
) -> None:
    """A thousand timers end at random moments of checks and flushes; another thread is answered after each."""
    world, chance = Served(), random.Random(5)
    with world.keys:
        for _ in range(1000):
            try:
                soft_limit(chance.uniform(0.00005, 0.0006))
                while True:
                    world.check()
                    world.keys._parts.cache.news(world.limited.record.key_id, 1)
                    world.keys.flush()
            except CutShortError:
                soft_limit(0)
            elsewhere(world.check)
    tell(record_property, "timers", 1000)


def tell(record_property: Callable[[str, object], None], what: str, count: int) -> None:
    """Have the number of signals stand at the end of the run, in the sum of its section."""
    assert count > 0
    record_property("signals", f"{what}: {count}")
