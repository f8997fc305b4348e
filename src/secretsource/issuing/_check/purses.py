"""The credits that a key spends, and how they are shown among its limits. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from functools import lru_cache

from secretsource.issuing.limits import Credits, Draw, Plan
from secretsource.stores.base import Purse, account_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.stores.base import KeyRecord, OwnerRecord

__all__ = ["credits_of", "purses_of", "purses_of_owner", "with_credits"]

_OWNER = account_of("")


def purses_of(record: KeyRecord) -> tuple[Purse, ...]:
    """Return the purses that a key pays from: its own, and that of its owner."""
    own = () if record.credits is None else (Purse(record.limit_key, record.credits),)
    return own if record.terms is None else own + purses_of_owner(record.terms.owner)


def purses_of_owner(owner: OwnerRecord) -> tuple[Purse, ...]:
    """Return the purse of an owner, if it has one."""
    return () if owner.credits is None else (Purse(account_of(owner.id), owner.credits),)


def credits_of(purse: Purse) -> Credits:
    """Return a purse as a rule."""
    return Credits(purse.granted, "owner" if purse.account.startswith(_OWNER) else "")


def with_credits(
    draw: Draw | None, purses: tuple[Purse, ...], spent: Sequence[int], now: tuple[float, float], cost: int = 0
) -> Draw:
    """Return a draw with credits among its limits.

    Args:
        draw: The outcome for the limits that a limiter counts; None without any.
        purses: The purses.
        spent: The credits spent of each.
        now: Monotonic seconds, and seconds since 1970 UTC.
        cost: The cost that the purses refuse, or 0 if they grant it.
    """
    rules = tuple(map(credits_of, purses))
    levels = tuple([rule.level(paid) for rule, paid in zip(rules, spent, strict=True)])
    too_small = (rule for rule, paid in zip(rules, spent, strict=True) if cost and paid + cost > rule.limit)
    refused = next(too_small, None)
    if draw is None:
        return Draw(_joint(None, rules), levels, *now, refused)
    return Draw(_joint(draw.plan, rules), draw.levels + levels, draw.mono, draw.wall, refused)


@lru_cache(maxsize=4096)
def _joint(plan: Plan | None, rules: tuple[Credits, ...]) -> Plan:
    return Plan(rules if plan is None else (*plan.rules, *rules))
