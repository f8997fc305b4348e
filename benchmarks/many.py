"""Reads that the cache answers where they come in numbers: fifty by one call, and one after the other on a loop."""

from __future__ import annotations

import asyncio
import os
import statistics
from typing import Any
from unittest.mock import patch

from benchmarks.harness import Figure, Sample, at_most, exactly, interleave, per_await, per_call, ratio
from benchmarks.samples import NAMES, VALUE, quiet_environment
from secretsource import aget_secret, aget_secrets, configure, get_secret, get_secrets
from secretsource.testing import ScriptedProvider

TITLE = "many: fifty cached reads by one call, and cached reads on an event loop"

FIFTY = "for name in names: get_secret(name)"
AT_ONCE = "get_secrets(names)"
ONE_AWAITED = f"await aget_secret({NAMES[0]!r})"
BARE_AWAIT = f"await bare({NAMES[0]!r})"
FIFTY_AWAITED = "for name in names: await aget_secret(name)"
ALL_AWAITED = "await aget_secrets(names)"


KEPT = dict.fromkeys(NAMES, VALUE)


async def bare(name: str) -> str:
    """The floor: a coroutine that looks a name up in a dictionary."""
    return KEPT[name]


def measure(rounds: int = 60, seconds: float = 0.004) -> list[Figure]:
    """Time each way in turn, ``seconds`` at a time; the names are read by one call first, and never alone."""
    remote = ScriptedProvider(dict.fromkeys(NAMES, VALUE), name="remote")
    names: dict[str, Any] = {
        "names": NAMES, "bare": bare, "get_secret": get_secret, "get_secrets": get_secrets,
        "aget_secret": aget_secret, "aget_secrets": aget_secrets,
    }  # fmt: skip
    with patch.dict(os.environ, quiet_environment(), clear=True), asyncio.Runner() as runner:
        configure(["env", remote])
        try:
            assert set(get_secrets(NAMES).values()) == {VALUE}
            loop = runner.get_loop()
            calls = interleave({each: per_call(each, names, seconds) for each in (AT_ONCE, FIFTY)}, rounds)
            awaits: dict[str, Sample] = {
                each: per_await(each, names, seconds, loop)
                for each in (ONE_AWAITED, BARE_AWAIT, ALL_AWAITED, FIFTY_AWAITED)
            }
            awaited = interleave(awaits, rounds)
        finally:
            configure(None)
    return [
        Figure("50 by get_secrets / fifty get_secret", ratio(calls[AT_ONCE], calls[FIFTY]), "x", at_most(1)),
        Figure(
            "50 by aget_secrets / fifty aget_secret",
            ratio(awaited[ALL_AWAITED], awaited[FIFTY_AWAITED]),
            "x",
            at_most(1),
        ),
        Figure("await aget_secret / bare await", ratio(awaited[ONE_AWAITED], awaited[BARE_AWAIT]), "x", at_most(2)),
        Figure("50 by get_secrets", statistics.median(calls[AT_ONCE]) * 1e6, "us"),
        Figure("await aget_secret", statistics.median(awaited[ONE_AWAITED]) * 1e9, "ns"),
        Figure("calls that reached the provider", remote.calls, "", exactly(len(NAMES))),
    ]
