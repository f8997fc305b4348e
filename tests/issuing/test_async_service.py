"""`AsyncApiKeys`: the same names, the same logic, on an event loop."""

from __future__ import annotations

import asyncio
import gc
import inspect
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import override
from secretsource._ground.flow import arun, run
from secretsource.exceptions import ConfigurationError, InvalidKey, InvalidTransition, KeyNotFound, StoreError
from secretsource.issuing import NO_SCOPE, ApiKeys, AsyncApiKeys, KeyFormat, Reason, Rejected, Status
from secretsource.stores.memory import AsyncMemoryStore

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing.clock import FakeClock

PEPPER = "a pepper of the tests, long enough"


def keys_over(clock: FakeClock, **settings: Any) -> AsyncApiKeys:
    """Keys over a new store."""
    return AsyncApiKeys(settings.pop("store", AsyncMemoryStore()), peppers=[PEPPER], clock=clock, **settings)


def public(kind: type) -> dict[str, Any]:
    """Public methods and their parameters, but for the context manager's."""
    return {
        name: inspect.signature(member).parameters
        for name, member in inspect.getmembers(kind, callable)
        if not name.startswith("_")
    }


def test_both_shells_have_the_same_methods_and_parameters() -> None:
    """What one learns for threads holds for an event loop, with a store of its kind.

    Only those that wait for nothing, and `export`, which is iterated, are no coroutines.
    """
    assert public(ApiKeys).keys() == public(AsyncApiKeys).keys()
    for name, parameters in public(ApiKeys).items():
        ours = [str(each).replace("AsyncKeyStore", "KeyStore") for each in public(AsyncApiKeys)[name].values()]
        assert [*map(str, parameters.values())] == ours, name
    plain = [name for name in public(AsyncApiKeys) if not inspect.iscoroutinefunction(getattr(AsyncApiKeys, name))]
    assert plain == ["export", "glance", "health", "on_event", "whose"]
    assert inspect.isasyncgenfunction(AsyncApiKeys.export)


async def test_a_key_lives_its_life(clock: FakeClock) -> None:
    """Issue, check, rotate, finish, disable, enable, revoke, surrender, list, events."""
    async with keys_over(clock) as keys:
        issued = await keys.issue(owner="acme", scopes=["a:b"], rate_limit="100/minute")
        for fresh in (False, False, True):
            assert await keys.check(issued.plaintext, scope="a:b", fresh=fresh)
        assert (await keys.verify(issued.plaintext, scope="a:b")).owner == "acme"
        assert keys.whose(issued.plaintext) == (2, "acme", "acme")
        rotated = await keys.rotate(issued.record.key_id, overlap=60)
        assert rotated.plaintext is not None
        assert await keys.check(issued.plaintext, scope="a:b", ip="10.0.0.1", agent="curl/8")
        assert [*(await keys.rotation_status(issued.record.key_id)).usage.agents] == ["curl/8"]
        with pytest.raises(InvalidTransition, match="still in use"):
            await keys.finish_rotation(issued.record.key_id, quiet_for=5)
        assert (await keys.finish_rotation(issued.record.key_id)).status is Status.REVOKED
        assert not await keys.check(issued.plaintext, scope="a:b")
        key_id = rotated.successor.key_id
        assert (await keys.disable(key_id)).status is Status.DISABLED
        assert (await keys.enable(key_id)).status is Status.ACTIVE
        assert (await keys.surrender(rotated.plaintext)).status is Status.REVOKED
        assert (await keys.revoke(key_id)).revision == 4
        [third, fourth] = await keys.issue_many([{"owner": "acme"}, {"owner": "acme"}])
        assert [each.key_id for each in await keys.revoke_all(owner="acme")] == sorted(
            [third.record.key_id, fourth.record.key_id]
        )
        assert len((await keys.list(owner="acme")).records) == 4
        assert len(await keys.events(key_id)) == 4
        assert (await keys.get(key_id)).revision == 4
        assert await keys.count_by_pepper() == {}


async def test_what_is_wrong_is_raised_where_it_was_asked(clock: FakeClock) -> None:
    """The errors of the threads' shell."""
    async with keys_over(clock) as keys:
        with pytest.raises(KeyNotFound):
            await keys.get("0" * 22)
        with pytest.raises(InvalidKey):
            await keys.verify("junk", scope=NO_SCOPE)
        with pytest.raises(InvalidKey):
            await keys.surrender("junk")
        with pytest.raises(InvalidKey):
            await keys.surrender(KeyFormat().mint("sk", "live", keys._operations._locator("acme")))


async def test_a_store_that_is_down_is_a_value(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that an awaited call raises reaches the step that waited for it."""
    store = AsyncMemoryStore()
    async with keys_over(clock, store=store) as keys:
        issued = await keys.issue(owner="acme")

        async def fail(_: str) -> None:
            raise StoreError("down")

        with monkeypatch.context() as down:
            down.setattr(store, "get", fail)
            verdict = await keys.check(issued.plaintext, scope=NO_SCOPE)
            assert isinstance(verdict, Rejected)
            assert verdict.reason is Reason.STORE_UNAVAILABLE
            with pytest.raises(StoreError):
                await keys.get(issued.record.key_id)


async def test_a_cancelled_check_leaves_nothing_half_done(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow is left at once, and the next check works."""
    store = AsyncMemoryStore()
    async with keys_over(clock, store=store) as keys:
        issued = await keys.issue(owner="acme")
        asked = asyncio.Event()

        async def hang(_: str) -> None:
            asked.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as slow:
            slow.setattr(store, "get", hang)
            task = asyncio.create_task(keys.check(issued.plaintext, scope=NO_SCOPE))
            await asked.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await keys.check(issued.plaintext, scope=NO_SCOPE)


async def test_a_flush_runs_now_and_then_and_survives_a_failure(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a task that begins with the first check and ends with `close`."""
    store = AsyncMemoryStore()
    flushed = asyncio.Event()
    real, failures = store.record_uses, [StoreError("down")]

    async def record_uses(uses: Any) -> None:
        if failures:
            raise failures.pop()
        await real(uses)
        flushed.set()

    monkeypatch.setattr(store, "record_uses", record_uses)
    async with keys_over(clock, store=store, flush_every=0.01) as keys:
        issued = await keys.issue(owner="acme")
        assert keys._chores._task is None
        assert await keys.check(issued.plaintext, scope=NO_SCOPE)
        assert await keys.check(issued.plaintext, scope=NO_SCOPE, fresh=True)
        await asyncio.wait_for(flushed.wait(), 5)
        assert keys._chores.failures == 1
        assert (await keys.get(issued.record.key_id)).last_used is not None
    assert keys._chores._task is None
    await keys.close()


async def test_keys_that_are_dropped_are_collected(clock: FakeClock) -> None:
    """The task holds its owner weakly, and ends when it is gone."""
    keys = keys_over(clock, flush_every=0.01)
    await keys.check((await keys.issue(owner="acme")).plaintext, scope=NO_SCOPE)
    task = keys._chores._task
    assert task is not None
    gone = weakref.ref(keys)
    del keys
    await asyncio.wait_for(task, 5)
    gc.collect()
    assert gone() is None


def test_a_new_event_loop_gets_a_new_task(clock: FakeClock) -> None:
    """`asyncio.run` twice, as tests and scripts do; closing after the loop is gone is no error."""
    keys = keys_over(clock)
    tasks: list[Any] = []

    async def use() -> None:
        issued = await keys.issue(owner="acme")
        assert await keys.check(issued.plaintext, scope=NO_SCOPE)
        tasks.append(keys._chores._task)

    asyncio.run(use())
    asyncio.run(use())
    assert tasks[0] is not tasks[1]
    keys._chores.end()
    assert keys._chores._task is None


async def test_open_takes_a_url() -> None:
    """The pepper is asked for without blocking the loop."""
    with override({"SECRETSOURCE_PEPPER": PEPPER}):
        keys = await AsyncApiKeys.open("memory://")
    async with keys:
        assert await keys.check((await keys.issue(owner="acme")).plaintext, scope=NO_SCOPE)
        assert repr(keys).startswith("AsyncApiKeys(AsyncMemoryStore, PepperSet(")
    with pytest.raises(ConfigurationError, match="known are"):
        await AsyncApiKeys.open("nosuch://", peppers=[PEPPER])
    with pytest.raises(ConfigurationError, match="memory://"):
        await AsyncApiKeys.open("memory://elsewhere", peppers=[PEPPER])


async def test_a_flow_runs_alike_in_both_shells() -> None:
    """Plain values and awaitables, results and errors, also an error that the flow survives."""

    async def later(value: int) -> int:
        return value

    async def broken() -> int:
        raise StoreError("down")

    def flow(first: Any, second: Any) -> Generator[Any, Any, int]:
        total: int = yield first
        try:
            total += yield second
        except StoreError:
            total = -1
        total += yield 1
        return total

    assert run(flow(1, 2)) == await arun(flow(later(1), later(2))) == await arun(flow(1, later(2))) == 4
    assert await arun(flow(1, broken())) == 0
