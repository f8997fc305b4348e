"""One check of an API key by other libraries and by this one: each on an SQLite file of its own, with its own defaults.

safe-api-keys and keyshield check a scope, as we do; djangorestframework-api-key knows none. keyshield pauses each check
for 0.1 to 0.3 seconds on purpose; that pause is off here, since it would hide everything else.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from benchmarks.django_settings import configure
from benchmarks.harness import Figure, Sample, at_most, compared, interleave, per_call
from benchmarks.keyring import PEPPER, SCOPE, around, issued, opened

TITLE = "libraries: one check of an API key, on SQLite"
NUMBER = 100
OURS, SAFE, DRF, KEYSHIELD = "secretsource", "safe-api-keys", "djangorestframework-api-key", "keyshield"


def measure(rounds: int = 30, seconds: float = 0.01, slow_rounds: int = 3) -> list[Figure]:
    """Time each library that takes microseconds in many rounds, and the one that takes a tenth of a second in a few."""
    with TemporaryDirectory(prefix="secretsource-") as name, ExitStack() as stack:
        folder = Path(name)
        asked = interleave(_asking_the_store(folder, stack, seconds), rounds)
        kept = interleave(_from_the_cache(folder, stack, seconds), rounds)
        argon2 = _looped(stack, folder / "keyshield.db", cached=False, checks=1)
        slow = statistics.median(argon2() for _ in range(slow_rounds))
    return [
        compared(f"uncached: {OURS} / {SAFE}", asked, OURS, SAFE, at_most(1)),
        compared(f"uncached: {OURS} / {DRF}", asked, OURS, DRF, at_most(1)),
        Figure(f"uncached: {OURS} / {KEYSHIELD}", statistics.median(asked[OURS]) / slow, "x", at_most(1)),
        compared(f"cached: {OURS} / {SAFE}", kept, OURS, SAFE, at_most(1)),
        compared(f"cached: {OURS} / {KEYSHIELD}", kept, OURS, KEYSHIELD, at_most(1)),
        *(Figure(f"uncached: {name}", statistics.median(asked[name]) * 1e6, "us") for name in asked),
        Figure(f"uncached: {KEYSHIELD}", slow * 1e6, "us"),
        *(Figure(f"cached: {name}", statistics.median(kept[name]) * 1e6, "us") for name in kept),
    ]


def _asking_the_store(folder: Path, stack: ExitStack, seconds: float) -> dict[str, Sample]:
    ours: Any = stack.enter_context(opened(f"sqlite:///{folder / 'ours.db'}", ttl=0))
    return {
        OURS: _sample(lambda text: ours.check(text, scope=SCOPE), issued(ours, NUMBER), seconds),
        SAFE: _sample(*stack.enter_context(safe_api_keys(folder / "safe.db")), seconds),
        DRF: _sample(*stack.enter_context(rest_framework_api_key(folder / "drf.db")), seconds),
    }


def _from_the_cache(folder: Path, stack: ExitStack, seconds: float) -> dict[str, Sample]:
    ours: Any = stack.enter_context(opened(f"sqlite:///{folder / 'kept.db'}", ttl=3600.0))
    return {
        OURS: _sample(lambda text: ours.check(text, scope=SCOPE), issued(ours, NUMBER), seconds),
        SAFE: _sample(*stack.enter_context(safe_api_keys(folder / "kept-safe.db", ttl=3600.0)), seconds),
        KEYSHIELD: _looped(stack, folder / "kept-keyshield.db", cached=True, checks=20),
    }


def _sample(check: Callable[[str], object], texts: list[str], seconds: float) -> Sample:
    assert all(check(text) for text in texts)
    return per_call("check(next(texts))", {"check": check, "texts": around(texts)}, seconds)


@contextmanager
def safe_api_keys(file: Path, ttl: float | None = None) -> Generator[tuple[Callable[[str], object], list[str]]]:
    """The check of safe-api-keys, and keys of its own."""
    from safe_api_keys import KeyManager, VerifyCache
    from safe_api_keys.stores import SQLiteStore

    cache = None if ttl is None else VerifyCache(ttl=ttl)
    store = SQLiteStore(str(file))
    keys = KeyManager(store, prefix="sk_live", pepper=PEPPER.ljust(32, ".").encode(), cache=cache)
    texts = [keys.issue("acme", scopes=[SCOPE]).raw_key for _ in range(NUMBER)]
    try:
        yield lambda text: keys.verify(text, scopes=[SCOPE]), texts
    finally:
        store.close()


@contextmanager
def rest_framework_api_key(file: Path) -> Generator[tuple[Callable[[str], object], list[str]]]:
    """The check of djangorestframework-api-key, and keys of its own."""
    from django.core.management import call_command
    from django.db import connections

    configure(file)
    call_command("migrate", verbosity=0)
    from rest_framework_api_key.models import APIKey

    texts = [APIKey.objects.create_key(name=f"key {number}")[1] for number in range(NUMBER)]
    try:
        yield APIKey.objects.is_valid, texts
    finally:
        connections.close_all()


def _looped(stack: ExitStack, file: Path, *, cached: bool, checks: int) -> Sample:
    """A sample of keyshield's checks, which need an event loop; several in one run of it."""
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    opening = keyshield(file, cached=cached)
    check, text = loop.run_until_complete(opening.__aenter__())
    stack.callback(lambda: loop.run_until_complete(opening.__aexit__(None, None, None)))

    async def several() -> float:
        begun = perf_counter()
        for _ in range(checks):
            await check(text)
        return (perf_counter() - begun) / checks

    loop.run_until_complete(several())
    return lambda: loop.run_until_complete(several())


@asynccontextmanager
async def keyshield(file: Path, *, cached: bool) -> AsyncGenerator[tuple[Callable[[str], Any], str]]:
    """The check of keyshield without its pause, and a key of its own."""
    from keyshield import ApiKeyService
    from keyshield.hasher.argon2 import Argon2ApiKeyHasher
    from keyshield.repositories.sql import SqlAlchemyApiKeyRepository
    from keyshield.services.cached import CachedApiKeyService
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
    async with AsyncSession(engine, expire_on_commit=False) as session:
        repository = SqlAlchemyApiKeyRepository(session)
        await repository.ensure_table(engine)
        kind = CachedApiKeyService if cached else ApiKeyService
        service = kind(repository, Argon2ApiKeyHasher(pepper=PEPPER), min_delay=0, max_delay=0)
        _, text = await service.create(name="a key", scopes=[SCOPE])
        await session.commit()
        yield lambda text: service.verify_key(text, [SCOPE]), text
    await engine.dispose()
