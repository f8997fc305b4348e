"""Rates and quotas as a script that runs inside Redis or Valkey: one question, one answer, the server's own clock.

The script does what `Plan.draw` does. Each rule has a key of its own that holds an amount and its time: of a rate, how
many seconds it ran ahead and when (microseconds since 1970); of a quota, its balance and in which calendar period. A
rate that ran out of lead is as good as one that was never drawn on, so its key expires then by itself.

Numbers travel as 64-bit floats in both directions: nothing is rounded, and nothing is read from text.
https://valkey.io/topics/eval-intro/ and https://valkey.io/topics/lua-api/#struct-library
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache

from secretsource.limiters.base import Draw, Rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.limiters._rules import Level, Rule
    from secretsource.limiters.base import Plan

SCRIPT = """\
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1e6 + time[2]
local cost, place = struct.unpack('>d', ARGV[1])
local held = redis.call('MGET', unpack(KEYS))

-- Months since year 0, counted in years that begin in March, so that a leap day is the last of its year.
local function month()
  local day = math.floor(second / 86400) + 719468
  local cycle = math.floor(day / 146097)
  day = day % 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  day = day - 365 * year - math.floor(year / 4) + math.floor(year / 100)
  return (cycle * 400 + year) * 12 + math.floor((5 * day + 2) / 153) + 2
end

local function rate(level, interval, lead)
  local ahead, since = 0, now
  if level then ahead, since = struct.unpack('>dd', level) end
  local before = math.max(0, ahead - math.max(0, now - since) / 1e6)
  local after = before + interval * cost
  return {fits = after <= lead, before = before, after = after, when = now, keep = after * 1000 + 1000}
end

local function quota(level, limit, ceiling, current, keep)
  local balance, period = limit, current
  if level then balance, period = struct.unpack('>dd', level) end
  if current > period then
    balance = ceiling < 0 and limit or math.min(balance + limit * (current - period), ceiling)
    period = current
  end
  return {fits = cost <= balance, before = balance, after = balance - cost, when = period, keep = keep}
end

local drawn, refused = {}, 0
for n = 1, #KEYS do
  local kind, a, b, keep
  kind, a, b, keep, place = struct.unpack('>dddd', ARGV[1], place)
  if kind == 0 then
    drawn[n] = rate(held[n], a, b)
  else
    drawn[n] = quota(held[n], a, b, kind == 1 and math.floor(second / 86400) or month(), keep)
  end
  if refused == 0 and not drawn[n].fits then refused = n end
end

local answer = struct.pack('>dd', refused, now)
for n, rule in ipairs(drawn) do
  local level = struct.pack('>dd', refused == 0 and rule.after or rule.before, rule.when)
  if refused == 0 and cost > 0 then redis.call('SET', KEYS[n], level, 'PX', string.format('%.0f', rule.keep)) end
  answer = answer .. level
end
return answer
"""
DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()

_LONGEST = {"day": 2 * 86400e3, "month": 32 * 86400e3}
_KEPT = 400 * 86400e3
"""Milliseconds after which a quota that adds up is forgotten when nobody draws on it."""
_MOST = float(2**53)


def question(prefix: str, account: str, plan: Plan, cost: int) -> tuple[str | int | bytes, ...]:
    """What follows ``EVALSHA digest``, or ``EVAL script``: the number of keys, the keys, and all numbers in one text.

    The keys of one account share a hash tag, so that a cluster keeps them on one server; an owner's are elsewhere.
    """
    names, rules = _encoded(plan)
    return (
        len(names),
        *[f"{prefix}{{{of}}}:{name}" for of, name in zip(plan.accounts(account), names, strict=True)],
        struct.pack(">d", min(cost, _MOST)) + rules,
    )


def answered(plan: Plan, cost: int, mono: float, answer: bytes) -> Draw:
    """The draw that the script answers with; rates are told from ``mono`` on, the wall clock is the server's."""
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
    return tuple(map(str, plan.rules)), b"".join(map(_numbers, plan.rules))


def _numbers(rule: Rule) -> bytes:
    """A rule as four numbers: what it is, two of its own, and for how many milliseconds to keep its key."""
    if isinstance(rule, Rate):
        return struct.pack(">4d", 0, rule.interval, rule.lead, 0)
    kind = 1 if rule.period == "day" else 2
    if rule.refill == "replace":
        return struct.pack(">4d", kind, rule.limit, -1, _LONGEST[rule.period])
    return struct.pack(">4d", kind, rule.limit, float("inf") if rule.ceiling is None else rule.ceiling, _KEPT)
