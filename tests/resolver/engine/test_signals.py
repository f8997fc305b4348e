"""A signal that raises at any moment, or a task that is cancelled at any await, leaves everybody else their answers.

Python runs a signal handler after a call, at the begin of a function and when a loop turns round. The first tests raise
at each of these moments in turn, wherever the code of the package comes by them; the others use real timers.
"""

from __future__ import annotations

import asyncio
import dis
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from tests.frames import is_ours
from tests.simulation.loop import SeededLoop, SimulatedClock

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import SecretSourceError
from secretsource.testing import FakeClock, ScriptedAsyncProvider, ScriptedBatchProvider, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

PATIENCE = 5.0
AGAIN = 1.0
"""Seconds until a timer strikes again; more than it takes to set it back, on a busy machine, too."""
VALUES: Any = {"A": '{"field": "a"}', "B": "b", "C": "c"}


class Struck(BaseException):
    """What a handler raises, as `KeyboardInterrupt` is."""


class SoftTimeLimit(Exception):
    """What a task queue's handler raises."""


# -- one signal at each moment ------------------------------------------------------------------------------------


class Strike:
    """Runs a handler at one of the moments at which a signal may be handled; counts them.

    Args:
        at: The number of the moment.
        handler: What to do then.
    """

    def __init__(self, at: int, handler: Callable[[], object]) -> None:
        self.moments = 0
        self._at = at
        self._handler = handler
        self._before = sys.gettrace()

    def __enter__(self) -> Strike:
        sys._getframe().f_trace_opcodes = True  # on CPython 3.12, `settrace` first looks whether a frame asks for them
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        if not is_ours(frame.f_code.co_filename) or "/testing/" in frame.f_code.co_filename:
            return None
        checked, ahead, before = after_checks(frame.f_code), jumps_back(frame.f_code), -1

        def step(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
            nonlocal before
            if event == "opcode":
                came, before = before, frame.f_lasti
                if (came, before) in checked or before in ahead:
                    self._strike()
            return step

        frame.f_trace = step  # before the next line, which since 3.12 asks for instructions only if this is set
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    def _strike(self) -> None:
        self.moments += 1
        if self.moments - 1 == self._at:
            sys.settrace(None)
            self._handler()


CHECKING = frozenset({"CALL", "CALL_KW", "CALL_FUNCTION_EX", "RESUME", "JUMP_BACKWARD"})
"""The instructions after which the interpreter looks for signals.

Not among them is ``CALL_INTRINSIC_1``, by which CPython 3.12 ends a generator that is closed half-way: an error there
would be ignored, but no signal raises one.
"""


@cache
def after_checks(code: CodeType) -> frozenset[tuple[int, int]]:
    """The pairs of an instruction that looks for signals and one after it, both inside the same ``try`` or ``with``.

    The interpreter raises at the first of the two, and a tracer at the second: where they are not guarded by the
    same block, as at the end of a ``with``, the tracer would raise where no signal does.
    """
    instructions = [one for one in dis.get_instructions(code) if one.opname != "CACHE"]
    entries: Any = dis.Bytecode(code)
    guards = [(one.start, one.end, one.target) for one in entries.exception_entries]

    def guard(offset: int) -> int:
        return next((target for start, end, target in guards if start <= offset < end), -1)

    pairs: set[tuple[int, int]] = set()
    for one, following in zip(instructions, [*instructions[1:], None], strict=True):
        if one.opname in CHECKING:
            after = one.argval if one.opname == "JUMP_BACKWARD" else following and following.offset
            if after is not None and guard(one.offset) == guard(after):
                pairs.add((one.offset, after))
    return frozenset(pairs)


@cache
def jumps_back(code: CodeType) -> frozenset[int]:
    """The jumps back: since 3.13, CPython looks for signals ahead of them, and one of them may be outside its block."""
    steps = dis.get_instructions(code) if sys.version_info >= (3, 13) else ()
    return frozenset(one.offset for one in steps if one.opname == "JUMP_BACKWARD")


def fresh_world() -> tuple[Resolver, FakeClock, Any]:
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


def everybody_is_answered(resolver: Resolver, others: ThreadPoolExecutor, *, closed: bool = False) -> None:
    """Another thread gets every name by every way, and nothing is left under way."""

    def ask() -> None:
        if closed:
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

    def handler() -> None:
        raise fault

    struck = moment = 0
    while True:
        resolver, clock, held = fresh_world()
        with Strike(moment, handler) as strike:
            try:
                ACTS[act](resolver, clock, held)
            except (fault, SecretSourceError):
                struck += 1
        if strike.moments <= moment:
            break
        everybody_is_answered(resolver, others, closed=resolver._engine.closed)
        moment += 1
    assert struck > 10
    record_property("measured", f"signals: {struck:5} raised in {act}, as {fault.__name__}; nobody is stuck")


def test_a_refusal_that_was_struck_is_made_again() -> None:
    """A value counts as refused once it is sure to be asked for anew: who refuses it again gets the new one."""
    moment = 0

    def handler() -> None:
        raise Struck

    while True:
        resolver = Resolver([ScriptedProvider({"A": ["old", "new"]})], clock=FakeClock())
        old = resolver.get("A")
        with Strike(moment, handler) as strike, suppress(Struck):
            resolver.reject(old)
        if strike.moments <= moment:
            break
        assert resolver.reject(old) == "new"
        moment += 1
    assert moment > 100


@pytest.mark.parametrize("act", ACTS)
def test_a_handler_that_asks_at_every_moment(
    act: str, others: ThreadPoolExecutor, record_property: Callable[[str, Any], None]
) -> None:
    """A handler gets its secrets in the middle of what its thread was doing, which then goes on."""
    moment = 0
    while True:
        resolver, clock, held = fresh_world()

        def handler(resolver: Resolver = resolver) -> None:
            if not resolver._engine.closed:
                assert resolver.get("A", fresh=True) == VALUES["A"]
                assert resolver.get_many(VALUES, fresh=True) == VALUES
                resolver.invalidate("B")

        with Strike(moment, handler) as strike:
            ACTS[act](resolver, clock, held)
        if strike.moments <= moment:
            break
        everybody_is_answered(resolver, others, closed=resolver._engine.closed)
        moment += 1
    record_property("measured", f"signals: {moment:5} handlers that ask, in {act}; all are answered")


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
