"""When a driver is told to go on no more with what it holds: never for a refresh, once where a new value is wanted."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ProviderResponseError, ProviderUnavailable
from secretsource.providers.base import Failed, FailureCode, SecretRef
from secretsource.testing import ScriptedAsyncProvider, ScriptedBatchProvider, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import Shell, ShellKind

    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]

KEY = SecretRef("scripted", "KEY")


def test_reading_and_refreshing(kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
    """A first read, a refresh in the background and one that is waited for may prolong what is held."""
    provider = kind.provider({"KEY": "one"})
    shell = new_shell(provider, ttl=100, max_stale=1000)
    shell.get("KEY")
    for seconds in (90, 300):
        clock.advance(seconds)
        shell.get("KEY")
        shell.landed()
    assert (provider.calls, provider.discarded) == (3, [])


def test_thawing(new_shell: NewShell, kind: ShellKind, clock: FakeClock) -> None:
    """A process that was frozen asks again, and nobody has refused anything."""
    provider = kind.provider({"KEY": "one"})
    shell = new_shell(provider)
    shell.get("KEY")
    clock.freeze(60)
    shell.get("KEY")
    assert (provider.calls, provider.discarded) == (2, [])


@pytest.mark.parametrize("how", ["reject", "fresh", "invalidate"])
def test_a_new_value_is_wanted(how: str, kind: ShellKind, new_shell: NewShell) -> None:
    """The document, not its field, is discarded before the call; the next read has what it brought."""
    provider = kind.provider({"KEY": ['{"password": "one"}', '{"password": "two"}']})
    shell = new_shell(provider)
    old = shell.get("KEY#password")
    if how == "reject":
        assert shell.reject(old) == "two"
    elif how == "fresh":
        assert shell.get("KEY#password", fresh=True) == "two"
    else:
        shell.invalidate("KEY#password")
        assert provider.discarded == []
    assert shell.get("KEY#password") == "two"
    assert (provider.calls, provider.discarded) == (2, [KEY])


def test_another_reader_comes_first(new_shell: NewShell, kind: ShellKind) -> None:
    """After a refusal it is the next call that counts, whoever makes it, and it alone."""
    provider = kind.provider({"KEY": ["one", "two"]})
    shell = new_shell(provider)
    shell.engine.state.refuse(shell.get("KEY"))
    assert shell.get("KEY") == "two"
    assert shell.get("KEY") == "two"
    assert provider.discarded == [KEY]


def test_an_outage(new_shell: NewShell, kind: ShellKind, clock: FakeClock) -> None:
    """Until there is a new value, every further call asks for one."""
    provider = kind.provider({"KEY": ["one", Failed(FailureCode.UNAVAILABLE), "two"]})
    shell = new_shell(provider)
    old = shell.get("KEY")
    with pytest.raises(ProviderUnavailable):
        shell.reject(old)
    clock.advance(1)
    assert shell.get("KEY") == "two"
    assert provider.discarded == [KEY, KEY]


async def test_many_discard_once(clock: FakeClock) -> None:
    """Those who join the call of another do not discard what it brings."""
    provider = ScriptedAsyncProvider({"KEY": ["one", "two"]})
    resolver = AsyncResolver([provider], clock=clock)
    secret = await resolver.get("KEY")
    rejected = [resolver.reject(secret) for _ in range(8)]
    fresh = [resolver.get("KEY", fresh=True) for _ in range(8)]
    assert set(await asyncio.gather(*rejected, *fresh)) == {"two"}
    assert (provider.calls, provider.discarded) == (2, [KEY])


def test_a_refresh_under_way_will_not_do(clock: FakeClock) -> None:
    """Who wants a new value does not join a call that may only prolong the old one."""
    provider = ScriptedProvider({"KEY": ["one", "one, prolonged", "two"]})
    resolver = Resolver([provider], ttl=100, clock=clock)
    resolver.get("KEY")
    clock.advance(90)
    with provider.hold() as gate, ThreadPoolExecutor(1) as pool:
        resolver.get("KEY")
        gate.entered.wait(30)
        fresh = pool.submit(resolver.get, "KEY", fresh=True)
        while gate.arrivals < 2:
            pass
        gate.open()
        assert fresh.result(30) in {"one, prolonged", "two"}
    assert (provider.calls, provider.discarded) == (3, [KEY])


def test_a_batch(new_shell: NewShell) -> None:
    """Of several documents asked for together, those are discarded of which a new value is wanted."""
    provider = ScriptedBatchProvider({"A": "a", "B": "b"})
    resolver = Resolver([provider])
    resolver.get("A")
    resolver.invalidate("A")
    resolver.get_many(["A", "B"])
    assert len(provider.batches) == 1
    assert provider.discarded == [SecretRef("scripted", "A")]


def test_a_driver_that_cannot(kind: ShellKind, new_shell: NewShell) -> None:
    """One that raises when it is told so has failed, as one that raises when it is asked."""

    class Stubborn(kind.provider):  # type: ignore[misc, name-defined]
        def discard(self, ref: SecretRef) -> None:
            raise ZeroDivisionError("bug")

    shell = new_shell(Stubborn({"KEY": "one"}))
    with pytest.raises(ProviderResponseError, match="ZeroDivisionError"):
        shell.get("KEY", fresh=True)
