"""Checks that no cache answers, on an event loop: beside the same on SQLite in a thread, and psycopg by hand."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from tests.servers.postgres import postgres

from benchmarks.harness import Figure, at_most, collector_off, compared, one_core
from benchmarks.keyring import PEPPER, SCOPE, around, issued, opened
from benchmarks.raw import AsyncRawPostgres
from secretsource.issuing import AsyncApiKeys
from secretsource.stores.sql import migrate

TITLE = "loops: one API key, checked on an event loop"
EXPIRED, UNKEPT = 1e-9, 0.0


def measure(rounds: int = 60, checks: int = 200) -> list[Figure]:
    """Take turns at so many checks of each kind."""
    return [*asyncio.run(_on_sqlite(rounds, checks)), *_on_postgres(rounds, checks)]


async def _on_sqlite(rounds: int, checks: int) -> list[Figure]:
    with TemporaryDirectory(prefix="secretsource-") as folder, ExitStack() as stack:
        url = f"sqlite:///{Path(folder) / 'keys.db'}"
        in_thread = stack.enter_context(opened(url, ttl=EXPIRED))
        texts = issued(in_thread, 1000)
        async with AsyncExitStack() as keys:
            on_loop = await keys.enter_async_context(await _opened(url, EXPIRED))
            aside = await keys.enter_async_context(await _opened(f"{url}?lookups=threads", EXPIRED))
            samples = await _interleaved(
                {
                    "thread": _waiting(lambda text: in_thread.check(text, scope=SCOPE), texts, checks),
                    "loop": _awaiting(lambda text: on_loop.check(text, scope=SCOPE), texts, checks),
                    "aside": _awaiting(lambda text: aside.check(text, scope=SCOPE), texts, checks),
                },
                rounds,
            )
    return [
        compared("SQLite, past its ttl, AsyncApiKeys / ApiKeys", samples, "loop", "thread", at_most(1.3)),
        compared("SQLite, past its ttl, with lookups=threads / ApiKeys", samples, "aside", "thread"),
        Figure("SQLite, past its ttl, AsyncApiKeys", statistics.median(samples["loop"]) * 1e6, "us"),
    ]


def _on_postgres(rounds: int, checks: int) -> list[Figure]:
    with one_core(), postgres() as server:
        migrate(server.url)
        with opened(server.url) as keys:
            texts = issued(keys, 1000)
        return asyncio.run(_beside_psycopg(server.url, texts, rounds, checks))


async def _beside_psycopg(url: str, texts: Sequence[str], rounds: int, checks: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        unkept = await stack.enter_async_context(await _opened(url, UNKEPT))
        expired = await stack.enter_async_context(await _opened(url, EXPIRED))
        raw = await stack.enter_async_context(AsyncRawPostgres(url))
        samples = await _interleaved(
            {
                "raw": _awaiting(lambda text: raw.check(text, SCOPE), texts, checks),
                "expired": _awaiting(lambda text: expired.check(text, scope=SCOPE), texts, checks),
                "unkept": _awaiting(lambda text: unkept.check(text, scope=SCOPE), texts, checks),
            },
            rounds,
        )
    return [
        compared("PostgreSQL, past its ttl, AsyncApiKeys / psycopg", samples, "expired", "raw", at_most(1.3)),
        compared("PostgreSQL, never kept, AsyncApiKeys / psycopg", samples, "unkept", "raw", at_most(1.3)),
        Figure("PostgreSQL, never kept, AsyncApiKeys", statistics.median(samples["unkept"]) * 1e6, "us"),
    ]


async def _opened(url: str, ttl: float) -> AsyncApiKeys:
    return await AsyncApiKeys.open(url, peppers=[PEPPER], flush_every=3600.0, ttl=ttl)


def _waiting(check: Callable[[str], Any], texts: Sequence[str], checks: int) -> Callable[[], Awaitable[float]]:
    following = around(texts)

    async def take() -> float:
        begun = perf_counter()
        for text in islice(following, checks):
            assert check(text)
        return (perf_counter() - begun) / checks

    return take


def _awaiting(
    check: Callable[[str], Awaitable[Any]], texts: Sequence[str], checks: int
) -> Callable[[], Awaitable[float]]:
    following = around(texts)

    async def take() -> float:
        begun = perf_counter()
        for text in islice(following, checks):
            assert await check(text)
        return (perf_counter() - begun) / checks

    return take


async def _interleaved(cases: dict[str, Callable[[], Awaitable[float]]], rounds: int) -> dict[str, list[float]]:
    """As `harness.interleave`, on one loop; the first round, which opens connections, does not count."""
    samples: dict[str, list[float]] = {name: [] for name in cases}
    with collector_off():
        for _ in range(rounds + 1):
            for name, take in cases.items():
                samples[name].append(await take())
    return {name: taken[1:] for name, taken in samples.items()}
