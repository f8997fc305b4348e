"""Signals in the middle of whole calls: a handler may check and revoke keys, and afterwards everything answers."""

from __future__ import annotations

import random
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from tests.signals import CutShortError, at_each_place, elsewhere, tell

from secretsource.issuing import NO_SCOPE, ApiKeys
from secretsource.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


PEPPER = "a pepper of the tests, long enough"


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


@pytest.mark.timeout(400)
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


AGAIN = 1.0
"""Seconds until a signal comes again; more than it takes to set the timer back, on a busy machine, too."""


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


@pytest.mark.timeout(60, method="thread")  # the test sets the timer of the system itself
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a handler raises in a finalizer too
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
