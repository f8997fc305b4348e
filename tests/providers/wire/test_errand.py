"""Slow work that one thread does, and for which each caller waits until a deadline of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from threading import Event, Thread
from time import monotonic

import pytest
from tests.forks import is_right_in_child, needs_fork

from secretsource.providers._wire.errand import LOST, Errands, NoThread

SOON, LATE = 0.05, 10.0


class Deadline(float):
    """A deadline that tells when a caller begins to wait for it, and so has joined the work."""

    awaited: Event

    def __sub__(self, now: float) -> float:
        self.awaited.set()
        return float(self) - now


def test_whoever_comes_meanwhile_waits_for_the_same_work() -> None:
    """Work under one key runs once for all who ask while it runs, and again for who asks afterwards."""
    errands, go, runs = Errands(), Event(), list[int]()

    def work() -> int:
        runs.append(1)
        assert go.wait(LATE)
        return len(runs)

    first = errands.begin("key", work)
    assert all(errands.begin("key", work) is first for _ in range(7))
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(first.done.wait, LATE) for _ in range(8)]
        go.set()
        assert all(each.result() for each in waiting)
    assert first.results == [1]
    assert errands.result("key", work, monotonic() + LATE) == 2


def test_each_waits_until_its_own_deadline() -> None:
    """Who gives up leaves the work running, and who waits longer gets what it gives."""
    errands, go, runs = Errands(), Event(), list[int]()

    def work() -> str:
        runs.append(1)
        assert go.wait(LATE)
        return "done"

    for _ in range(3):
        with pytest.raises(TimeoutError):
            errands.result("key", work, monotonic() + SOON)
    with ThreadPoolExecutor(1) as threads:
        latest = Deadline(monotonic() + LATE)
        latest.awaited = Event()
        waiting = threads.submit(errands.result, "key", work, latest)
        assert latest.awaited.wait(LATE)
        go.set()
        assert waiting.result() == "done"
    assert runs == [1]


def test_join_waits_for_what_runs() -> None:
    """Joining waits until the deadline, or until the work has ended, and not at all where nothing runs."""
    errands, go = Errands(), Event()
    errands.join("key", monotonic())
    errand = errands.begin("key", lambda: go.wait(LATE))
    with pytest.raises(TimeoutError):
        errands.join("key", monotonic() + SOON)
    go.set()
    errands.join("key", monotonic() + LATE)
    assert errand.done.wait(LATE)
    errands.join("key", monotonic())


def test_stuck_work_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that has not ended after a minute is begun anew by who comes next, and its late end changes nothing."""
    errands, go, now = Errands(), Event(), [0.0]
    monkeypatch.setattr("secretsource.providers._wire.errand.monotonic", lambda: now[0])
    stuck = errands.begin("key", lambda: go.wait(LATE))
    now[0] = LOST
    assert errands.begin("key", lambda: True) is stuck
    now[0] += 1
    other = errands.begin("key", lambda: go.wait(LATE))
    assert other is not stuck
    go.set()
    assert stuck.done.wait(LATE)
    assert other.done.wait(LATE)
    assert errands.result("key", lambda: "new", now[0] + LATE) == "new"


@pytest.mark.parametrize(("fault", "seen"), [(RuntimeError, NoThread), (KeyboardInterrupt, KeyboardInterrupt)])
def test_work_without_a_thread_has_not_begun(
    fault: type[BaseException], seen: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no thread can be started, the caller learns of it at once, and the next caller does not wait for it."""

    def refuse(_: Thread) -> None:
        raise fault

    errands = Errands()
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        with pytest.raises(seen):
            errands.result("key", lambda: "never", monotonic() + LATE)
    errands.join("key", monotonic())
    assert errands.result("key", lambda: "now", monotonic() + LATE) == "now"


def test_exception_is_for_those_who_waited() -> None:
    """What the work raises is raised to who waits, and the next caller tries anew."""
    errands = Errands()

    def fail() -> str:
        raise LookupError("no")

    with pytest.raises(LookupError):
        errands.result("key", fail, monotonic() + LATE)
    assert errands.result("key", lambda: "yes", monotonic() + LATE) == "yes"


def test_keys_are_independent() -> None:
    """Work under another key does not wait."""
    errands, go = Errands(), Event()
    errands.begin("slow", lambda: go.wait(LATE))
    assert errands.result("quick", lambda: 1, monotonic() + LATE) == 1
    go.set()


def test_work_runs_in_the_context_of_who_began_it() -> None:
    """Context variables, by which the log is kept silent, hold in the thread as well."""
    silent: ContextVar[bool] = ContextVar("silent", default=False)
    silent.set(True)
    assert Errands().result("key", silent.get, monotonic() + LATE)


@needs_fork
def test_child_of_a_fork_begins_anew() -> None:
    """What the parent's thread was doing is not waited for in the child, nor is a lock that was held meanwhile."""
    errands, go = Errands(), Event()
    errands.begin("key", lambda: go.wait(LATE))
    with errands._lock:
        right = is_right_in_child(lambda: errands.result("key", lambda: "mine", monotonic() + LATE) == "mine")
    go.set()
    assert right
