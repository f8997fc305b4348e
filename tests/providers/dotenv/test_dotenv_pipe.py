"""A `.env` that is a named pipe, as a password manager makes one."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from secretsource.providers._dotenv import pipe as pipe_module
from secretsource.providers.base import Failed, FailureCode, Found, SecretRef
from secretsource.providers.dotenv import DotenvProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from secretsource.providers.base import Outcome

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file")


def fetch(provider: DotenvProvider, name: str = "TOKEN", timeout: float = 10) -> Outcome:
    return provider.fetch(SecretRef("dotenv", name), timeout=timeout)


def value(outcome: Outcome) -> object:
    assert isinstance(outcome, Found), outcome
    return outcome.value


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A named pipe."""
    path = tmp_path / ".env"
    os.mkfifo(path)
    return path


@pytest.fixture
def write(path: Path) -> Iterator[Callable[..., Thread]]:
    """Write to the pipe in a thread, once somebody reads; a writer that is left is let go at the end."""
    threads: list[Thread] = []

    def begin(text: str) -> Thread:
        def work() -> None:
            with suppress(BrokenPipeError), path.open("w") as opened:  # its reader may have had enough
                opened.write(text)

        threads.append(Thread(target=work))
        threads[-1].start()
        return threads[-1]

    yield begin
    for thread in threads:
        while thread.is_alive():
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            thread.join(0.01)


def test_read_once(path: Path, write: Callable[..., Thread]) -> None:
    """All names come from one reading, also in the child of a fork; after ``close`` the pipe is read again."""
    provider = DotenvProvider(str(path), pipe=True)
    first = write("TOKEN=one\nOTHER=two\n")
    assert (value(fetch(provider)), value(fetch(provider, "OTHER"))) == ("one", "two")
    first.join(30)
    provider.reset()
    assert value(fetch(provider)) == "one"
    provider.close()
    write("TOKEN=three\n")
    assert value(fetch(provider)) == "three"


def test_read_by_many_threads_once(path: Path, write: Callable[..., Thread]) -> None:
    """Threads that come together share one reading."""
    provider = DotenvProvider(str(path), pipe=True)
    write("TOKEN=one\n")
    with ThreadPoolExecutor(8) as pool:
        assert {value(outcome) for outcome in pool.map(lambda _: fetch(provider), range(8))} == {"one"}


def test_another_pipe_in_its_place(path: Path, write: Callable[..., Thread]) -> None:
    """A pipe that was made anew is read anew."""
    provider = DotenvProvider(str(path), pipe=True)
    write("TOKEN=one\n").join(0)
    assert value(fetch(provider)) == "one"
    os.mkfifo(path.with_name("new"))
    path.with_name("new").replace(path)
    write("TOKEN=two\n")
    assert value(fetch(provider)) == "two"


def test_a_pipe_that_nobody_writes_to(path: Path) -> None:
    """The time that is given is kept, and says that the writer did not come."""
    failure = failed(fetch(DotenvProvider(str(path), pipe=True), timeout=0.05))
    assert failure.code is FailureCode.TIMEOUT


def test_a_writer_that_stops_halfway(path: Path) -> None:
    """A part of the text is never taken for the whole."""
    started, enough = Event(), Event()

    def work() -> None:
        with path.open("w") as opened:
            opened.write("TOKEN=ha")
            opened.flush()
            started.set()
            enough.wait(30)

    thread = Thread(target=work)
    thread.start()
    failure = failed(fetch(DotenvProvider(str(path), pipe=True), timeout=0.2))
    assert failure.code is FailureCode.TIMEOUT
    assert started.wait(30)
    enough.set()
    thread.join(30)


def test_a_writer_without_a_word(path: Path, write: Callable[..., Thread]) -> None:
    """A pipe that is closed with nothing in it is a fault, and no file without names."""
    write("")
    assert failed(fetch(DotenvProvider(str(path), pipe=True))).code is FailureCode.UNAVAILABLE


def test_a_writer_without_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than the limit is read, and the end is not waited for."""
    monkeypatch.setattr(pipe_module, "LIMIT", 1000)

    def work() -> None:
        with suppress(BrokenPipeError), path.open("w") as opened:
            while True:
                opened.write("TOKEN=" + "x" * 1000)

    thread = Thread(target=work)
    thread.start()
    assert failed(fetch(DotenvProvider(str(path), pipe=True), timeout=5)).code is FailureCode.MALFORMED
    thread.join(30)
    assert not thread.is_alive()


def test_a_malformed_text(path: Path, write: Callable[..., Thread]) -> None:
    """A wrong line is told as in any file, and the next reading may be right."""
    write("TOKEN='canary\n")
    provider = DotenvProvider(str(path), pipe=True)
    failure = failed(fetch(provider))
    assert failure.code is FailureCode.MALFORMED
    assert "canary" not in repr(failure)
    write("TOKEN=one\n")
    assert value(fetch(provider)) == "one"


def test_a_refusal_does_not_touch_the_pipe(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the setting nothing is opened, so that the writer is not broken; the sentence names the setting."""
    opened: list[object] = []
    monkeypatch.setattr(os, "open", lambda *arguments, **_: opened.append(arguments))
    failure = failed(fetch(DotenvProvider(str(path))))
    assert (failure.code, opened) == (FailureCode.MISCONFIGURED, [])
    assert "pipe = true" in str(failure.remedy)


def test_a_pipe_is_not_written_to(path: Path) -> None:
    """A value is not put into a pipe, whatever the setting."""
    written = DotenvProvider(str(path), pipe=True).store(SecretRef("dotenv", "TOKEN"), "x", timeout=1)
    assert isinstance(written, Failed)
