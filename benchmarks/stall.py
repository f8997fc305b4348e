"""Readers while a slow refresh is under way: they go on with the value at hand.

Threads that read without a pause keep each other from the interpreter for up to 5 ms a turn, whatever they read. So
each reader pauses between its reads, as a server does between requests. What is left of the machine (a reader that
the operating system sets aside for a few milliseconds) shows in a control: the same readers, adding numbers up for
about as long as a read takes.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import chain
from threading import Event, Thread, Timer
from time import perf_counter, sleep
from typing import ClassVar

from benchmarks.harness import Figure, at_most, collector_off, exactly, percentile
from benchmarks.samples import NAME, VALUE
from secretsource import Resolver
from secretsource.providers.base import Found, Provider, SecretRef

TITLE = "stall: 8 readers while a refresh takes a second"
READERS = 8
PAUSE = 0.001
"""Seconds between two reads of a reader."""


class SlowProvider(Provider):
    """Answers the first time at once, and later after ``delay`` seconds."""

    scheme: ClassVar[str] = "slow"

    def __init__(self, delay: float) -> None:
        super().__init__()
        self._delay = delay
        self.calls = 0
        self.entered = Event()
        self.left = Event()

    def fetch(self, ref: SecretRef, *, timeout: float) -> Found:
        self.calls += 1
        if self.calls > 1:
            self.entered.set()
            sleep(self._delay)
            self.left.set()
        return Found(VALUE, version=str(self.calls))


def measure(rounds: int = 7, delay: float = 1.0) -> list[Figure]:
    """Let a value pass its ttl under eight readers, and time the reads that fall into its refresh."""
    ours: list[list[float]] = []
    others: list[list[float]] = []
    calls: list[int] = []
    with collector_off():
        for _ in range(rounds):
            taken, fetched = refresh(delay)
            ours.append(taken)
            calls.append(fetched)
            others.append(control(delay))
    reads, additions = list(chain(*ours)), list(chain(*others))
    return [
        Figure("slowest read of a refresh, in the median refresh", slowest(ours) * 1e3, "ms", at_most(5.0)),
        Figure("calls to the provider for one refresh", max(calls) - 1, "", exactly(1)),
        Figure("99.9 % of the reads took at most", percentile(reads, 0.999) * 1e3, "ms"),
        Figure("half of the reads took at most", percentile(reads, 0.5) * 1e3, "ms"),
        Figure("slowest read of all refreshes", max(reads) * 1e3, "ms"),
        Figure("reads in all refreshes", len(reads), ""),
        Figure("control, adding numbers up: slowest in the median round", slowest(others) * 1e3, "ms"),
        Figure("control: 99.9 %", percentile(additions, 0.999) * 1e3, "ms"),
        Figure("control: slowest of all", max(additions) * 1e3, "ms"),
    ]


def slowest(rounds: list[list[float]]) -> float:
    """The slowest of each round, and of these the median."""
    return statistics.median(max(reads) for reads in rounds)


def refresh(delay: float) -> tuple[list[float], int]:
    """Seconds of each read while one refresh was under way, and how often the provider was asked in all."""
    provider = SlowProvider(delay)
    # Refreshed ahead at 0.8 of the ttl, and past the ttl for most of the delay: both ages are in the figures.
    with Resolver(["env", provider], ttl=delay / 4, revalidate=60 * delay, jitter=0) as resolver:
        resolver.get(NAME)
        reads = crowd(lambda: resolver.get(NAME), provider.entered, provider.left)
        return reads, provider.calls


def control(delay: float) -> list[float]:
    """Seconds that each of the same readers takes to add numbers up, in the same time."""
    begin, end = Event(), Event()
    begin.set()
    timer = Timer(delay, end.set)
    timer.start()
    return crowd(lambda: sum(range(2000)), begin, end)


def crowd(read: Callable[[], object], begin: Event, end: Event) -> list[float]:
    """Read from all readers until ``end``, and return the seconds of each read that began after ``begin``."""
    taken: list[float] = []

    def work() -> None:
        while not end.is_set():
            counts = begin.is_set()
            begun = perf_counter()
            read()
            ended = perf_counter()
            if counts:
                taken.append(ended - begun)
            sleep(PAUSE)

    readers = [Thread(target=work) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return taken
