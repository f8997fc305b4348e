"""What the tests of the issuing half share: a clock that obeys, one store, and keys over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import StoreError
from secretsource.issuing import ApiKeys, Rejected
from secretsource.stores.memory import MemoryStore
from secretsource.testing.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secretsource.issuing import Reason
    from secretsource.stores.base import Change, KeyChange

PEPPER = "a pepper of the tests, long enough"
OLD_PEPPER = "the pepper before it, long enough"


class CountingStore(MemoryStore):
    """A memory store that notes the names of the questions it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name in {"get", "revision", "find", "update", "insert", "rotate", "record_uses"}:
            object.__getattribute__(self, "asked").append(name)
        return super().__getattribute__(name)


class DeafStore(MemoryStore):
    """A store that tells nobody of changes, as a database without NOTIFY."""

    def subscribe(self, listener: Callable[[KeyChange], None]) -> Callable[[], None]:
        return lambda: None


class FailingStore(MemoryStore):
    """A store that fails on some keys."""

    on: frozenset[str] = frozenset()

    def update(self, change: Change) -> bool:
        """Store a change, unless the key is one of them."""
        if change.record.key_id in self.on:
            raise StoreError("the disk is full")
        return super().update(change)


def reason(verdict: object) -> Reason | None:
    """Why a key was refused; None for one that was accepted."""
    return verdict.reason if isinstance(verdict, Rejected) else None


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until a test moves it."""
    return FakeClock()


@pytest.fixture
def store() -> CountingStore:
    """An empty store, which several `ApiKeys` may share as processes share a database."""
    return CountingStore()


@pytest.fixture
def make_keys(store: CountingStore, clock: FakeClock) -> Iterator[Callable[..., ApiKeys]]:
    """Make an `ApiKeys` over the store; each is closed after the test."""
    made: list[ApiKeys] = []

    def make(**settings: Any) -> ApiKeys:
        given: dict[str, Any] = {"store": store, "peppers": [PEPPER], "clock": clock, **settings}
        made.append(ApiKeys(**given))
        return made[-1]

    yield make
    for keys in made:
        keys.close()


@pytest.fixture
def keys(make_keys: Callable[..., ApiKeys]) -> ApiKeys:
    """Keys over the store, with one pepper."""
    return make_keys()
