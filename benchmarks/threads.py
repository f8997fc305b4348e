"""A remembered secret read by four threads at once: nobody waits for a lock."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import repeat
from threading import Barrier, Thread
from time import perf_counter

from benchmarks.harness import Figure, at_least, interleave, ratio
from benchmarks.samples import NAME, VALUE
from secretsource import Resolver
from secretsource.testing import ScriptedProvider

TITLE = "threads: cached reads by several threads"
THREADS = 4


def measure(rounds: int = 21, reads: int = 200_000) -> list[Figure]:
    """Read ``reads`` times in one thread, and as often by four together."""
    with Resolver(["env", ScriptedProvider({NAME: VALUE}, name="remote")]) as resolver:
        assert resolver.get(NAME) == VALUE
        samples = interleave(
            {
                "one": lambda: rate(resolver.get, 1, reads),
                "four": lambda: rate(resolver.get, THREADS, reads // THREADS),
            },
            rounds,
        )
    return [
        Figure("reads a second, four threads together / one alone", ratio(samples["four"], samples["one"]), "x",
               at_least(0.8)),
        Figure("one thread", statistics.median(samples["one"]) / 1e6, "million/s"),
        Figure("four threads together", statistics.median(samples["four"]) / 1e6, "million/s"),
    ]  # fmt: skip


def rate(get: Callable[[str], object], threads: int, reads: int) -> float:
    """Reads a second of ``threads`` together, from the first start to the last end."""
    begun, ended = [0.0] * threads, [0.0] * threads
    barrier = Barrier(threads)

    def read(index: int) -> None:
        barrier.wait()
        begun[index] = perf_counter()
        for _ in repeat(None, reads):
            get(NAME)
        ended[index] = perf_counter()

    workers = [Thread(target=read, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return threads * reads / (max(ended) - min(begun))
