"""The limit of a route: so many requests of each key, beside the limits of the key and of its owner. Pure.

It is counted in an account of its own for each key and route, and drawn with the other limits: all of them, or none.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from functools import lru_cache

from secretsource._ground.key_text import quote
from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import InvalidRequest
from secretsource.issuing import limits
from secretsource.issuing.limits import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.issuing._check.entry import Entry

__all__ = ["RouteLimit", "account_and_plan", "check_limit"]

LONGEST_NAME = 255


class RouteLimit(NamedTuple):
    """A limit of a route, which each key has for itself.

    Attributes:
        rules: Its rules, as of `KeyRequest` ``rate_limit``, such as ``10/minute`` or ``2 at once``.
        name: The name that it is counted under, 1 to 255 characters; the same in every process. Routes of one name
            share the limit.
    """

    rules: str
    name: str = ""


def check_limit(limit: RouteLimit | None) -> None:
    """Check the limit of a route.

    Args:
        limit: The limit; None for a route without any.

    Raises:
        InvalidRequest: A rule is malformed, or the name is.
    """
    if limit is not None:
        name: object = limit.name
        if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
            raise InvalidRequest(f"the name of a limit must have 1 to {LONGEST_NAME} characters: write  limit_name=...")
        _read(limit.rules)


def account_and_plan(entry: Entry, limit: RouteLimit | None) -> tuple[str, Plan | None]:
    """Return the account that a check draws on, and all limits; None without any.

    Args:
        entry: The record of the key.
        limit: The limit of the route, which has an account of its own beside those of the key.

    Raises:
        InvalidRequest: The limit is malformed.
    """
    if limit is None:
        return entry.limit_key, entry.plan
    plan = _read(limit.rules) if entry.plan is None else _beside(limit.rules, entry.limit_key, entry.plan)
    return f"{entry.record.limit_key}@{limit.name}", plan


@lru_cache(maxsize=1024)
def _read(rules: object) -> Plan:
    plan = limits.parse(rules, None) if isinstance(rules, str) else None
    if plan is None:
        raise InvalidRequest(f"the limit of a route must be like  10/minute, not {quote(rules, 80)}")
    return Plan(tuple([rule.of("route") for rule in plan.rules]))


@lru_cache(maxsize=16384)
def _beside(rules: str, account: str, plan: Plan) -> Plan:
    return Plan(_read(rules).rules, (account, plan))
