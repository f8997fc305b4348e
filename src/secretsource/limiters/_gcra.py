"""Limits as scripts that run inside Redis or Valkey: one question, one answer, the server's own clock.

``gcra.lua`` does what `Plan.draw` and `Plan.read` do, and ``undo.lua`` what `Draw.undone` and `Draw.renewed` do. Each
rule has a key of its own, under its name. A rate holds how many seconds it ran ahead, when (microseconds since 1970),
and its interval. A quota holds its balance, its calendar period, and its limit; a limit on requests at once holds the
ends of its leases. So processes that have the old and the new number of a limit draw on one key. A rate that ran out of
lead is as good as an unused one, so its key expires then by itself.

Numbers travel as 64-bit floats in both directions: nothing is rounded, and nothing is read from text.
https://valkey.io/topics/eval-intro/ and https://valkey.io/topics/lua-api/#struct-library
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from importlib.resources import files

from secretsource._ground.namedtuple import NamedTuple
from secretsource.limiters._state import NEVER
from secretsource.limiters.base import AtOnce, Draw, Quota, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.limiters._state import Level
    from secretsource.limiters.base import Plan, Rule


class Script(NamedTuple):
    """A script of this folder.

    Attributes:
        text: Its text.
        digest: The name that a server knows it by.
    """

    text: str
    digest: str


def _script(name: str) -> Script:
    text = files("secretsource.limiters").joinpath(name).read_text("utf-8")
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


DRAW, UNDO = _script("gcra.lua"), _script("undo.lua")

_LONGEST = {"day": 2 * 86400e3, "month": 32 * 86400e3}
_KEPT = 400 * 86400e3
"""Milliseconds without a draw after which a quota that adds up is forgotten."""
_MOST = float(2**53)


def question(prefix: str, account: str, plan: Plan, cost: int) -> tuple[str | int | bytes, ...]:
    """Return the words after ``EVALSHA digest`` or ``EVAL script``: number of keys, keys, and all numbers in one text.

    The keys of one account share a hash tag, so that a cluster keeps them on one server; an owner's are elsewhere.
    """
    keys = _keys(prefix, account, plan)
    return len(keys), *keys, struct.pack(">d", min(cost, _MOST)) + _encoded(plan)[1]


def undoing(prefix: str, account: str, draw: Draw, cost: int, *, renew: bool) -> tuple[str | int | bytes, ...]:
    """Return the same words for the second script, which refunds a draw, or releases or renews its leases."""
    keys = _keys(prefix, account, draw.plan)
    head = struct.pack(">3d", min(cost, _MOST), round(draw.wall * 1e6), renew)
    rules = [_numbers(rule) + struct.pack(">d", _left(draw, place)) for place, rule in enumerate(draw.plan.rules)]
    return len(keys), *keys, head + b"".join(rules)


def moved(draw: Draw, mono: float, answer: bytes) -> Draw:
    """Return a draw whose leases run from the time that the second script answers with."""
    [now] = struct.unpack(">d", answer)
    return Draw(draw.plan, draw.levels, mono, now / 1e6)


def _left(draw: Draw, place: int) -> float:
    """Return what `Draw.undone` needs of a level that a draw left: seconds ahead of a rate, the period of a quota."""
    level = draw.levels[place]
    if isinstance(level, tuple):
        return level[1]
    return 0.0 if level is None else level - draw.mono


def answered(plan: Plan, cost: int, mono: float, answer: bytes) -> Draw:
    """Return the draw that the script answers with; rates count from ``mono``, and the wall clock is the server's."""
    refused, now, *levels = struct.unpack(f">{len(answer) // 8}d", answer)
    wall = now / 1e6
    told: list[Level] = []
    for place, rule in enumerate(plan.rules):
        amount, when = levels[2 * place : 2 * place + 2]
        told.append(_level(rule, amount, when, mono, now))
    if not refused:
        return Draw(plan, tuple(told), mono, wall)
    return plan.refusal(plan.rules[int(refused) - 1], tuple(told), cost, mono, wall)


def _level(rule: Rule, amount: float, when: float, mono: float, now: float) -> Level:
    """Return the level in two numbers of an answer; of leases, the server tells their number and the next end."""
    if isinstance(rule, Rate):
        return mono + amount
    if not isinstance(rule, AtOnce):
        return int(amount), int(when)
    following = mono + (when - now) / 1e6
    return (following,) * min(1, int(amount)) + (mono + rule.lease,) * (int(amount) - 1), NEVER


def _keys(prefix: str, account: str, plan: Plan) -> list[str]:
    names = _encoded(plan)[0]
    return [f"{prefix}{{{of}}}:{name}" for of, name in zip(plan.accounts(account), names, strict=True)]


@lru_cache(maxsize=4096)
def _encoded(plan: Plan) -> tuple[tuple[str, ...], bytes]:
    return tuple(rule.name for rule in plan.rules), b"".join(map(_numbers, plan.rules))


def _numbers(rule: Rule) -> bytes:
    """Return a rule as four numbers: its kind, two of its own, and for how many milliseconds to keep its key.

    The kind is 0 for a rate, 1 for a quota of days, 1 + D for one of months that refills on day D, -1 for requests at
    once.
    """
    if isinstance(rule, Rate):
        return struct.pack(">4d", 0, rule.interval, rule.lead, 0)
    if isinstance(rule, AtOnce):
        return struct.pack(">4d", -1, rule.limit, rule.lease, rule.lease * 1e3 + 1e3)
    assert isinstance(rule, Quota)
    kind = 1 if rule.period == "day" else 1 + rule.on
    if rule.refill == "replace":
        return struct.pack(">4d", kind, rule.limit, -1, _LONGEST[rule.period])
    return struct.pack(">4d", kind, rule.limit, float("inf") if rule.ceiling is None else rule.ceiling, _KEPT)
