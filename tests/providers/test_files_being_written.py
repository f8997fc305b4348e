"""A file that another program is writing: an empty one is not an absence, and half of one is not the secret."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from secretsource import Resolver
from secretsource.providers import _regular_file as files
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef
from secretsource.providers.dotenv import DotenvProvider
from secretsource.providers.file import FileProvider
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretsource.providers.base import Outcome, Provider

TEXTS = {"file": ("", "sk_l", "sk_live_1"), "dotenv": ("", "OTHER=x\n", "OTHER=x\nTOKEN=sk_live_1\n")}
"""An emptied file, a part of it, and the whole of it."""


@pytest.fixture(params=["file", "dotenv"])
def kind(request: pytest.FixtureRequest) -> str:
    """The provider that reads."""
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file."""
    return tmp_path / "TOKEN"


@pytest.fixture
def provider(kind: str, path: Path) -> Provider:
    """The provider of that file."""
    return FileProvider(str(path.parent)) if kind == "file" else DotenvProvider(str(path))


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Let something happen while the reader waits, each time the next; the seconds that it waited."""

    def plan(*events: Callable[[], object]) -> list[float]:
        waited: list[float] = []

        def wait(seconds: float) -> None:
            waited.append(seconds)
            events[len(waited) - 1]()

        monkeypatch.setattr(files, "sleep", wait)
        monkeypatch.setattr(files, "monotonic", lambda: sum(waited))
        return waited

    return plan


def age(path: Path) -> None:
    """Let the last write be long ago."""
    os.utime(path, (1, 1))


def ask(provider: Provider, timeout: float = 5.0) -> Outcome:
    """Ask for the secret in the file."""
    return provider.fetch(SecretRef(provider.name, "TOKEN"), timeout=timeout)


def test_it_is_read_when_it_is_whole(
    kind: str, path: Path, provider: Provider, meanwhile: Callable[..., list[float]]
) -> None:
    """The reader waits for a moment after each write, and longer after one that leaves the file empty."""
    empty, part, whole = TEXTS[kind]
    path.write_text(empty)
    waited = meanwhile(lambda: path.write_text(part), lambda: path.write_text(whole), lambda: age(path))
    outcome = ask(provider)
    assert isinstance(outcome, Found), outcome
    assert outcome.value == "sk_live_1"
    assert files.CALM < waited[0] <= files.EMPTY_CALM
    assert 0.0 < waited[1] <= files.CALM


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_no_weaker_source_answers(
    kind: str, path: Path, provider: Provider, meanwhile: Callable[..., list[float]], seconds: float
) -> None:
    """A file that is not whole in time is a failure that may pass, which stops the chain."""
    path.write_text(TEXTS[kind][0])
    waited = meanwhile(*[lambda: path.write_text(TEXTS[kind][0])] * 3)
    outcome = ask(provider, timeout=seconds)
    assert isinstance(outcome, Failed), outcome
    assert outcome.code is FailureCode.UNAVAILABLE
    assert sum(waited) <= min(seconds, files.PATIENCE)
    trace = Resolver([provider, MemoryProvider({"TOKEN": "weaker"})], deadline=0.01).explain("TOKEN")
    assert [(step.provider, step.outcome) for step in trace.steps] == [(kind, "unavailable")]


def test_a_write_during_the_reading(
    kind: str, path: Path, provider: Provider, meanwhile: Callable[..., list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read while the file changed is read again, whatever the clocks say."""
    path.write_text(TEXTS[kind][1])
    age(path)
    opened: list[object] = []

    def interrupted(descriptor: int, mode: str, *, closefd: bool = True) -> object:
        opened.append(descriptor)
        if len(opened) == 1:
            path.write_text(TEXTS[kind][2])
            age(path)
        return open(descriptor, mode, closefd=closefd)

    monkeypatch.setattr(files, "open", interrupted, raising=False)
    waited = meanwhile(lambda: None)
    outcome = ask(provider)
    assert isinstance(outcome, Found), outcome
    assert (outcome.value, waited) == ("sk_live_1", [files.CALM])


@pytest.mark.parametrize("text", [0, 2])
def test_a_file_that_was_put_into_place_is_whole(
    kind: str, path: Path, provider: Provider, meanwhile: Callable[..., list[float]], text: int
) -> None:
    """Nobody waits for an old file, or for one whose name or rights changed after its last write."""
    waited = meanwhile()
    path.write_text(TEXTS[kind][text])
    age(path)
    ask(provider)
    path.write_text(TEXTS[kind][text])
    now = path.stat().st_mtime_ns
    os.utime(path, ns=(now, now - 1))
    ask(provider)
    os.utime(path, (2**31, 2**31))  # by the clock of another machine
    ask(provider)
    assert waited == []
