"""The memory stores keep the contract."""

from __future__ import annotations

from typing import ClassVar

import pytest

from secretsource.stores.base import KeyQuery
from secretsource.stores.memory import AsyncMemoryStore, MemoryStore
from secretsource.testing import AsyncStoreConformance, AsyncStoreHarness, StoreConformance, StoreHarness
from secretsource.testing._stores.samples import new, record
from secretsource.testing.store_harness import STORE_FAULTS

NO_DATABASE = "a dict in this process has nothing that could fail"


class MemoryHarness(StoreHarness):
    """One store, which everybody shares."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def open(self) -> MemoryStore:
        return self.store


class AsyncMemoryHarness(AsyncStoreHarness):
    """One store, which everybody shares."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def open(self) -> AsyncMemoryStore:
        return AsyncMemoryStore(self.store)


class TestMemoryStore(StoreConformance):
    """Every case, except for faults."""

    impossible: ClassVar = dict.fromkeys(STORE_FAULTS, NO_DATABASE)

    @pytest.fixture
    def harness(self) -> MemoryHarness:
        """An empty memory."""
        return MemoryHarness()


class TestAsyncMemoryStore(AsyncStoreConformance):
    """Every case, except for faults."""

    impossible: ClassVar = dict.fromkeys(STORE_FAULTS, NO_DATABASE)

    @pytest.fixture
    def harness(self) -> AsyncMemoryHarness:
        """An empty memory."""
        return AsyncMemoryHarness()


def test_no_new_key_takes_the_place_of_another_in_its_batch() -> None:
    """Callers must not do this; if one does, nothing is stored, and nothing is lost."""
    store = MemoryStore()
    twice = record(1).key_id
    assert store.insert([new(1), new(2), new(1)]) == {twice}
    assert store.list(KeyQuery()).records == []
