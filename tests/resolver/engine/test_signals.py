"""A signal that raises at any moment, or a task that is cancelled at any await, leaves everybody else their answers.

Python runs a signal handler after a call, at the begin of a function and when a loop turns round. The first tests raise
at each of these moments in turn, wherever the code of the package comes by them; the others use real timers.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any

import pytest
from tests.signals import at_each_place
from tests.simulation.loop import SeededLoop, SimulatedClock

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import SecretSourceError
from secretsource.providers.base import Found, Provider
from secretsource.testing import FakeClock, ScriptedAsyncProvider, ScriptedBatchProvider, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    World: TypeAlias = tuple[Resolver, FakeClock, Any]

    from secretsource.providers.base import SecretRef

PATIENCE = 5.0
AGAIN = 1.0
"""Seconds until a timer strikes again; more than it takes to set it back, on a busy machine, too."""
VALUES: Any = {"A": '{"field": "a"}', "B": "b", "C": "c"}


class Struck(BaseException):
    """What a handler raises, as `KeyboardInterrupt` is."""


class SoftTimeLimit(Exception):
    """What a task queue's handler raises."""


# -- one signal at each moment ------------------------------------------------------------------------------------


def fresh_world() -> World:
    """A resolver that knows A, with the secret of A; B and C are not known yet."""
    clock = FakeClock()
    provider = ScriptedBatchProvider(dict(VALUES)) if random.random() < 0.5 else ScriptedProvider(dict(VALUES))
    resolver = Resolver(["env", provider], clock=clock, ttl=100, jitter=0)
    return resolver, clock, resolver.get("A")


def get_later(resolver: Resolver, move: Callable[[float], None], seconds: float) -> object:
    """Read A after the clocks were moved."""
    move(seconds)
    return resolver.get("A")


ACTS: dict[str, Callable[[Resolver, FakeClock, Any], object]] = {
    "get": lambda resolver, clock, held: resolver.get("B"),
    "get, a field": lambda resolver, clock, held: resolver.get("A#field"),
    "get, forced": lambda resolver, clock, held: resolver.get("A", fresh=True),
    "get, due for a refresh": lambda resolver, clock, held: get_later(resolver, clock.advance, 90),
    "get_many": lambda resolver, clock, held: resolver.get_many(["A", "B", "C"]),
    "get_many, forced": lambda resolver, clock, held: resolver.get_many(["A", "B", "C"], fresh=True),
    "get_set": lambda resolver, clock, held: resolver.get_set("A"),
    "reject": lambda resolver, clock, held: resolver.reject(held),
    "invalidate": lambda resolver, clock, held: resolver.invalidate("A"),
    "thaw": lambda resolver, clock, held: get_later(resolver, clock.freeze, 60),
    "explain": lambda resolver, clock, held: resolver.explain("B"),
    "close": lambda resolver, clock, held: resolver.close(),
}


@pytest.fixture(scope="module")
def others() -> Iterator[ThreadPoolExecutor]:
    """Threads that were not struck."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def everybody_is_answered(resolver: Resolver, others: ThreadPoolExecutor) -> None:
    """Another thread gets every name by every way, or is told that it is closed; and nothing is left under way."""

    def ask() -> None:
        if resolver._engine.closed:
            with pytest.raises(SecretSourceError, match="closed"):
                resolver.get("A")
            return
        for name, value in VALUES.items():
            assert resolver.get(name, fresh=True) == value
            assert resolver.get(name) == value
        assert resolver.get_many(VALUES) == VALUES
        assert resolver.reject(resolver.get("B")) == "b"

    others.submit(ask).result(PATIENCE)
    end = time.monotonic() + PATIENCE
    while len(resolver._engine.state.flights):
        assert time.monotonic() < end, "a flight is left behind"
        time.sleep(0.001)


@pytest.mark.parametrize("fault", [Struck, SoftTimeLimit])
@pytest.mark.parametrize("act", ACTS)
def test_a_signal_at_every_moment(
    act: str, fault: type[BaseException], others: ThreadPoolExecutor, record_property: Callable[[str, Any], None]
) -> None:
    """Whatever a thread was doing when it was struck, the others get every secret, and it does itself."""

    def carry_out(world: World) -> None:
        with suppress(fault, SecretSourceError):
            ACTS[act](*world)

    def strike(_: World) -> None:
        raise fault

    def judge(world: World, _: bool) -> None:
        everybody_is_answered(world[0], others)

    moments = at_each_place(fresh_world, carry_out, strike, judge, "moments")
    assert moments > 10
    record_property("measured", f"signals: {moments:5} raised in {act}, as {fault.__name__}; nobody is stuck")


def test_a_refusal_that_was_struck_is_made_again() -> None:
    """A value counts as refused once it is sure to be asked for anew: who refuses it again gets the new one."""

    def prepare() -> tuple[Resolver, Any]:
        resolver = Resolver([ScriptedProvider({"A": ["old", "new"]})], clock=FakeClock())
        return resolver, resolver.get("A")

    def judge(world: tuple[Resolver, Any], ended: bool) -> None:
        resolver, old = world
        assert ended or resolver.reject(old) == "new"

    assert at_each_place(prepare, lambda world: world[0].reject(world[1]), None, judge, "moments") > 100


@pytest.mark.parametrize("act", ACTS)
def test_a_handler_that_asks_at_every_moment(
    act: str, others: ThreadPoolExecutor, record_property: Callable[[str, Any], None]
) -> None:
    """A handler gets its secrets in the middle of what its thread was doing, which then goes on."""

    def ask(world: World) -> None:
        resolver = world[0]
        if not resolver._engine.closed:
            assert resolver.get("A", fresh=True) == VALUES["A"]
            assert resolver.get_many(VALUES, fresh=True) == VALUES
            resolver.invalidate("B")

    def judge(world: World, _: bool) -> None:
        everybody_is_answered(world[0], others)

    moments = at_each_place(fresh_world, lambda world: ACTS[act](*world), ask, judge, "moments")
    record_property("measured", f"signals: {moments:5} handlers that ask, in {act}; all are answered")


def test_a_handler_of_a_thread_that_has_the_lock(others: ThreadPoolExecutor) -> None:
    """It asks by itself: the thread whose call it could join needs the lock to bring the answer."""
    provider = ScriptedProvider({"A": "a"})
    resolver = Resolver([provider], deadline=2)
    with provider.hold() as gate:
        other = others.submit(resolver.get, "A")
        assert gate.entered.wait(PATIENCE)
        with resolver._engine.state._lock:
            gate.open()
            assert resolver.get("A") == "a"
    assert other.result(PATIENCE) == "a"


def test_a_handler_of_a_thread_that_is_in_a_driver(others: ThreadPoolExecutor) -> None:
    """It asks by itself: the thread whose call it could join may wait for a lock of the driver."""

    class Locked(Provider):
        """A driver that makes one call at a time, and is struck in the call for A."""

        scheme = "locked"

        def __init__(self) -> None:
            super().__init__(name="locked")
            self.lock = RLock()

        def fetch(self, ref: SecretRef, *, timeout: float) -> Found:
            with self.lock:
                if ref.location == "A":
                    others.submit(resolver.get, "B")
                    while len(resolver._engine.state.flights) < 2:
                        time.sleep(0.001)
                    return Found(str(resolver.get("B")))
                return Found("b")

    resolver = Resolver([Locked()], deadline=2)
    assert resolver.get("A") == "b"


# -- real timers --------------------------------------------------------------------------------------------------


@pytest.mark.timeout(60, method="thread")  # the test sets the timer of the system itself
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a handler raises in a finalizer too
def test_real_timers(others: ThreadPoolExecutor, record_property: Callable[[str, Any], None]) -> None:
    """The same with timers of the system, which strike anywhere, also in the standard library."""

    def strike(*_: object) -> None:
        raise Struck

    resolver = Resolver([ScriptedProvider(dict(VALUES))], ttl=0.0002, deadline=PATIENCE)
    before, until, struck = signal.signal(signal.SIGALRM, strike), time.monotonic() + 1.5, 0
    draw = random.Random(1)
    try:
        while time.monotonic() < until or struck <= 20:
            try:
                # It comes again, because Python ignores an error that strikes in a finalizer.
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(0.0001, 0.001), AGAIN)
                while True:
                    resolver.reject(resolver.get("A", fresh=True))
                    resolver.get_many(VALUES)
                    resolver.invalidate("A#field")
            except Struck:
                struck += 1
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert others.submit(resolver.get_many, VALUES, fresh=True).result(PATIENCE) == VALUES
    finally:
        signal.signal(signal.SIGALRM, before)
    everybody_is_answered(resolver, others)
    record_property("measured", f"signals: {struck} of real timers; nobody is stuck")


# -- a task that is cancelled -------------------------------------------------------------------------------------


class Turning(ScriptedAsyncProvider):
    """Answers after a few turns of the loop."""

    async def afetch(self, ref: Any, *, timeout: float) -> Any:
        for _ in range(3):
            await asyncio.sleep(0.01)
        return await super().afetch(ref, timeout=timeout)


TASKS: dict[str, Callable[[AsyncResolver, Any], Any]] = {
    "get": lambda resolver, held: resolver.get("B"),
    "get, forced": lambda resolver, held: resolver.get("A", fresh=True),
    "get_many": lambda resolver, held: resolver.get_many(["A", "B", "C"], fresh=True),
    "get_set": lambda resolver, held: resolver.get_set("C"),
    "reject": lambda resolver, held: resolver.reject(held),
    "explain": lambda resolver, held: resolver.explain("B"),
}


@pytest.mark.parametrize("victim", ["reader", "carrier"])
@pytest.mark.parametrize("act", TASKS)
def test_a_cancellation_at_every_await(act: str, victim: str, record_property: Callable[[str, Any], None]) -> None:
    """Whether a reader is cancelled or a task that carries a call: the other readers are answered, or told to ask."""
    cancelled = turn = 0
    while (done := cancel_at(act, victim, turn)) is not None:
        cancelled += done
        turn += 1
    assert cancelled >= 3
    record_property("measured", f"cancellations: {cancelled:3} of the {victim} in {act}; nobody is stuck")


def cancel_at(act: str, victim: str, turn: int) -> bool | None:
    """Cancel at one turn of the loop; whether anybody was, and None when all was over by then."""
    clock = SimulatedClock()
    with SeededLoop(random.Random(turn), clock) as loop:
        resolver = AsyncResolver([Turning(dict(VALUES))], clock=clock)
        held = loop.run(resolver.get("A"))
        loop.settle()

        async def together() -> bool | None:
            readers = [asyncio.ensure_future(TASKS[act](resolver, held)) for _ in range(3)]
            for _ in range(turn):
                await asyncio.sleep(0.001)
            if all(reader.done() for reader in readers):
                return None
            doomed = readers[:1] if victim == "reader" else list(resolver._tasks)[:1]
            cancelled = sum(task.cancel() for task in doomed)
            answers = await asyncio.gather(*readers, return_exceptions=True)
            for answer in answers[1:]:
                assert not isinstance(answer, BaseException) or "interrupted" in str(answer), answer
                assert victim == "carrier" or not isinstance(answer, BaseException)
            assert await resolver.get("B", fresh=True) == "b"
            return bool(cancelled)

        done = loop.run(together())
        loop.settle()
        assert not resolver._tasks
        assert not len(resolver._resolver._engine.state.flights)
        assert clock.mono < 1_000.0 + 60 * PATIENCE
        return done
