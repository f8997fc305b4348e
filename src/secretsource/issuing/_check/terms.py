"""The effect of an owner and its plan on a key: the account of its limits, and its scopes. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from functools import lru_cache

from secretsource.issuing import limits
from secretsource.issuing._check import policy
from secretsource.issuing.limits import Plan, Quota
from secretsource.stores.base import account_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.stores.base import KeyRecord, Terms

__all__ = ["common", "limits_of", "narrowed", "shared_by"]


def shared_by(terms: Terms) -> tuple[str, Plan | None]:
    """Return the account that all keys of an owner share, and its limits, or None without any."""
    return account_of(terms.owner.id), _shared(terms)


def limits_of(record: KeyRecord) -> tuple[str, Plan | None]:
    """Return the account that a key draws on, and all its limits, or None without any."""
    own = limits.parse(record.rate_limit, record.quota) if record.rate_limit or record.quota else None
    shared = None if record.terms is None else _shared(record.terms)
    if shared is None:
        return record.limit_key, own
    account = account_of(record.owner)
    return (account, shared) if own is None else (record.limit_key, _joint(own, account, shared))


def narrowed(record: KeyRecord) -> KeyRecord:
    """Return a key as a check sees it: with no more scopes than its owner's plan allows."""
    plan = None if record.terms is None else record.terms.plan
    if plan is None or plan.scopes is None:
        return record
    return record._replace(scopes=common(record.scopes, plan.scopes))


def _shared(terms: Terms) -> Plan | None:
    owner, plan = terms
    of_plan = (None, None) if plan is None else (plan.rate_limit, plan.quota)
    return _parsed(owner.rate_limit, owner.quota, *of_plan)


@lru_cache(maxsize=4096)
def _parsed(owner_rate: str | None, owner_quota: str | None, rate: str | None, quota: str | None) -> Plan | None:
    """Return the limits of an owner and of its plan, each rule under its own name: rates first, then quotas."""
    parsed = (("owner", limits.parse(owner_rate, owner_quota)), ("plan", limits.parse(rate, quota)))
    rules = [rule.of(whose) for whose, plan in parsed if plan is not None for rule in plan.rules]
    return Plan(tuple(sorted(rules, key=_is_quota))) if rules else None


def _is_quota(rule: object) -> bool:
    return isinstance(rule, Quota)


@lru_cache(maxsize=16384)
def _joint(own: Plan, account: str, shared: Plan) -> Plan:
    return Plan(own.rules, (account, shared))


@lru_cache(maxsize=4096)
def common(held: frozenset[str], most: frozenset[str]) -> frozenset[str]:
    """Return the scopes that two sets have in common, where a wildcard covers what is below it."""
    covered, bound = policy.wildcards(held), policy.wildcards(most)
    return frozenset(
        [scope for scope in held if policy.grants(most, bound, (scope,))]
        + [scope for scope in most if policy.grants(held, covered, (scope,))]
    )
