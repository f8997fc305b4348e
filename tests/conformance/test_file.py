"""The file provider keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.conformance.conftest import read_only

from secretsource.providers.file import FileProvider
from secretsource.testing import ProviderHarness, WritableProviderConformance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOCAL = "a local file system has no such fault"


class FileHarness(ProviderHarness):
    """Writes files into a folder."""

    def __init__(self, folder: Path, become_nobody: Callable[[], None]) -> None:
        self.provider = FileProvider(str(folder))
        self.folder = folder
        self.become_nobody = become_nobody

    def put(self, name: str, value: str | bytes) -> None:
        (self.folder / name).write_bytes(value.encode() if isinstance(value, str) else value)

    def rotate(self, name: str, value: str | bytes) -> None:
        (self.folder / name).rename(self.folder / f"{name}_PREVIOUS")
        self.put(name, value)

    def delete(self, name: str) -> None:
        (self.folder / name).unlink()

    def older_stage(self, name: str) -> str:
        return "previous"

    def deny(self) -> None:
        for path in self.folder.iterdir():
            path.chmod(0)
        self.become_nobody()

    def deny_write(self) -> None:
        read_only(self.folder)
        self.become_nobody()

    def break_response(self, planted: str) -> None:
        for path in self.folder.iterdir():
            path.write_text(planted * (1024 * 1024 // len(planted) + 1))


class TestFileProvider(WritableProviderConformance):
    """Every case that a folder of files can have."""

    impossible: ClassVar = {
        "wire": "no network is asked",
        "old_version": "a file is overwritten, and what was in it is gone",
        "throttle": LOCAL,
        "hang": LOCAL,
        "down": LOCAL,
        "heal": "no test needs it without one of these",
    }

    @pytest.fixture
    def harness(self, open_folder: Path, become_nobody: Callable[[], None]) -> FileHarness:
        """An empty folder."""
        return FileHarness(open_folder, become_nobody)
