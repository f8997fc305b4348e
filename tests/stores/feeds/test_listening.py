"""The thread that listens outlives whatever is thrown at it, and says whether it hears."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from secretsource.stores._feed.listening import Listening
from secretsource.stores._feed.news import GAP
from secretsource.stores.base import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "hunter2-of-the-error"
FAULTS = [ValueError(SECRET), OSError(SECRET), RecursionError(SECRET), KeyError(SECRET), MemoryError(SECRET)]


class Driver:
    """Hears what a test wants it to hear."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.fault: Exception | None = None
        self.stop = threading.Event()

    def hear(self, listening: Listening) -> None:
        self.begun.release()
        listening.prove()
        listening.tell(GAP)
        self.stop.wait()
        self.stop.clear()
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def driver() -> Driver:
    """A driver that hears nothing yet."""
    return Driver()


@pytest.fixture
def listen(driver: Driver) -> Iterator[Callable[..., Listening]]:
    """Begin a subscription, which ends after the test."""
    made: list[Listening] = []

    def begin(listener: Callable[..., None] = lambda _: None) -> Listening:
        made.append(Listening("there", driver.hear, lambda error: type(error).__name__, listener, (0.0, 0.0)))
        made[-1].begin()
        assert driver.begun.acquire(timeout=30)
        return made[-1]

    yield begin
    for listening in made:
        listening()
        driver.stop.set()
        listening._thread.join(30)
        assert not listening._thread.is_alive()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_of_the_driver_is_outlived(driver: Driver, listen: Callable[..., Listening], fault: Exception) -> None:
    """It connects again, and the reason is told without the text of the error."""
    listening = listen()
    driver.fault = fault
    for _ in range(3):
        driver.stop.set()
        assert driver.begun.acquire(timeout=30)
    assert listening._thread.is_alive()
    assert SECRET not in str(listening.health())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_of_the_listener_is_outlived(
    driver: Driver, listen: Callable[..., Listening], fault: Exception
) -> None:
    """What it was told may be lost, so it is told of a gap after the next connection."""
    told = threading.Semaphore(0)
    faults = [fault]

    def listener(change: object) -> None:
        if faults:
            raise faults.pop()
        assert change == GAP
        told.release()

    listen(listener)
    assert told.acquire(timeout=30)


def test_health_says_since_when(driver: Driver, listen: Callable[..., Listening]) -> None:
    """Listening from the proof on, doubtful from the first fault on, and over when it was ended."""
    before = time.time()
    listening = listen()
    assert isinstance(listening, Subscription)
    health = listening.health()
    assert health.name == "there"
    assert health.listening
    assert health.since is not None
    assert health.since_at is not None
    assert before <= health.since <= time.time()
    listening.prove()
    assert listening.health().since == health.since
    listening.doubt("why")
    listening.doubt("why else")
    doubted = listening.health()
    assert (doubted.listening, doubted.trouble, doubted.heard) == (False, "why else", listening.health().heard)
    assert doubted.since is not None
    assert doubted.since >= health.since
    listening.prove()
    assert listening.health().trouble == ""
    listening()
    assert not listening.health().listening


def test_what_is_heard_after_the_end_is_told_to_nobody() -> None:
    """The driver may look up late."""
    told: list[object] = []
    listening = Listening("there", lambda _: None, str, told.append, (0.0, 0.0))
    listening.tell(GAP)
    listening()
    listening.tell(GAP)
    assert told == [GAP]


def test_a_thread_that_is_gone_is_not_listening() -> None:
    """As in a forked child, which has none of its parent's threads."""
    listening = Listening("there", lambda _: None, str, lambda _: None, (0.0, 0.0))
    listening.prove()
    assert not listening.health().listening
