"""One draw on a rate limit, in Redis beside one GET of the same server, and in this process beside one hash."""

from __future__ import annotations

import statistics
from hashlib import sha256
from itertools import repeat
from threading import Barrier, Thread
from time import monotonic, perf_counter, time
from typing import Any

from tests.servers.valkey import valkey

from benchmarks.harness import Figure, at_least, at_most, compared, interleave, per_call, percentile, ratio
from benchmarks.keyring import SCOPE, opened
from secretsource.issuing.limits import LocalLimiter, Plan, parse
from secretsource.limiters.redis import RedisLimiter

TITLE = "limits: one draw on a rate limit"
ACCOUNT = "7Qm2xL0cVbT9uYw3eRfGhK"
KEY = b"sk_live_" + b"7Qm2xL0cV" * 7
GET = "client.get(name)"
DRAW = "shared.draw(account, {plan}, 1, monotonic(), time())"
LOCAL = "local.take(account, rate, 1, monotonic(), time())"
HASH = "sha256(key).digest()"


def measure(rounds: int = 40, seconds: float = 0.02) -> list[Figure]:
    """Time each in turn, ``seconds`` at a time, on a server of our own on this machine."""
    with valkey() as server, server.client() as client:
        limiter = RedisLimiter(server.url, timeout=5.0)
        client.set("a name as long as that of a level", bytes(16))
        names: dict[str, Any] = {
            "client": client, "name": "a name as long as that of a level", "shared": limiter, "local": LocalLimiter(),
            "account": ACCOUNT, "key": KEY, "sha256": sha256, "monotonic": monotonic, "time": time,
            "rate": plan("1000000000/minute"), "full": plan("1/day"),
            "both": plan("1000000000/minute", "1000000000/month"),
        }  # fmt: skip
        cases = {"get": GET, **{name: DRAW.format(plan=name) for name in ("rate", "full", "both")}}
        samples = interleave({name: per_call(case, names, seconds) for name, case in cases.items()}, rounds)
        near = interleave({case: per_call(case, names, seconds / 5) for case in (LOCAL, HASH)}, rounds)
        limiter.close()
    return [
        Figure("a draw in Redis / one GET", ratio(samples["rate"], samples["get"]), "x", at_most(1.4)),
        Figure("a draw that is refused / one GET", ratio(samples["full"], samples["get"]), "x", at_most(1.4)),
        Figure("a draw on a rate and a quota together / one GET", ratio(samples["both"], samples["get"])),
        Figure("one GET with redis-py", statistics.median(samples["get"]) * 1e6, "us"),
        Figure("a draw in Redis", statistics.median(samples["rate"]) * 1e6, "us"),
        Figure("a draw in this process / one SHA-256 of the key", ratio(near[LOCAL], near[HASH])),
        Figure("a draw in this process", statistics.median(near[LOCAL]) * 1e9, "ns"),
        Figure("draws in Redis that failed", limiter.failures, "", at_most(0)),
        *_of_several_rules(rounds, seconds / 10),
        *_by_several_threads(max(1, rounds // 4), int(seconds * 1e6)),
    ]


def _of_several_rules(rounds: int, seconds: float) -> list[Figure]:
    """A cached check of a key with two limits, beside a key with none."""
    ways = {"none": (None, None), "rates": ("1000000000/minute, 1000000000/hour", None),
            "quotas": (None, "1000000000/day, 1000000000/month")}  # fmt: skip
    with opened("memory://", ttl=1e6) as keys:
        cases = {}
        for name, (rate_limit, quota) in ways.items():
            text = keys.issue(owner="acme", scopes=[SCOPE], rate_limit=rate_limit, quota=quota).plaintext
            assert keys.check(text, scope=SCOPE)
            cases[name] = per_call(f"check(text, scope={SCOPE!r})", {"check": keys.check, "text": text}, seconds)
        samples = interleave(cases, rounds)
    return [
        compared("a cached check with two rates / with none", samples, "rates", "none", at_most(1.8)),
        compared("a cached check with a day and a month quota / with none", samples, "quotas", "none", at_most(1.8)),
    ]


def _by_several_threads(rounds: int, draws: int) -> list[Figure]:
    """Draws a second on one account with two rules by four threads together, beside one thread."""
    both, local = plan("1000000000/minute", "1000000000/month"), LocalLimiter()
    alone: list[float] = []
    together: list[float] = []
    samples = interleave(
        {"one": lambda: _rate(local, both, 1, draws, alone), "four": lambda: _rate(local, both, 4, draws, together)},
        rounds,
    )
    return [
        compared("draws a second on one account, four threads / one", samples, "four", "one", at_least(0.8)),
        Figure("one thread: 99 % of the draws", percentile(alone, 0.99) * 1e6, "us"),
        Figure("four threads: 99 % of the draws", percentile(together, 0.99) * 1e6, "us"),
    ]


def _rate(local: LocalLimiter, both: Plan, threads: int, draws: int, took: list[float]) -> float:
    """Draws a second of all threads together, from the first start to the last end."""
    barrier, spans = Barrier(threads), list[tuple[float, float]]()

    def draw() -> None:
        barrier.wait()
        begun = before = perf_counter()
        for _ in repeat(None, draws // threads):
            local.take(ACCOUNT, both, 1, monotonic(), time())
            took.append((now := perf_counter()) - before)
            before = now
        spans.append((begun, before))

    workers = [Thread(target=draw) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return draws / (max(end for _, end in spans) - min(begun for begun, _ in spans))


def plan(rate_limit: str, quota: str | None = None) -> Plan:
    """Limits that are never reached, but for the one of one request."""
    made = parse(rate_limit, quota)
    assert made is not None
    return made
