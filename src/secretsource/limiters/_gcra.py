"""Rates and quotas as a script that runs inside Redis or Valkey: one question, one answer, the server's own clock.

The script does what `Plan.draw` and `Plan.read` do. Each rule has a key of its own, under its name. It holds an
amount, its time, and what it was counted by. A rate holds how many seconds it ran ahead, when (microseconds since
1970), and its interval; a quota holds its balance, its calendar period, and its limit. So processes that have the old
and the new number of a limit draw on one key. A rate that ran out of lead is as good as an unused one, so its key
expires then by itself.

Numbers travel as 64-bit floats in both directions: nothing is rounded, and nothing is read from text.
https://valkey.io/topics/eval-intro/ and https://valkey.io/topics/lua-api/#struct-library
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from importlib.resources import files

from secretsource.limiters.base import Draw, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.limiters._rules import Level, Rule
    from secretsource.limiters.base import Plan

SCRIPT = files("secretsource.limiters").joinpath("gcra.lua").read_text("utf-8")
"""The text of ``gcra.lua``, in the same folder."""
DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

_LONGEST = {"day": 2 * 86400e3, "month": 32 * 86400e3}
_KEPT = 400 * 86400e3
"""Milliseconds without a draw after which a quota that adds up is forgotten."""
_MOST = float(2**53)


def question(prefix: str, account: str, plan: Plan, cost: int) -> tuple[str | int | bytes, ...]:
    """Return the words after ``EVALSHA digest`` or ``EVAL script``: number of keys, keys, and all numbers in one text.

    The keys of one account share a hash tag, so that a cluster keeps them on one server; an owner's are elsewhere.
    """
    names, rules = _encoded(plan)
    return (
        len(names),
        *[f"{prefix}{{{of}}}:{name}" for of, name in zip(plan.accounts(account), names, strict=True)],
        struct.pack(">d", min(cost, _MOST)) + rules,
    )


def answered(plan: Plan, cost: int, mono: float, answer: bytes) -> Draw:
    """Return the draw that the script answers with; rates count from ``mono``, and the wall clock is the server's."""
    refused, now, *levels = struct.unpack(f">{len(answer) // 8}d", answer)
    wall = now / 1e6
    told: list[Level] = []
    for place, rule in enumerate(plan.rules):
        amount, when = levels[2 * place : 2 * place + 2]
        told.append(mono + amount if isinstance(rule, Rate) else (int(amount), int(when)))
    if not refused:
        return Draw(plan, tuple(told), mono, wall)
    return plan.refusal(plan.rules[int(refused) - 1], tuple(told), cost, mono, wall)


@lru_cache(maxsize=4096)
def _encoded(plan: Plan) -> tuple[tuple[str, ...], bytes]:
    return tuple(rule.name for rule in plan.rules), b"".join(map(_numbers, plan.rules))


def _numbers(rule: Rule) -> bytes:
    """Return a rule as four numbers: its kind, two of its own, and for how many milliseconds to keep its key."""
    if isinstance(rule, Rate):
        return struct.pack(">4d", 0, rule.interval, rule.lead, 0)
    kind = 1 if rule.period == "day" else 2
    if rule.refill == "replace":
        return struct.pack(">4d", kind, rule.limit, -1, _LONGEST[rule.period])
    return struct.pack(">4d", kind, rule.limit, float("inf") if rule.ceiling is None else rule.ceiling, _KEPT)
