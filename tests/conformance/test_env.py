"""The environment provider keeps the contract."""

from __future__ import annotations

from typing import ClassVar

import pytest

from secretsource.providers.env import EnvProvider
from secretsource.testing import ProviderConformance, ProviderHarness

NO_SERVICE = "the environment is part of the process, and there is no service that could fail"


class EnvHarness(ProviderHarness):
    """Sets the variables of this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.provider = EnvProvider()
        self.monkeypatch = monkeypatch

    def put(self, name: str, value: str | bytes) -> None:
        assert isinstance(value, str)
        self.monkeypatch.setenv(name, value)

    def rotate(self, name: str, value: str | bytes) -> None:
        before = self.provider.fetch(self.ref(name), timeout=1)
        self.put(name + "_PREVIOUS", getattr(before, "value"))  # noqa: B009 - a Found, as the suite has just seen
        self.put(name, value)

    def delete(self, name: str) -> None:
        self.monkeypatch.delenv(name)


class TestEnvProvider(ProviderConformance):
    """Every case that an environment can have."""

    impossible: ClassVar = {
        "wire": "no network is asked",
        "binary": "a variable cannot hold a NUL, and what is not UTF-8 is refused",
        "version": "a variable has no version",
        "old_version": "a variable has no version",
        "stage": "a variable has no label",
        "deny": "a process may read its own environment",
        "throttle": NO_SERVICE,
        "hang": NO_SERVICE,
        "break_response": NO_SERVICE,
        "down": NO_SERVICE,
        "heal": NO_SERVICE,
    }

    @pytest.fixture
    def harness(self, monkeypatch: pytest.MonkeyPatch) -> EnvHarness:
        """The environment of this process."""
        return EnvHarness(monkeypatch)
