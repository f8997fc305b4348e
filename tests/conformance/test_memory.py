"""The memory provider keeps the contract."""

from __future__ import annotations

from typing import ClassVar

import pytest

from secretsource.providers.memory import MemoryProvider
from secretsource.testing import ProviderHarness, WritableProviderConformance

NO_SERVICE = "a dict in this process has no service that could fail"


class MemoryHarness(ProviderHarness):
    """Fills the provider through its own `put`, which is its only way in."""

    def __init__(self) -> None:
        self.memory = MemoryProvider()
        self.provider = self.memory

    def put(self, name: str, value: str | bytes) -> None:
        self.memory.put(name, value)

    def delete(self, name: str) -> None:
        self.memory.delete(name)

    def older_stage(self, name: str) -> str:
        return "previous"


class TestMemoryProvider(WritableProviderConformance):
    """Every case, except for faults that a dict cannot have."""

    impossible: ClassVar = {
        "wire": "no network is asked",
        "deny": "a dict has no permissions",
        "deny_write": "a dict has no permissions",
        "throttle": NO_SERVICE,
        "hang": NO_SERVICE,
        "break_response": NO_SERVICE,
        "down": NO_SERVICE,
        "heal": NO_SERVICE,
    }

    @pytest.fixture
    def harness(self) -> MemoryHarness:
        """An empty memory."""
        return MemoryHarness()
