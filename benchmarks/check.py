"""One check of an API key: with its record at hand, with the store to be asked, and of a key that is forged."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.servers.postgres import postgres

from benchmarks.harness import Figure, Sample, at_most, compared, exactly, interleave, one_core, per_call
from benchmarks.keyring import SCOPE, CountingStore, around, forged, issued, opened
from benchmarks.raw import RawPostgres, RawSqlite
from secretsource.issuing import ApiKeys
from secretsource.stores.sql import migrate

TITLE = "check: one API key"
CHECK = f"check(next(texts), scope={SCOPE!r})"


def measure(rounds: int = 60, seconds: float = 0.01) -> list[Figure]:
    """Time each way to check a key in turn, ``seconds`` at a time."""
    with TemporaryDirectory(prefix="secretsource-") as folder:
        return [
            *_cached(rounds, seconds),
            *_uncached_on_sqlite(Path(folder), rounds, seconds),
            *_uncached_on_postgres(rounds, seconds),
            *_forged(rounds, seconds),
        ]


def _cached(rounds: int, seconds: float) -> list[Figure]:
    """A key with a scope and a rate limit, whose record was read a moment ago, beside the hash of the same bytes."""
    with opened("memory://") as keys:
        text = issued(keys, 1, rate_limit="1000000000/minute")[0]
        plain = issued(keys, 1)[0]
        keys.owners.put("shared", rate_limit="1000000000/minute")
        both = keys.issue(owner="shared", scopes=[SCOPE], rate_limit="1000000000/minute").plaintext
        names = {"check": keys.check, "sha256": sha256, "text": text, "key": text.encode()}
        ways = {
            "hash": per_call("sha256(key).digest()", names, seconds / 2),
            "limited": per_call(f"check(text, scope={SCOPE!r})", names, seconds / 2),
            "plain": per_call(f"check(text, scope={SCOPE!r})", {**names, "text": plain}, seconds / 2),
            "both": per_call(f"check(text, scope={SCOPE!r})", {**names, "text": both}, seconds / 2),
        }
        samples = interleave(ways, rounds)
    return [
        compared("cached, with scope and rate limit / one SHA-256", samples, "limited", "hash", at_most(6)),
        compared("cached, with limits of key and owner / one SHA-256", samples, "both", "hash", at_most(8)),
        compared("cached, with scope / one SHA-256", samples, "plain", "hash"),
        Figure("cached, with scope and rate limit", statistics.median(samples["limited"]) * 1e9, "ns"),
    ]


def _uncached_on_sqlite(folder: Path, rounds: int, seconds: float) -> list[Figure]:
    """A record whose ttl is over, and one that is never kept, beside `sqlite3` by hand on the same file."""
    url = f"sqlite:///{folder / 'keys.db'}"
    with ExitStack() as stack:
        expired = stack.enter_context(opened(url, ttl=1e-9))
        unkept = stack.enter_context(opened(url, ttl=0))
        whole = stack.enter_context(RawSqlite(folder / "keys.db"))
        lean = stack.enter_context(RawSqlite(folder / "keys.db", lean=True))
        alone = stack.enter_context(RawSqlite(folder / "keys.db", alone=True))
        texts = issued(expired, 1000)
        checks = {"expired": expired, "unkept": unkept, "whole": whole, "lean": lean, "alone": alone}
        samples = interleave({name: _of(keys, texts, seconds) for name, keys in checks.items()}, rounds)
    return [
        compared("SQLite, past its ttl / sqlite3 by hand", samples, "expired", "whole", at_most(1.5)),
        compared("SQLite, past its ttl / by hand, with seven columns only", samples, "expired", "lean"),
        compared("SQLite, never kept / sqlite3 by hand", samples, "unkept", "whole", at_most(1.5)),
        _with_owners("SQLite", samples),
        Figure("SQLite, past its ttl", statistics.median(samples["expired"]) * 1e6, "us"),
        Figure("SQLite, never kept", statistics.median(samples["unkept"]) * 1e6, "us"),
        Figure("sqlite3 by hand", statistics.median(samples["whole"]) * 1e6, "us"),
    ]


def _uncached_on_postgres(rounds: int, seconds: float) -> list[Figure]:
    """The same, on a PostgreSQL of our own on this machine, beside a prepared statement of psycopg."""
    with one_core(), ExitStack() as stack:
        url = stack.enter_context(postgres()).url
        migrate(url)
        expired = stack.enter_context(opened(url, ttl=1e-9))
        unkept = stack.enter_context(opened(url, ttl=0))
        whole = stack.enter_context(RawPostgres(url))
        alone = stack.enter_context(RawPostgres(url, alone=True))
        texts = issued(expired, 1000)
        checks = {"expired": expired, "unkept": unkept, "whole": whole, "alone": alone}
        samples = interleave({name: _of(keys, texts, seconds * 2) for name, keys in checks.items()}, rounds)
    return [
        compared("PostgreSQL, past its ttl / psycopg by hand", samples, "expired", "whole", at_most(1.3)),
        compared("PostgreSQL, never kept / psycopg by hand", samples, "unkept", "whole", at_most(1.3)),
        _with_owners("PostgreSQL", samples),
        Figure("PostgreSQL, past its ttl", statistics.median(samples["expired"]) * 1e6, "us"),
        Figure("psycopg by hand", statistics.median(samples["whole"]) * 1e6, "us"),
    ]


def _with_owners(database: str, samples: Mapping[str, list[float]]) -> Figure:
    """A check that asks for owner and plan with the key, beside one that would not: it takes less by their question."""
    rounds = zip(samples["unkept"], samples["whole"], samples["alone"], strict=True)
    less = [check - whole + alone for check, whole, alone in rounds]
    what = f"{database}, never kept / without the question for owner and plan"
    return compared(what, {**samples, "less": less}, "unkept", "less", at_most(1.15))


def _forged(rounds: int, seconds: float) -> list[Figure]:
    """A key that anybody could make up: its grammar and its checksum are right, and it was not sealed by us."""
    store = CountingStore()
    with ApiKeys(store, peppers=["a pepper of the benchmarks"]) as keys:
        text = forged(issued(keys, 1)[0])
        store.asked = 0
        refused = not keys.check(text, scope=SCOPE)
        names = {"check": keys.check, "texts": around([text])}
        samples = interleave({CHECK: per_call(CHECK, names, seconds / 2)}, rounds)
    return [
        Figure("questions to the store about forged keys", store.asked if refused else -1, "", exactly(0)),
        Figure("a forged key, refused", statistics.median(samples[CHECK]) * 1e6, "us"),
    ]


def _of(keys: Any, texts: list[str], seconds: float) -> Sample:
    """A sample of checks, one key after the other; each must be accepted."""
    assert all(keys.check(text, scope=SCOPE) for text in texts[:10])
    return per_call(CHECK, {"check": keys.check, "texts": around(texts)}, seconds)
