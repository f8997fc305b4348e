"""Those who listen are told of everything, and harm nobody."""

from __future__ import annotations

import logging
import threading
from asyncio import CancelledError
from contextvars import ContextVar

import pytest
from tests.forks import is_right_in_child, needs_fork

from secretsource._ground import aside
from secretsource._ground.listeners import Listeners


def test_listeners_hear_until_they_stop() -> None:
    """Each hears each event once; there being none is the same as false."""
    listeners, first, second = Listeners[int](), list[int](), list[int]()
    assert not listeners
    stop_first, stop_second = listeners.add(first.append), listeners.add(second.append)
    listeners.tell(1)
    stop_first()
    stop_first()
    listeners.tell(2)
    assert listeners
    stop_second()
    assert (first, second, bool(listeners)) == ([1], [1, 2], False)


def test_a_listener_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """The others hear; the log has its first error and not what it says, and the rest are counted."""
    listeners, heard = Listeners[str](), list[str]()

    def fail(event: str) -> None:
        raise ValueError(event)

    listeners.add(fail)
    listeners.add(heard.append)
    with caplog.at_level(logging.WARNING, "secretsource"):
        for event in ("one", "two", "three"):
            listeners.tell(event)
    assert heard == ["one", "two", "three"]
    assert listeners.failures == 3
    assert caplog.messages == ["a listener for str raised ValueError"]


def test_a_listener_aside_harms_nobody_by_being_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears in order, in a thread that ends when it has heard all; past the bound it misses events."""
    monkeypatch.setattr(aside, "MOST_WAITING", 3)
    listeners, heard, go, began = Listeners[int](), list[int](), threading.Event(), threading.Event()

    def listen(event: int) -> None:
        began.set()
        assert go.wait(30)
        heard.append(event)

    stop = listeners.add(listen, aside=True)
    listeners.tell(0)
    assert began.wait(30)
    for event in range(1, 9):
        listeners.tell(event)
    assert heard == []
    listeners.settle(0.001)
    go.set()
    stop()
    listeners.tell(9)
    _ended()
    assert heard == [0, 1, 2, 3]


def test_a_listener_aside_hears_again_after_its_thread_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, or because it was waited for."""
    monkeypatch.setattr(aside, "IDLE", 0.001)
    listeners, heard = Listeners[int](), list[int]()
    listeners.add(heard.append, aside=True)
    for event in range(3):
        listeners.tell(event)
        _ended()
    listeners.tell(3)
    listeners.settle(10)
    assert heard == [0, 1, 2, 3]
    listeners.settle(10)
    _ended()


def test_a_listener_aside_hears_in_the_context_of_the_event() -> None:
    """So that what it tells of the request (a trace, a user) is that of the request."""
    request: ContextVar[str] = ContextVar("request", default="none")
    listeners, heard = Listeners[int](), list[str]()
    listeners.add(lambda _: heard.append(request.get()), aside=True)
    token = request.set("mine")
    listeners.tell(1)
    request.reset(token)
    listeners.tell(2)
    listeners.settle(10)
    assert heard == ["mine", "none"]


def test_a_listener_aside_that_raises_goes_on_hearing() -> None:
    """Its thread does not end."""
    listeners, heard = Listeners[int](), list[float]()
    listeners.add(lambda event: heard.append(1 / event), aside=True)
    for event in (1, 0, 2):
        listeners.tell(event)
    listeners.settle(10)
    assert (heard, listeners.failures) == ([1.0, 0.5], 1)


@pytest.mark.parametrize("ends", [SystemExit, KeyboardInterrupt, CancelledError])
def test_a_listener_aside_that_would_end_its_thread_goes_on_hearing(ends: type[BaseException]) -> None:
    """It may call `sys.exit`, or ask a task that was cancelled for its result."""
    listeners, heard = Listeners[int](), list[int]()

    def listen(event: int) -> None:
        heard.append(event)
        if event == 1:
            raise ends

    listeners.add(listen, aside=True)
    for event in (1, 2):
        listeners.tell(event)
    listeners.settle(10)
    assert (heard, listeners.failures) == ([1, 2], 1)


def test_no_threads_left_is_nothing_that_an_event_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told waits for the next event."""
    listeners, heard = Listeners[int](), list[int]()
    listeners.add(heard.append, aside=True)

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as none_left:
        none_left.setattr(threading.Thread, "start", fail)
        listeners.tell(1)
    listeners.tell(2)
    listeners.settle(10)
    assert heard == [1, 2]


@needs_fork
def test_a_forked_child_has_a_thread_of_its_own() -> None:
    """What its parent was told is its parent's to hear."""
    listeners, heard, go = Listeners[int](), list[int](), threading.Event()

    def listen(event: int) -> None:
        assert go.wait(30)
        heard.append(event)

    listeners.add(listen, aside=True)
    listeners.tell(1)
    listeners.tell(2)

    def is_right() -> bool:
        go.set()
        listeners.tell(3)
        listeners.settle(10)
        return heard == [3]

    assert is_right_in_child(is_right)
    go.set()
    listeners.settle(10)
    assert heard == [1, 2]


def _ended() -> None:
    """Wait for the threads of listeners."""
    for thread in threading.enumerate():
        if thread.name == "secretsource-listener":
            thread.join(30)
            assert not thread.is_alive()
