"""Rate limits and quotas of a key, as they are written.

The rules themselves are in `secretsource.limiters.base`, where every limiter reads them.
"""

from __future__ import annotations

import re
from functools import lru_cache

from secretsource._ground.key_text import quote
from secretsource.exceptions import InvalidRequest
from secretsource.limiters.base import AsyncLimiter, AtOnce, Credits, Draw, Limiter, LimitState, Plan, Quota, Rate
from secretsource.limiters.memory import LocalLimiter  # a public name of this module; nothing in here uses it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Rule = TypeVar("Rule", Rate | AtOnce, Quota)

__all__ = [
    "AsyncLimiter",
    "AtOnce",
    "Credits",
    "Draw",
    "LimitState",
    "Limiter",
    "LocalLimiter",
    "Plan",
    "Quota",
    "Rate",
    "parse",
]

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
LARGEST = 10**9
LAST_DAY = 31
MOST_AT_ONCE = 1000
LONGEST_LEASE = 86400
"""Seconds that a request may hold its place among those that are under way at once."""
_RATE = re.compile(r"([0-9]{1,10}) ?/ ?(?:([0-9]{1,5}) ?)?(second|minute|hour|day)s?(?: burst ([0-9]{1,10}))?")
_AT_ONCE = re.compile(r"([0-9]{1,10}) at once(?: for ([0-9]{1,5}) (second|minute|hour)s?)?")
_QUOTA = re.compile(r"([0-9]{1,10}) ?/ ?(?:(day)|(month)(?: on ([0-9]{1,2}))?)(?: (add)(?: up to ([0-9]{1,10}))?)?")


@lru_cache(maxsize=4096)
def parse(rate_limit: str | None, quota: str | None) -> Plan | None:
    """Read the limits of a key.

    Args:
        rate_limit: Rules with commas between them: ``100/minute``, ``10/second burst 20``, ``5/30 seconds``,
            ``5 at once``, ``5 at once for 10 minutes``.
        quota: Rules with commas between them: ``10000/month``, ``10000/month on 15``, ``500/day add up to 2000``.

    Returns:
        The plan, or None without any limit.

    Raises:
        InvalidRequest: A rule has another form, is zero or over 10**9, or holds less than it adds; or two rules have
            one name.
    """
    rates, quotas = _read(rate_limit, _rate, "rate_limit"), _read(quota, _quota, "quota")
    rules: list[Rate | AtOnce | Quota] = [*rates, *quotas]
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):
        field = "rate_limit" if len({rule.name for rule in rates}) < len(rates) else "quota"
        raise InvalidRequest(
            f"two limits cover the same period ({', '.join(names)}): keep the tighter one", field=field
        )
    return Plan(tuple(_under_one_name(rules))) if rules else None


def _read(text: str | None, rule: Callable[[str], Rule], field: str) -> list[Rule]:
    """Read the rules in a text; an error names the field that has them."""
    try:
        return [] if text is None else [rule(part.strip(" ")) for part in text.split(",")]
    except InvalidRequest as error:
        error.field = field
        raise


def _under_one_name(rules: list[Rate | AtOnce | Quota]) -> list[Rate | AtOnce | Quota]:
    """Name each period in its largest unit: a limit is counted under its name, however its period is spelled.

    Of two rules for periods of one length, which older keys may have, one keeps the name that it was given.
    """
    taken = {rule.name for rule in rules}
    for place, rule in enumerate(rules):
        name = _period(rule.period) if isinstance(rule, Rate) else rule.name
        if isinstance(rule, Rate) and name not in taken:
            rules[place] = rule._replace(name=name)
            taken.add(name)
    return rules


def _period(seconds: int) -> str:
    """Return a length of time in its largest unit, such as ``hour`` for that of 60 minutes."""
    unit = [each for each, length in SECONDS.items() if seconds % length == 0][-1]
    number = seconds // SECONDS[unit]
    return unit if number == 1 else f"{number} {unit}s"


def _rate(text: str) -> Rate | AtOnce:
    at_once = _AT_ONCE.fullmatch(text)
    if at_once is not None:
        return _leased(text, *at_once.groups())
    match = _RATE.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f"rate limit {quote(text, 80)} is not of the form  100/minute,  10/second burst 20  or  5 at once"
        )
    limit, count, unit, burst = match.groups()
    name = f"{int(count)} {unit}s" if count and int(count) != 1 else unit  # `_under_one_name` gives the final one
    return Rate(
        _positive(limit, text), _positive(count or "1", text) * SECONDS[unit], _positive(burst or limit, text), name
    )


def _leased(text: str, limit: str, count: str | None, unit: str | None) -> AtOnce:
    if not 1 <= int(limit) <= MOST_AT_ONCE:
        raise InvalidRequest(f"limit {text!r} is out of range: requests at once are from 1 to {MOST_AT_ONCE}")
    rule = AtOnce(int(limit)) if count is None or unit is None else AtOnce(int(limit), int(count) * SECONDS[unit])
    if not 1 <= rule.lease <= LONGEST_LEASE:
        raise InvalidRequest(f"limit {text!r} is out of range: a request holds its place for 1 second to 24 hours")
    return rule


def _quota(text: str) -> Quota:
    match = _QUOTA.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f"quota {quote(text, 80)} is not of the form  10000/month,  10000/month on 31  or  500/day add up to 2000"
        )
    limit, day, _, on, add, ceiling = match.groups()
    quota = Quota(
        _positive(limit, text),
        "day" if day else "month",
        "add" if add else "replace",
        _positive(ceiling, text) if ceiling else None,
        on=_day(on, text) if on else 1,
    )
    if quota.ceiling is not None and quota.ceiling < quota.limit:
        raise InvalidRequest(f"quota {text!r} would never hold its {quota.limit}: raise what it adds up to")
    return quota


def _day(digits: str, text: str) -> int:
    if 1 <= int(digits) <= LAST_DAY:
        return int(digits)
    raise InvalidRequest(f"quota {text!r} is out of range: a month refills on a day from 1 to {LAST_DAY}")


def _positive(digits: str, text: str) -> int:
    number = int(digits)
    if 1 <= number <= LARGEST:
        return number
    raise InvalidRequest(f"limit {text!r} is out of range: numbers are from 1 to 1000000000")
