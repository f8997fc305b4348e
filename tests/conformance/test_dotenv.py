"""The dotenv provider keeps the contract."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.conformance.conftest import read_only

from secretsource.providers.base import Failed, FailureCode, SecretRef
from secretsource.providers.dotenv import DotenvProvider
from secretsource.testing import ProviderHarness, WritableProviderConformance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCAL = "a local file system has no such fault"


class DotenvHarness(ProviderHarness):
    """Writes one file of quoted values."""

    def __init__(self, path: Path, become_nobody: Callable[[], None]) -> None:
        self.provider = DotenvProvider(str(path))
        self.path = path
        self.become_nobody = become_nobody
        self.values: dict[str, str] = {}

    def put(self, name: str, value: str | bytes) -> None:
        assert isinstance(value, str)
        self.values[name] = value
        self.write()

    def rotate(self, name: str, value: str | bytes) -> None:
        self.values[f"{name}_PREVIOUS"] = self.values[name]
        self.put(name, value)

    def delete(self, name: str) -> None:
        del self.values[name]
        self.write()

    def deny(self) -> None:
        self.path.chmod(0)
        self.become_nobody()

    def deny_write(self) -> None:
        read_only(self.path.parent)
        self.become_nobody()

    def break_response(self, planted: str) -> None:
        self.path.write_text(f"FINE=1\nCONFORMANCE_TOKEN='{planted}\n")

    def write(self) -> None:
        quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in self.values.items()}
        self.path.write_text("".join(f"{name}='{value}'\n" for name, value in quoted.items()), encoding="utf-8")


class TestDotenvProvider(WritableProviderConformance):
    """Every case that one file of text can have."""

    impossible: ClassVar = {
        "wire": "no network is asked",
        "binary": "the file is text",
        "version": "all names share one file, and so its times",
        "old_version": "the file is overwritten, and what was in it is gone",
        "stage": "a line has no label",
        "throttle": LOCAL,
        "hang": LOCAL,
        "down": LOCAL,
        "heal": "no test needs it without one of these",
    }

    @pytest.fixture
    def harness(self, open_folder: Path, become_nobody: Callable[[], None]) -> DotenvHarness:
        """A file that is not there yet."""
        return DotenvHarness(open_folder / "settings.env", become_nobody)


def test_a_folder_that_may_not_be_entered_is_not_an_absence(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, become_nobody: Callable[[], None]
) -> None:
    """A ``.env`` that cannot even be looked for stops the chain, as one that cannot be read does."""
    monkeypatch.chdir(open_folder)
    open_folder.chmod(0)
    become_nobody()
    outcome = DotenvProvider().fetch(SecretRef("dotenv", "TOKEN"), timeout=1)
    os.seteuid(os.getuid())
    open_folder.chmod(0o700)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.DENIED
