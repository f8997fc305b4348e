"""Plans: named sets of rules for owners, and the keys that they allow."""

from __future__ import annotations

import re
from typing import Any, TypedDict

from secretsource._ground.clock import LAST_INSTANT
from secretsource._ground.key_text import ENVIRONMENT, LONGEST_WORD, quote
from secretsource.exceptions import InvalidRequest, PlanExceeded, PlanNotFound
from secretsource.issuing import limits
from secretsource.issuing._check import policy
from secretsource.issuing._check.terms import common
from secretsource.issuing._manage import field
from secretsource.issuing._manage.registers.registry import Registry
from secretsource.stores.base import Crowded, OwnerEventKind, PlanRecord, Terms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.stores.base import Change, KeyRecord

__all__ = ["PlanFields", "Plans", "admitted", "insert", "renewed", "shortened", "terms_of", "with_terms"]

MOST_KEYS = 10**6
"""The largest `max_keys`; leave it out for no limit."""


class PlanFields(TypedDict, total=False):
    """The fields of a plan; fields left out stay as they are, and None clears a field.

    Attributes:
        rate_limit: Rules such as ``1000/minute``, which all keys of one owner share.
        quota: Rules such as ``100000/month``, which all keys of one owner share.
        max_keys: Greatest number of keys of an owner that have not ended, 1 to 10**6; a rotating pair counts as one.
        max_life: The longest life of a new key, and from the update on that gives a key a new end; as a timedelta or in
            seconds, over 0.
        scopes: The most that a key may do: up to 1000 exact scopes and wildcards; existing keys included.
        environments: The environments of new keys.
        rotate_every: Time from the issue of a key until it is due for rotation, as a timedelta or in seconds; over 0.
    """

    rate_limit: str | None
    quota: str | None
    max_keys: int | None
    max_life: timedelta | float | None
    scopes: Iterable[str] | None
    environments: Iterable[str] | None
    rotate_every: timedelta | float | None


class Plans(Registry[PlanRecord]):
    """The flows over the plans."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, "plan", PlanNotFound)

    def put(self, id: object, given: PlanFields, by: By, revision: int | None = None) -> Flow[PlanRecord]:
        """Make a plan, or change the given fields: one write, whatever the number of owners and keys."""
        fields = _read(given)

        def decide(id: str, old: PlanRecord | None, now: float) -> PlanRecord:
            return (old or PlanRecord(id, now))._replace(**fields)

        return self.change(id, decide, OwnerEventKind.CHANGED, by, revision)


def with_terms(parts: Parts, drafts: Sequence[KeyRecord]) -> Flow[list[KeyRecord]]:
    """Complete new keys with the terms of their owners and plans."""
    terms = yield from terms_of(parts, {draft.owner for draft in drafts})
    return [admitted(draft._replace(terms=terms.get(draft.owner))) for draft in drafts]


def terms_of(parts: Parts, owners: Iterable[str]) -> Flow[dict[str, Terms]]:
    """Read the terms of owners; those that are not registered have none."""
    store, terms = parts.store, dict[str, Terms]()
    if store.owners is None or store.plans is None:
        return terms
    for owner in owners:
        found: Any = yield store.owners.get(owner)
        plan: Any = None if found is None or found.plan is None else (yield store.plans.get(found.plan))
        if found is not None:
            terms[owner] = Terms(found, plan)
    return terms


def insert(parts: Parts, changes: Sequence[Change]) -> Flow[frozenset[str]]:
    """Store new keys, unless an owner would have more than its plan allows.

    Returns:
        The ``key_id`` that are taken; empty when all were stored.

    Raises:
        PlanExceeded: An owner would have too many keys; nothing was stored.
    """
    plans = {record.owner: record.terms.plan for record, _ in changes if record.terms is not None}
    most = {owner: plan.max_keys for owner, plan in plans.items() if plan is not None and plan.max_keys is not None}
    if not most:
        taken: frozenset[str] = yield parts.store.insert(changes)
        return taken
    answer: frozenset[str] | Crowded = yield parts.store.insert_within(changes, most, changes[0].record.created)
    plan = plans[answer.owner] if isinstance(answer, Crowded) else None
    if isinstance(answer, Crowded) and plan is not None:
        has = f"allows {plan.max_keys} keys, and {answer.held} have not ended"
        raise PlanExceeded(answer.owner, plan.id, f"{has}: revoke one, or choose a larger plan")
    assert isinstance(answer, frozenset)
    return answer


def admitted(draft: KeyRecord) -> KeyRecord:
    """Check a new key by the plan of its owner; without an end of its own it ends as late as the plan allows.

    Args:
        draft: The key, with the terms of its owner.

    Raises:
        PlanExceeded: Its life is too long, or the plan lacks its environment or one of its scopes.
    """
    plan = None if draft.terms is None else draft.terms.plan
    if plan is None:
        return draft
    if plan.environments is not None and draft.environment not in plan.environments:
        known = ", ".join(sorted(plan.environments))
        raise PlanExceeded(
            draft.owner,
            plan.id,
            f"has no environment {quote(draft.environment, LONGEST_WORD)}: take one of {known}",
            field="environment",
        )
    beyond = [] if plan.scopes is None else sorted(draft.scopes - common(draft.scopes, plan.scopes))
    if beyond:
        raise PlanExceeded(draft.owner, plan.id, f"does not have the scope {beyond[0]!r}: leave it out", field="scopes")
    latest = _latest(draft, plan)
    if latest is None or (draft.expires is not None and draft.expires <= latest):
        return draft
    if draft.expires is None:
        return draft._replace(expires=latest)
    raise PlanExceeded(draft.owner, plan.id, f"lets a key live for {plan.max_life:.0f} seconds: ask for less")


def renewed(record: KeyRecord, now: float) -> KeyRecord:
    """Check the new end of a key by the plan of its owner, from now on; without an end it ends as late as that allows.

    Args:
        record: The key as it would be, with the terms of its owner.
        now: The present, in seconds since 1970 UTC.

    Raises:
        PlanExceeded: It would live for too long.
    """
    plan = None if record.terms is None else record.terms.plan
    latest = None if plan is None else _latest(record, plan, now)
    if plan is None or latest is None or (record.expires is not None and record.expires <= latest):
        return record
    if record.expires is None:
        return record._replace(expires=latest)
    why = f"lets a key live for {plan.max_life:.0f} seconds more: give an earlier end"
    raise PlanExceeded(record.owner, plan.id, why, field="expires_at")


def shortened(successor: KeyRecord) -> KeyRecord:
    """Shorten the life of a successor to its owner's plan; a plan never refuses a rotation."""
    plan = None if successor.terms is None else successor.terms.plan
    latest = None if plan is None else _latest(successor, plan)
    if latest is None or (successor.expires is not None and successor.expires <= latest):
        return successor
    return successor._replace(expires=latest)


def _latest(record: KeyRecord, plan: PlanRecord, now: float = 0.0) -> float | None:
    """Return the latest end of a key that is made, or gets a new end, now; or None."""
    start = max(record.created, now, record.begins or 0.0)
    return None if plan.max_life is None else min(start + plan.max_life, LAST_INSTANT)


def _read(given: PlanFields) -> dict[str, Any]:
    """Check an update, and return its fields of the record.

    Raises:
        InvalidRequest: A field is not valid; the message names the field and the reason.
    """
    unknown = given.keys() - PlanFields.__annotations__.keys()
    if unknown:
        raise InvalidRequest(
            f"a plan has no {', '.join(sorted(unknown))}: known are {', '.join(PlanFields.__annotations__)}"
        )
    fields: dict[str, Any] = dict(given)
    for what in ("rate_limit", "quota"):
        if what in fields:
            field.rules(fields[what], what)
    limits.parse(fields.get("rate_limit"), fields.get("quota"))
    if fields.get("max_keys") is not None:
        field.number(fields["max_keys"], "max_keys", 1, MOST_KEYS)
    if fields.get("max_life") is not None:
        fields["max_life"] = field.seconds(fields["max_life"], "max_life")
        if fields["max_life"] <= 0:
            raise InvalidRequest(
                "max_life must be over 0 seconds: a shorter one would end every key at once", field="max_life"
            )
    if "rotate_every" in fields:
        fields["rotate_every"] = field.period(fields["rotate_every"], "rotate_every")
    if fields.get("scopes") is not None:
        fields["scopes"] = policy.check_scopes(fields["scopes"])
    if fields.get("environments") is not None:
        fields["environments"] = _environments(fields["environments"])
    return fields


def _environments(given: Iterable[str]) -> frozenset[str]:
    """Check the environments of a plan.

    Raises:
        InvalidRequest: The list is empty, or no key can have one of them.
    """
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise InvalidRequest("environments must be a list of texts: write  environments=[...]", field="environments")
    if not given:
        raise InvalidRequest(
            "a plan without any environment would let no key be issued: leave environments out", field="environments"
        )
    for environment in given:
        if not isinstance(environment, str) or not re.fullmatch(ENVIRONMENT, environment):
            raise InvalidRequest(
                f"environment {quote(environment, LONGEST_WORD)} must be 2 to 8 of a-z, such as  live",
                field="environments",
            )
    return frozenset(given)
