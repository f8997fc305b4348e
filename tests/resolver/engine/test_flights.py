"""One flight per reference, however many threads and tasks ask, and whatever happens to those who ask."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from tests.waiting import wait_until

from secretsource import AsyncResolver, Resolver
from secretsource._ground.clock import SYSTEM_CLOCK, Instant
from secretsource.exceptions import ProviderResponseError, ProviderUnavailable
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef
from secretsource.resolver._engine.flight import Flight
from secretsource.resolver._walk.resolution import Ask, Reply
from secretsource.resolver._walk.route import Route
from secretsource.testing import FakeClock, Gate, ScriptedAsyncProvider, ScriptedBatchProvider, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell, ShellKind

    from secretsource.providers.base import Outcome

    NewShell = Callable[..., Shell]

DOWN = Failed(FailureCode.UNAVAILABLE)


def rush(ask: Callable[[], Any], threads: int) -> list[Any]:
    """What ``threads`` threads get that all begin at once; an error counts as an answer."""
    barrier = Barrier(threads)

    def one(_: int) -> Any:
        barrier.wait()
        try:
            return ask()
        except ProviderUnavailable as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, range(threads)))


def opened_later(gate: Gate) -> Thread:
    """A thread, started, that opens the gate when the first has come and others had time to come."""

    def open_it() -> None:
        gate.entered.wait(30)
        time.sleep(0.02)
        gate.open()

    thread = Thread(target=open_it)
    thread.start()
    return thread


class TestThreads:
    """Many threads, one call."""

    @pytest.mark.parametrize("age", [None, 500], ids=["cold", "expired"])
    def test_one_call(self, age: float | None, clock: FakeClock) -> None:
        """64 threads that need the same name make one call, and all get what it brings."""
        provider = ScriptedProvider({"NAME": ["one", "two"]})
        resolver = Resolver([provider], ttl=100, revalidate=0, clock=clock)
        if age is not None:
            resolver.get("NAME")
            clock.advance(age)
        before = provider.calls
        with provider.hold() as gate:
            thread = opened_later(gate)
            answers = rush(lambda: resolver.get("NAME"), 64)
            thread.join()
        assert set(answers) == {"one" if age is None else "two"}
        assert provider.calls == before + 1

    def test_one_call_without_a_wait(self, clock: FakeClock) -> None:
        """Also when the call is over before some of the threads come to join it."""
        provider = ScriptedProvider({f"N{i}": "v" for i in range(200)})
        resolver = Resolver([provider], clock=clock)
        for i in range(200):
            rush(partial(resolver.get, f"N{i}"), 8)
        assert provider.calls == 200

    def test_whoever_looked_before_and_joins_after(self, clock: FakeClock) -> None:
        """A thread that saw no answer, and comes to join when the flight has landed, gets what it brought."""
        provider = ScriptedProvider({"NAME": "one", "BAD": DOWN})
        resolver = Resolver([provider], clock=clock)
        state, route = resolver._engine.state, resolver._engine.chain.routes[0]
        late = [Ask(route, SecretRef("scripted", name)) for name in ("NAME", "BAD")]
        resolver.get("NAME")
        with pytest.raises(ProviderUnavailable):
            resolver.get("BAD")
        led: list[Flight] = []
        flights = state.claim(late, clock.now().mono + 5, led)
        assert led == []
        replies = [flight.reply for flight in flights if flight is not None]
        assert [type(reply.outcome) for reply in replies if reply is not None] == [Found, Failed]

    def test_a_failure_is_shared(self, clock: FakeClock) -> None:
        """64 threads meet an outage with one call, and the next one does not begin a stampede."""
        provider = ScriptedProvider({"NAME": DOWN})
        resolver = Resolver([provider], clock=clock)
        with provider.hold() as gate:
            thread = opened_later(gate)
            answers = rush(lambda: resolver.get("NAME"), 64)
            thread.join()
        assert {type(answer) for answer in answers} == {ProviderUnavailable}
        assert len({id(answer) for answer in answers}) == 64
        assert provider.calls == 1
        rush(lambda: resolver.get("NAME"), 16)
        assert provider.calls == 1

    def test_a_waiter_has_its_own_deadline(self) -> None:
        """Whoever waits for a flight that overruns its time does so no longer than for its own."""
        provider = Overrunning({"NAME": "one"})
        resolver = Resolver([provider], deadline=0.1)
        leader = Thread(target=resolver.get, args=["NAME"])
        leader.start()
        provider.entered.wait(30)
        with pytest.raises(ProviderUnavailable, match="deadline"):
            resolver.get("NAME")
        provider.go_on.set()
        leader.join()
        assert provider.calls == 1


class Overrunning(ScriptedProvider):
    """Takes as long as the test wants, whatever its timeout."""

    def __init__(self, script: Any) -> None:
        super().__init__(script)
        self.entered, self.go_on = Event(), Event()

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        self.entered.set()
        self.go_on.wait(30)
        return super().fetch(ref, timeout=timeout)


class Interrupting(ScriptedProvider):
    """Passes the gate, and is interrupted then."""

    interruption: BaseException | None = None

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        outcome = super().fetch(ref, timeout=timeout)
        if self.interruption is not None:
            raise self.interruption
        return outcome


class TestInterrupted:
    """A leader that does not come back."""

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(3)], ids=["KeyboardInterrupt", "exit"])
    def test_waiters_are_freed(self, interruption: BaseException) -> None:
        """Those who wait are told at once, and the next one asks again."""
        provider = Interrupting({"NAME": "one"})
        resolver = Resolver([provider])
        provider.interruption = interruption
        with provider.hold() as gate, ThreadPoolExecutor(2) as pool:
            leader = pool.submit(resolver.get, "NAME")
            gate.entered.wait(30)
            flight = resolver._engine.state.flights.latest(SecretRef("scripted", "NAME"))
            assert flight is not None
            waiter = pool.submit(resolver.get, "NAME")
            wait_until(lambda: flight._callbacks)  # until the waiter has joined
            gate.open()
            with pytest.raises(type(interruption)):
                leader.result(30)
            with pytest.raises(ProviderUnavailable, match="interrupted"):
                waiter.result(30)
        provider.interruption = None
        assert resolver.get("NAME") == "one"

    def test_nothing_is_left_under_way(self) -> None:
        """Of many names at several providers, those not reached yet are let go too."""
        first, second = Interrupting({}, name="first"), ScriptedProvider({"N": "there"}, name="second")
        first.interruption = KeyboardInterrupt()
        resolver = Resolver([first, second])
        with pytest.raises(KeyboardInterrupt):
            resolver.get_many(["first://N", "second://N"])
        assert not resolver._engine.state.flights
        assert resolver.get("second://N") == "there"

    def test_a_refresh_that_exits(self, clock: FakeClock) -> None:
        """A driver that calls ``sys.exit`` in a refresh ends neither the thread nor the refreshes after it."""
        provider = Interrupting({f"N{i}": "v" for i in range(6)})
        resolver = Resolver([provider], ttl=100, clock=clock)
        resolver.get_many([f"N{i}" for i in range(6)])
        clock.advance(90)
        provider.interruption = SystemExit(1)
        for i in range(5):
            resolver.get(f"N{i}")
        wait_until(lambda: provider.calls == 11 and not resolver._engine.state.flights)
        provider.interruption = None
        resolver.get("N5")
        wait_until(lambda: provider.calls == 12)


async def arrival(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


class TestTogether:
    """Threads and tasks share."""

    async def test_a_task_joins_a_thread(self) -> None:
        """`AsyncResolver.of` joins the flight that a thread of the resolver leads."""
        provider = ScriptedProvider({"NAME": "one"})
        resolver = Resolver([provider])
        with provider.hold() as gate:
            thread = asyncio.get_running_loop().run_in_executor(None, resolver.get, "NAME")
            await arrival(gate.entered.is_set)
            task = asyncio.create_task(AsyncResolver.of(resolver).get("NAME"))
            await asyncio.sleep(0.01)
            gate.open()
            assert await task == await thread == "one"
        assert provider.calls == 1

    @pytest.mark.parametrize("kind", [ScriptedProvider, ScriptedAsyncProvider])
    async def test_a_thread_joins_a_task(self, kind: type[ScriptedProvider]) -> None:
        """A thread waits for the flight that an event loop leads, natively or not."""
        provider = kind({"NAME": "one"})
        resolver = Resolver([provider])
        with provider.hold() as gate:
            task = asyncio.create_task(AsyncResolver.of(resolver).get("NAME"))
            await arrival(gate.entered.is_set)
            thread = asyncio.get_running_loop().run_in_executor(None, resolver.get, "NAME")
            await asyncio.sleep(0.01)
            gate.open()
            assert await task == await thread == "one"
        assert provider.calls == 1

    @pytest.mark.parametrize("kind", [ScriptedProvider, ScriptedAsyncProvider])
    async def test_cancelling_one_does_not_cancel_the_flight(self, kind: type[ScriptedProvider]) -> None:
        """The one that asked first gives up; the one that joined gets the answer of the same call."""
        provider = kind({"NAME": "one"})
        resolver = AsyncResolver([provider])
        with provider.hold() as gate:
            first = asyncio.create_task(resolver.get("NAME"))
            await arrival(gate.entered.is_set)
            second = asyncio.create_task(resolver.get("NAME"))
            await asyncio.sleep(0)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            gate.open()
            assert await second == "one"
        assert provider.calls == 1
        await resolver.close()

    async def test_many_tasks(self) -> None:
        """64 tasks, one call."""
        provider = ScriptedAsyncProvider({"NAME": "one"})
        resolver = AsyncResolver([provider])
        assert set(await asyncio.gather(*(resolver.get("NAME") for _ in range(64)))) == {"one"}
        assert provider.calls == 1

    async def test_a_thread_on_the_loop_that_flies(self) -> None:
        """`get` on the thread of the event loop that carries the flight asks itself: waiting would be for ever."""
        provider = ScriptedAsyncProvider({"NAME": "one"})
        resolver = Resolver([provider])
        with provider.hold() as gate:
            task = asyncio.create_task(AsyncResolver.of(resolver).get("NAME"))
            await arrival(gate.entered.is_set)
            gate.open()
            assert resolver.get("NAME") == "one"
            assert await task == "one"
        assert provider.calls == 2

    async def test_a_direct_native_driver_does_not_block_the_loop(self) -> None:
        """A driver whose answers are not kept is still asked through its asynchronous client."""
        provider = ScriptedAsyncProvider({"NAME": "one"}, max_age=0)
        assert await AsyncResolver([provider]).get("NAME") == "one"
        assert len(provider.awaited) == 1

    async def test_a_hanging_native_driver(self) -> None:
        """One that does not keep to its timeout is cut off at the deadline."""

        class Hanging(ScriptedAsyncProvider):
            async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
                await asyncio.sleep(60)
                raise AssertionError

        started = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            await AsyncResolver([Hanging()], deadline=0.05).get("NAME")
        assert time.monotonic() - started < 30

    async def test_a_native_driver_that_raises(self) -> None:
        """Its error is named by class, as one of a driver for threads."""
        with pytest.raises(ProviderResponseError, match="ZeroDivisionError"):
            await AsyncResolver([ScriptedAsyncProvider({"NAME": ZeroDivisionError("bug")})]).get("NAME")


def close_abruptly(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop with tasks in it, which would be complained about when they are collected."""
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()


class TestLoopsEnd:
    """An event loop that ends while a flight is under way."""

    def test_run_ends(self) -> None:
        """`asyncio.run` cancels the flight with the loop; the next loop, or thread, asks anew at once."""
        provider = ScriptedAsyncProvider({"NAME": "one"})
        resolver = Resolver([provider])
        tasks = AsyncResolver.of(resolver)

        async def give_up() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await tasks.get("NAME")

        with provider.hold():
            asyncio.run(give_up())
        assert resolver.get("NAME") == "one"
        resolver.invalidate("NAME")
        assert asyncio.run(tasks.get("NAME")) == "one"

    def test_closed_in_the_middle(self, clock: FakeClock) -> None:
        """A loop that is closed with the flight in it blocks nobody beyond the deadline of that flight."""

        class Endless(ScriptedAsyncProvider):
            async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
                await asyncio.get_running_loop().create_future()
                raise AssertionError

        provider = Endless({"NAME": "one"})
        resolver = Resolver([provider], clock=clock)
        tasks, loop = AsyncResolver.of(resolver), asyncio.new_event_loop()
        abandoned = [loop.create_task(tasks.get("NAME"))]
        loop.run_until_complete(asyncio.sleep(0.01))
        abandoned.extend(asyncio.all_tasks(loop))
        close_abruptly(loop)
        clock.advance(6)
        assert resolver.get("NAME") == "one"
        asyncio.run(tasks.close())
        assert provider.closed
        assert not any(task.done() for task in abandoned)

    async def test_cancelled_before_its_first_step(self) -> None:
        """A flight whose task never began lets those go who wait for it."""
        provider = ScriptedAsyncProvider({"NAME": "one"})
        resolver = AsyncResolver([provider])
        task = asyncio.create_task(resolver.get("NAME"))
        await asyncio.sleep(0)
        for flying in resolver._tasks:
            flying.cancel()
        with pytest.raises(ProviderUnavailable, match="interrupted"):
            await task
        assert provider.calls == 0
        assert await resolver.get("NAME") == "one"

    async def test_a_thread_lands_after_its_loop(self) -> None:
        """A thread's flight that a dead loop waited for lands as if nobody had."""
        provider = ScriptedProvider({"NAME": "one"})
        resolver = Resolver([provider])
        tasks, loop = AsyncResolver.of(resolver), asyncio.new_event_loop()

        def wait_and_die() -> None:
            loop.create_task(tasks.get("NAME"))
            loop.run_until_complete(asyncio.sleep(0.02))
            close_abruptly(loop)

        with provider.hold() as gate, ThreadPoolExecutor(2) as pool:
            leader = pool.submit(resolver.get, "NAME")
            gate.entered.wait(30)
            pool.submit(wait_and_die).result(30)
            gate.open()
            assert leader.result(30) == "one"


class Borrowing(ScriptedProvider):
    """Resolves a credential of its own through the resolver that it serves."""

    resolver: Resolver
    credential = "CREDENTIAL"

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        if ref.location != "CREDENTIAL":
            assert self.resolver.get(self.credential) == "s3cr3t"
        return super().fetch(ref, timeout=timeout)


class TestBorrowing:
    """A driver that needs a secret in order to get secrets."""

    def test_another_name(self) -> None:
        """It may ask the resolver that it serves, even in the middle of a call."""
        provider = Borrowing({"NAME": "one", "CREDENTIAL": "s3cr3t"})
        provider.resolver = resolver = Resolver([provider], deadline=60)
        started = time.monotonic()
        assert resolver.get_many(["NAME", "CREDENTIAL"]) == {"NAME": "one", "CREDENTIAL": "s3cr3t"}
        assert time.monotonic() - started < 30

    def test_its_own_name(self) -> None:
        """Going round in a circle is an error, not a standstill."""
        provider = Borrowing({"NAME": "one"})
        provider.resolver, provider.credential = Resolver([provider], deadline=60), "NAME"
        started = time.monotonic()
        with pytest.raises(ProviderResponseError, match="the driver raised"):
            provider.resolver.get("NAME")
        assert time.monotonic() - started < 30

    def test_in_a_refresh(self, clock: FakeClock) -> None:
        """A refresh carried by a thread of the background waits for nobody either."""
        provider = Borrowing({"NAME": ["one", "two"], "CREDENTIAL": "s3cr3t"})
        provider.resolver = resolver = Resolver([provider], ttl=100, deadline=60, clock=clock)
        resolver.get_many(["NAME", "CREDENTIAL"])
        clock.advance(90)
        started = time.monotonic()
        resolver.get_many(["NAME", "CREDENTIAL"])
        wait_until(lambda: not resolver._engine.state.flights)
        assert resolver.get("NAME") == "two"
        assert time.monotonic() - started < 30


class TestNoThread:
    """A machine, or an interpreter at its end, that starts no more threads."""

    @pytest.fixture(autouse=True)
    def _refuse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(thread: Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(Thread, "start", refuse)

    def test_a_refresh(self, clock: FakeClock) -> None:
        """A value that is due is served as it is, and the next read tries again."""
        resolver = Resolver([ScriptedProvider({"NAME": "one"})], ttl=100, clock=clock)
        resolver.get("NAME")
        clock.advance(90)
        assert resolver.get("NAME").served == "fresh"
        assert not resolver._engine.state.flights

    async def test_a_task(self) -> None:
        """A task whose driver needs a thread is told so at once."""
        with pytest.raises(ProviderUnavailable, match="interrupted"):
            await AsyncResolver([ScriptedProvider({"NAME": "one"})]).get("NAME")


class TestLanding:
    """Who waits is called once, whether the flight lands before or after."""

    @pytest.fixture
    def flight(self) -> Flight:
        return Flight(Ask(Route(ScriptedProvider()), SecretRef("scripted", "NAME")), 1.0)

    def test_before_and_after(self, flight: Flight) -> None:
        """A callback comes at landing, or at once."""
        called: list[str] = []
        flight.on_landing(lambda: called.append("before"))
        flight.land(Reply(Found("v"), Instant(0, 0)))
        flight.on_landing(lambda: called.append("after"))
        assert called == ["before", "after"]

    def test_called_until_it_is_forgotten(self, flight: Flight) -> None:
        """A callback that raised, as a signal does in it, is called again when the flight lands again."""
        called: list[str] = []

        def callback() -> None:
            called.append("now")
            if len(called) == 1:
                raise KeyboardInterrupt

        flight.on_landing(callback)
        reply = Reply(Found("v"), Instant(0, 0))
        with pytest.raises(KeyboardInterrupt):
            flight.land(reply)
        flight.land(reply)
        flight.land(reply)
        assert called == ["now", "now"]

    def test_every_thread_that_waits(self, flight: Flight) -> None:
        """All threads are let through, those that come late too, and so they are when it lands twice."""
        reply = Reply(Found("v"), Instant(0, 0))
        with ThreadPoolExecutor(8) as threads:
            waiting = [threads.submit(flight.wait, 5.0) for _ in range(8)]
            flight.land(reply)
            flight.land(reply)
            assert [one.result(30) for one in waiting] == [reply] * 8
        assert flight.wait(0.0) == reply

    def test_no_thread_waits_for_ever(self, flight: Flight) -> None:
        """Whose time is over goes with nothing, and keeps nobody from coming through later."""
        assert flight.wait(0.0) is None
        flight.land(Reply(Found("v"), Instant(0, 0)))
        assert flight.wait(0.0) is not None

    def test_forgotten(self, flight: Flight) -> None:
        """One that does not wait any more is not called."""
        called: list[str] = []

        def callback() -> None:
            called.append("now")

        flight.on_landing(callback)
        flight.forget(callback)
        flight.forget(callback)
        flight.land(Reply(Found("v"), Instant(0, 0)))
        assert called == []


class TestDeadline:
    """One deadline for the whole chain."""

    def test_two_slow_providers(self, kind: ShellKind, new_shell: NewShell) -> None:
        """The second one gets what the first has left, which is nothing, and is not asked at all."""
        first, second = kind.provider({}, name="first"), kind.provider({"NAME": "there"}, name="second")
        shell = new_shell(first, second, deadline=0.5, clock=SYSTEM_CLOCK)
        chain = shell.engine.chain
        patient = chain.routes[0]._replace(on_unavailable="next")
        shell.engine._chain = chain._replace(routes=(patient, chain.routes[1]))
        started = time.monotonic()
        with first.hold(), second.hold(), pytest.raises(ProviderUnavailable):
            shell.get("NAME")
        assert time.monotonic() - started < 30
        assert first.timeouts[0] <= 0.5
        assert second.calls == 0

    def test_the_rest_is_passed_on(self, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
        """Each provider is told how much of the deadline is left."""

        class Slow(kind.provider):  # type: ignore[misc, name-defined]
            def _next(self, ref: SecretRef) -> Outcome:
                shell.pass_time(clock, 2)
                outcome: Outcome = super()._next(ref)
                return outcome

        providers = [Slow({}, name=name) for name in ("a", "b", "c")]
        shell = new_shell(*providers, deadline=5)
        assert shell.get("NAME", default=None) is None
        assert [provider.timeouts for provider in providers] == [[5], [3], [1]]

    def test_a_batch_past_the_deadline(self, clock: FakeClock) -> None:
        """A batch that comes too late is not asked either."""

        class Slow(ScriptedProvider):
            def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
                clock.advance(3)
                return super().fetch(ref, timeout=timeout)

        batch = ScriptedBatchProvider({"A": "a", "B": "b"}, name="batch")
        resolver = Resolver([Slow({}, name="slow"), batch], deadline=5, clock=clock)
        with pytest.raises(ProviderUnavailable, match="deadline"):
            resolver.get_many(["A", "B"])
        assert batch.calls == 0
