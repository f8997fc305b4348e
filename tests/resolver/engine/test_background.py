"""The few threads that refresh."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Event, Thread
from threading import enumerate as threads
from typing import TYPE_CHECKING, Any

import pytest
from tests.waiting import wait_until

from secretsource import Resolver
from secretsource.resolver._engine.background import MAX_THREADS, Background
from secretsource.testing import FakeClock, ScriptedProvider

if TYPE_CHECKING:
    pass


def test_bounded() -> None:
    """However many jobs wait, a bounded number of threads runs; all jobs are done in the end."""
    background, go_on, done = Background(idle_seconds=0.05), Event(), []

    def job() -> None:
        go_on.wait(30)
        done.append(1)

    for _ in range(MAX_THREADS + 4):
        assert background.submit(job)
    assert background.threads == MAX_THREADS
    go_on.set()
    wait_until(lambda: len(done) == MAX_THREADS + 4)
    wait_until(lambda: background.threads == 0)


def test_a_thread_that_is_idle_is_used() -> None:
    """One after the other needs one thread."""
    background = Background(idle_seconds=5)
    for _ in range(5):
        done = Event()
        background.submit(done.set)
        assert done.wait(30)
        wait_until(lambda: len(background._idle) == 1)
    assert background.threads == 1


def test_it_is_a_daemon() -> None:
    """It does not hold up the end of the interpreter, and is called by its purpose."""
    background, go_on = Background(idle_seconds=0.01), Event()
    background.submit(lambda: go_on.wait(30))
    (thread,) = [thread for thread in threads() if thread.name == "secretsource-refresh" and thread.is_alive()][-1:]
    assert thread.daemon
    go_on.set()


@pytest.mark.parametrize("fault", [SystemExit(1), KeyboardInterrupt(), ValueError("bug")], ids=repr)
def test_a_job_that_raises(fault: BaseException) -> None:
    """It harms neither its thread nor the jobs after it."""
    background, done = Background(idle_seconds=0.05), Event()

    def fail() -> None:
        raise fault

    for _ in range(10):
        background.submit(fail)
    background.submit(done.set)
    assert done.wait(30)
    wait_until(lambda: background.threads == 0)


def test_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any thread a job is refused; with one, it waits for that one."""
    background, go_on, done = Background(idle_seconds=0.05), Event(), Event()
    start = Thread.start

    def refuse(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", refuse)
    assert not background.submit(done.set)
    monkeypatch.setattr(Thread, "start", start)
    assert background.submit(lambda: go_on.wait(30))
    wait_until(lambda: not background._jobs)
    monkeypatch.setattr(Thread, "start", refuse)
    assert background.submit(done.set)
    go_on.set()
    assert done.wait(30)


def test_an_interpreter_without_daemon_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside of another interpreter, a thread of this kind may not even be made; a read goes on."""

    def refuse(**_: object) -> Thread:
        raise RuntimeError("daemon threads are disabled in this (sub)interpreter")

    clock = FakeClock()
    resolver = Resolver([ScriptedProvider({"A": ["old", "new"]})], clock=clock, ttl=100, jitter=0)
    assert resolver.get("A") == "old"
    clock.advance(85)
    monkeypatch.setattr("secretsource.resolver._engine.background.Thread", refuse)
    assert resolver.get("A") == "old"
    assert resolver.get("A", fresh=True) == "new"


def test_a_signal_handler_takes_the_last_idle_thread() -> None:
    """A handler that submits in the middle of a submission harms neither job."""
    background, done, both = Background(idle_seconds=0.05), Event(), Event()

    class Struck(SimpleQueue[Any]):
        """The inbox of an idle thread, whose submitter is struck as it puts a job into it."""

        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            assert background.submit(done.set)
            super().put(item)

    inbox = Struck()
    background._idle.append(inbox)
    assert background.submit(both.set)
    assert done.wait(30)
    assert inbox.get_nowait() == both.set
    assert background._idle == []


def test_a_job_does_not_wait_for_its_submitter() -> None:
    """A thread that has been struck in a submission may wait for a job of its handler: both have one lock."""
    background, first, second = Background(idle_seconds=5), Event(), Event()
    background.submit(first.set)
    assert first.wait(30)
    wait_until(lambda: background._idle)
    with background._lock:
        assert background.submit(second.set)
        assert second.wait(30)
