"""Python calls that one read makes, counted by a profile: the same on every machine, however busy it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FrameType
from unittest.mock import patch

from benchmarks.harness import Figure, at_most, exactly
from benchmarks.samples import NAMES, VALUE, quiet_environment
from secretsource import Resolver
from secretsource.providers.memory import MemoryProvider

TITLE = "hops: Python calls of one read"


def measure() -> list[Figure]:
    """Count the calls of a read that asks a provider, and of the next one, which the cache answers."""
    first, second = NAMES[:2]
    provider = MemoryProvider(dict.fromkeys(NAMES, VALUE))
    with patch.dict(os.environ, quiet_environment(), clear=True), Resolver([provider]) as resolver:
        resolver.get(first)  # makes the chain
        uncached = calls(lambda: resolver.get(second))
        cached = calls(lambda: resolver.get(second))
    asked = uncached.index("MemoryProvider.fetch") + 1
    return [
        Figure("from get to the provider that is asked", asked, "", at_most(45)),
        Figure("from the provider's answer back to the caller", len(uncached) - asked, "", at_most(45)),
        Figure("of a cached get", len(cached), "", exactly(1)),
    ]


def calls(work: Callable[[], object]) -> list[str]:
    """The functions that some work calls, in order; a generator counts each time that it goes on."""
    named: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            named.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return named[1:]  # the first is the work itself
