"""One draw on a rate limit, in Redis beside one GET of the same server, and in this process beside one hash."""

from __future__ import annotations

import statistics
from hashlib import sha256
from time import monotonic, time
from typing import Any

from tests.servers.valkey import valkey

from benchmarks.harness import Figure, at_most, interleave, per_call, ratio
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
    ]


def plan(rate_limit: str, quota: str | None = None) -> Plan:
    """Limits that are never reached, but for the one of one request."""
    made = parse(rate_limit, quota)
    assert made is not None
    return made
