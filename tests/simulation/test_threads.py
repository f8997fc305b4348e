"""The same promises by real threads that change places all the time: no order is drawn here, so many are tried."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Lock
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ProviderDenied, ProviderUnavailable
from secretsource.providers.base import Failed, FailureCode, Found, Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretsource.providers.base import Outcome, SecretRef

ROUNDS = 250
THREADS = 6
TURNS = 40
K = "counter://K"
DENIED = Failed(FailureCode.DENIED)


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Threads change places after a microsecond, and not after five milliseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Counter(Provider):
    """A place whose value is a number that only grows; a call reads it, and takes a moment on both sides.

    Attributes:
        value: The number.
        most: Most calls that were ever under way at once.
    """

    scheme: ClassVar[str] = "counter"

    def __init__(self) -> None:
        super().__init__()
        self.value = 0
        self.calls = 0
        self.denied = False
        self.most = self._under_way = 0
        self._lock = Lock()

    def put(self) -> None:
        with self._lock:
            self.value += 1

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        with self._lock:
            self.calls += 1
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        time.sleep(random.choice((0, 0, 0.0002)))
        with self._lock:
            value, denied = self.value, self.denied
        time.sleep(random.choice((0, 0, 0.0002)))
        with self._lock:
            self._under_way -= 1
        return DENIED if denied else Found(str(value), version=str(value))


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What acts give that all begin at once."""
    barrier = Barrier(len(acts))

    def begin(act: Callable[[], Any]) -> Any:
        barrier.wait(30)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(30) for future in [pool.submit(begin, act) for act in acts]]


def write(counter: Counter, resolver: Resolver) -> None:
    for _ in range(ROUNDS):
        counter.put()
        time.sleep(0)


def force(counter: Counter, resolver: Resolver) -> None:
    for _ in range(TURNS):
        before = counter.value
        assert int(resolver.get(K, fresh=True)) >= before
        assert int(resolver.get(K)) >= before


def force_many(counter: Counter, resolver: Resolver) -> None:
    for _ in range(TURNS):
        before = counter.value
        assert int(resolver.get_many([K], fresh=True)[K]) >= before


def force_in_a_task(counter: Counter, resolver: Resolver) -> None:
    async def ask() -> None:
        tasks = AsyncResolver.of(resolver)
        for _ in range(TURNS):
            before = counter.value
            assert int(await tasks.get(K, fresh=True)) >= before

    asyncio.run(ask())


def invalidate(counter: Counter, resolver: Resolver) -> None:
    for _ in range(TURNS):
        before = counter.value
        resolver.invalidate(K)
        assert int(resolver.get(K)) >= before


def reject(counter: Counter, resolver: Resolver) -> None:
    for _ in range(TURNS):
        secret = resolver.get(K)
        assert int(resolver.reject(secret)) >= int(secret)


def test_a_forced_read_is_not_older_than_its_begin() -> None:
    """While one thread writes, whatever others force, reject or invalidate: each forced read is at least as new."""
    counter = Counter()
    resolver = Resolver([counter], ttl=300)
    acts = (write, force, force, force_many, force_in_a_task, invalidate, reject)
    together(*(partial(act, counter, resolver) for act in acts))
    counter.put()
    assert resolver.get(K, fresh=True) == str(counter.value)
    assert not len(resolver._engine.state.flights)


def test_one_flight_a_reference() -> None:
    """Threads that need one name at once make one call, whichever comes first; so do those that refuse one value."""
    for _ in range(ROUNDS):
        counter = Counter()
        resolver = Resolver([counter])
        secrets = together(*[partial(resolver.get, K)] * THREADS)
        assert counter.calls == 1
        counter.put()
        assert together(*[partial(resolver.reject, secrets[0])] * THREADS) == ["1"] * THREADS
        assert (counter.calls, counter.most) == (2, 1)


def test_a_denial_ends_the_value() -> None:
    """Once a reader was denied, no thread gets the value by any way until the service gives it again."""
    for _ in range(ROUNDS // 2):
        counter = Counter()
        resolver = Resolver([counter])
        resolver.get(K)
        resolver.get(K)

        def deny(counter: Counter = counter, resolver: Resolver = resolver) -> None:
            counter.denied = True
            with pytest.raises(ProviderDenied):
                resolver.get(K, fresh=True)
            with pytest.raises(ProviderDenied):
                resolver.get(K)

        def read(resolver: Resolver = resolver) -> None:
            for fresh in (False, True, False):
                try:
                    resolver.get(K, fresh=fresh)
                except ProviderDenied:
                    with pytest.raises(ProviderDenied):
                        resolver.get(K)

        together(deny, read, read)
        with pytest.raises(ProviderDenied):
            resolver.get(K)


def test_nothing_past_its_bound() -> None:
    """While the provider is down, threads get the old value up to ``max_stale``, and none of them after it."""
    counter = Counter()
    resolver = Resolver([counter], ttl=0.05, revalidate=0, max_stale=0.15)
    resolver.get(K)
    born = time.monotonic()
    down = Failed(FailureCode.UNAVAILABLE)
    counter.fetch = lambda ref, *, timeout: down  # type: ignore[method-assign]

    def read() -> None:
        while (asked := time.monotonic()) - born < 0.3:
            served = resolver_gives(resolver)
            assert asked - born < 0.15 or not served

    together(*[read] * THREADS)
    assert not resolver_gives(resolver)


def resolver_gives(resolver: Resolver) -> bool:
    """Whether there is a value to be had."""
    try:
        resolver.get(K)
    except ProviderUnavailable:
        return False
    return True
