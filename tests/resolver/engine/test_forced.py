"""A read that is forced, or follows a refusal, is answered by a call that began after it, whoever makes that call."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ProviderDenied, ProviderUnavailable
from secretsource.providers.base import AsyncProvider, Failed, FailureCode, Found, Provider
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretsource import Secret
    from secretsource.providers.base import Outcome, SecretRef

PATIENCE = 30.0
DENIED = Failed(FailureCode.DENIED)


class Held:
    """One call that has read, and does not answer before it may.

    Attributes:
        arrived: Set once it has read.
        released: To be set by the test.
    """

    def __init__(self) -> None:
        self.arrived = Event()
        self.released = Event()


class Register(Provider):
    """A provider with one place for each location; calls that the test holds read first and answer later."""

    scheme: ClassVar[str] = "register"

    def __init__(self, **values: str | Outcome) -> None:
        super().__init__()
        self.values: dict[str, str | Outcome] = dict(values)
        self.calls = 0
        self._held: deque[Held] = deque()

    def hold(self) -> Held:
        """Hold the next call that is not held yet."""
        held = Held()
        self._held.append(held)
        return held

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        outcome, held = self._read(ref)
        if held is not None:
            held.arrived.set()
            assert held.released.wait(PATIENCE)
        return outcome

    def _read(self, ref: SecretRef) -> tuple[Outcome, Held | None]:
        self.calls += 1
        held = self._held.popleft() if self._held else None
        value = self.values[ref.location]
        return (Found(value, version=value) if isinstance(value, str) else value), held


class AsyncRegister(Register, AsyncProvider):
    """The same with a native client."""

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        outcome, held = self._read(ref)
        if held is not None:
            held.arrived.set()
            while not held.released.is_set():
                await asyncio.sleep(0.001)
        return outcome


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for readers that wait."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


EARLIER: dict[str, Callable[[Resolver], object]] = {
    "a plain read": lambda resolver: resolver.get("KEY"),
    "a forced read": lambda resolver: resolver.get("KEY", fresh=True),
    "a batch": lambda resolver: resolver.get_many(["KEY"], fresh=True),
    "a task": lambda resolver: asyncio.run(AsyncResolver.of(resolver).get("KEY", fresh=True)),
}

LATER: dict[str, Callable[[Resolver], object]] = {
    "get": lambda resolver: resolver.get("KEY", fresh=True),
    "get_many": lambda resolver: resolver.get_many(["KEY"], fresh=True)["KEY"],
    "a task": lambda resolver: asyncio.run(AsyncResolver.of(resolver).get("KEY", fresh=True)),
    "tasks": lambda resolver: asyncio.run(AsyncResolver.of(resolver).get_many(["KEY"], fresh=True))["KEY"],
}


@pytest.mark.parametrize("provider", [Register, AsyncRegister])
@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("earlier", EARLIER)
def test_it_does_not_join_an_earlier_call(
    earlier: str, later: str, provider: type[Register], pool: ThreadPoolExecutor
) -> None:
    """Whoever led the call that has read the old value: the forced read brings the new one, before that call ends."""
    register = provider(KEY="old")
    resolver = Resolver([register])
    held = register.hold()
    first = pool.submit(EARLIER[earlier], resolver)
    assert held.arrived.wait(PATIENCE)
    register.values["KEY"] = "new"
    assert LATER[later](resolver) == "new"
    held.released.set()
    first.result(PATIENCE)
    assert resolver.get("KEY") == "new", "the old answer arrived later, and was kept"
    assert register.calls == 3, "two answers that differ, of calls that overlapped, are settled by a third"
    assert resolver.get("KEY").served == "fresh"


def test_the_way_through_a_pointer(pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place that the value leads through is asked anew."""
    monkeypatch.setenv("KEY", "ref+register://there#field")
    register = Register(there='{"field": "old"}')
    resolver = Resolver(["env", register])
    held = register.hold()
    first = pool.submit(resolver.get, "register://there#field", fresh=True)
    assert held.arrived.wait(PATIENCE)
    register.values["there"] = '{"field": "new"}'
    assert resolver.get("KEY", fresh=True) == "new"
    held.released.set()
    assert first.result(PATIENCE) == "old"
    assert resolver.get("KEY") == "new"


def test_a_denial_is_not_undone_by_an_earlier_answer(pool: ThreadPoolExecutor) -> None:
    """A call that read the value before it was denied, and answers after that, brings it back for nobody."""
    register = Register(KEY="old")
    resolver = Resolver([register])
    held = register.hold()
    first = pool.submit(resolver.get, "KEY")
    assert held.arrived.wait(PATIENCE)
    register.values["KEY"] = DENIED
    with pytest.raises(ProviderDenied):
        resolver.get("KEY", fresh=True)
    held.released.set()
    assert first.result(PATIENCE) == "old"
    with pytest.raises(ProviderDenied):
        resolver.get("KEY")


def test_a_failed_call_leaves_the_earlier_one_its_answer(pool: ThreadPoolExecutor) -> None:
    """What an earlier call brings is kept where the later one brought nothing."""
    register = Register(KEY="old")
    resolver = Resolver([register])
    held = register.hold()
    first = pool.submit(resolver.get, "KEY")
    assert held.arrived.wait(PATIENCE)
    register.values["KEY"] = Failed(FailureCode.UNAVAILABLE)
    with pytest.raises(ProviderUnavailable):
        resolver.get("KEY", fresh=True)
    held.released.set()
    assert first.result(PATIENCE) == "old"
    assert resolver.get("KEY") == "old"
    assert register.calls == 2


def test_a_crowd_of_threads_shares_few_calls() -> None:
    """64 threads that force one name at once are answered by two or three calls: those before one begins share it."""
    memory = MemoryProvider({"KEY": "value"})
    calls, most = [0], [0]

    class Slow(Provider):
        scheme: ClassVar[str] = "slow"
        under_way = 0

        def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
            calls[0] += 1
            self.under_way += 1
            most[0] = max(most[0], self.under_way)
            Event().wait(0.15)  # by then all others have asked, on a busy machine, too
            self.under_way -= 1
            return memory.fetch(ref, timeout=timeout)

    resolver, barrier = Resolver([Slow()]), Barrier(64)

    def force(_: int) -> Secret:
        barrier.wait()
        return resolver.get("KEY", fresh=True)

    with ThreadPoolExecutor(64) as threads:
        assert set(threads.map(force, range(64))) == {"value"}
    assert calls[0] <= 4
    assert most[0] == 1


async def test_a_crowd_of_tasks_shares_one_call() -> None:
    """Tasks that force one name in the same turn of the loop come before their call begins, and share it."""
    register = AsyncRegister(KEY="value")
    async with AsyncResolver([register]) as resolver:
        forced: list[Any] = [resolver.get("KEY", fresh=True) for _ in range(64)]
        assert set(await asyncio.gather(*forced)) == {"value"}
    assert register.calls == 1


@pytest.mark.parametrize("provider", [Register, AsyncRegister])
def test_a_forced_call_that_hangs_is_overtaken(provider: type[Register], pool: ThreadPoolExecutor) -> None:
    """It is given a moment to land, and no more."""
    register = provider(KEY="old")
    resolver = Resolver([register], deadline=5.0)
    held = register.hold()
    first = pool.submit(asyncio.run, AsyncResolver.of(resolver).get("KEY", fresh=True))
    assert held.arrived.wait(PATIENCE)
    register.values["KEY"] = "new"
    readers = [pool.submit(resolver.get, "KEY", fresh=True) for _ in range(2)]
    assert [reader.result(PATIENCE) for reader in readers] == ["new", "new"]
    held.released.set()
    assert first.result(PATIENCE) == "old"
    assert register.calls <= 3


class TestReject:
    """The same after a refusal."""

    def test_of_a_value_that_is_not_kept(self, pool: ThreadPoolExecutor) -> None:
        """A call under way since before the refusal does not answer it, though nothing is kept."""
        register = Register(KEY="old")
        resolver = Resolver([register], max_entries=1)
        old = resolver.get("KEY")
        register.values["OTHER"] = "other"
        resolver.get("OTHER")
        held = register.hold()
        early = pool.submit(resolver.get, "KEY")
        assert held.arrived.wait(PATIENCE)
        register.values["KEY"] = "new"
        assert resolver.reject(old) == "new"
        held.released.set()
        assert early.result(PATIENCE) == "old"
        assert resolver.get("KEY") == "new"

    def test_while_an_earlier_refusal_is_answered(self, pool: ThreadPoolExecutor) -> None:
        """Whoever refuses a value while it is being refetched, and gets the same one, asks once more."""
        register = Register(KEY="old")
        resolver = Resolver([register])
        old = resolver.get("KEY")
        held = register.hold()
        early = pool.submit(resolver.reject, old)
        assert held.arrived.wait(PATIENCE)
        register.values["KEY"] = "new"
        late = [pool.submit(resolver.reject, old) for _ in range(3)]
        wait_for(lambda: joined(resolver) == 3)
        held.released.set()
        assert early.result(PATIENCE) == "old"
        assert [one.result(PATIENCE) for one in late] == ["new"] * 3
        assert register.calls == 3

    def test_of_a_value_behind_a_pointer_that_has_moved(self) -> None:
        """The pointer is read anew with what it points at."""
        register = Register(front="ref+register://old", old="one", new="two")
        register.follows = True
        resolver = Resolver([register])
        secret = resolver.get("register://front")
        register.values["front"] = "ref+register://new"
        assert resolver.reject(secret) == "two"


class TestInvalidate:
    """The same after news of a change."""

    def test_of_a_name_that_is_being_read(self, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where its pointer leads is not known yet; the next read asks there all the same."""
        monkeypatch.setenv("KEY", "ref+register://there")
        register = Register(there="old")
        resolver = Resolver(["env", register])
        held = register.hold()
        early = pool.submit(resolver.get, "KEY")
        assert held.arrived.wait(PATIENCE)
        register.values["there"] = "new"
        resolver.invalidate("KEY")
        late = pool.submit(resolver.get, "KEY")
        assert late.result(PATIENCE) == "new"
        held.released.set()
        assert early.result(PATIENCE) == "old"
        assert resolver.get("KEY") == "new"

    def test_of_a_name_that_nobody_has_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A name that leads to a document that was read by another name is read anew."""
        monkeypatch.setenv("KEY", "ref+register://there")
        register = Register(there="old")
        resolver = Resolver(["env", register])
        resolver.get("register://there")
        register.values["there"] = "new"
        resolver.invalidate("KEY")
        assert resolver.get("KEY") == "new"
        assert resolver.get("KEY") == "new"
        assert register.calls == 2

    def test_what_is_noted_is_bounded(self) -> None:
        """Names that are invalidated and never read again do not add up."""
        resolver = Resolver([Register(KEY="v")], max_entries=4)
        for number in range(50):
            resolver.invalidate(f"N{number}")
        assert len(resolver._engine.state._floors) == 4


def joined(resolver: Resolver) -> int:
    """How many readers wait for the call under way for KEY."""
    (berth,) = resolver._engine.state.flights._berths.values()
    return len(berth.aloft[-1]._callbacks)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what other threads do."""
    for _ in range(5000):
        if condition():
            return
        Event().wait(0.001)
    raise AssertionError("it has not happened")
