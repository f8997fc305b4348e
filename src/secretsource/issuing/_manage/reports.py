"""The questions about counted requests: each is a flow, which either shell runs."""

from __future__ import annotations

from secretsource._ground.key_text import quote
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._check.purses import purses_of, purses_of_owner, with_credits
from secretsource.issuing._check.terms import limits_of, shared_by
from secretsource.issuing._manage import field
from secretsource.issuing._manage.recent_use import first_hour, recent_use_of
from secretsource.stores.base import CountQuery, Terms, Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import TypeVar

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._manage.operations import Operations
    from secretsource.issuing._manage.recent_use import RecentUse
    from secretsource.limiters.base import Draw, LimitState, Plan
    from secretsource.stores.base import Count, KeyRecord, OwnerRecord, PlanRecord, Purse, Spending, Usage

    Held = TypeVar("Held")

__all__ = ["Reports"]

MOST_COUNTS = 100_000
"""Rows that one question is answered with."""
MOST_AT_ONCE = 1000
"""Keys, and units of time, that a question about several keys may have."""


class Reports:
    """The flows of the reports."""

    def __init__(self, parts: Parts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def usage(
        self,
        owner: str | int | None,
        key_id: str | None,
        key_ids: Sequence[str] | None,
        plan: str | int | None,
        since: datetime | float | None,
        until: datetime | float | None,
        by: object,
        per_key: bool,
    ) -> Flow[Sequence[Count]]:
        """Return counted requests; by default those of the last unit and the present one."""
        if by not in tuple(Unit):
            raise InvalidRequest(f"usage is by {', '.join(Unit)}, not by {quote(by)}", field="by")
        unit = Unit(str(by))
        store = self._parts.store
        if store.counts is None:
            raise ConfigurationError(
                f"a {type(store).__name__} counts no requests: use a store in SQLite or PostgreSQL"
            )
        begin, end = self._span(since, until, unit)
        whose = field.wanted_owner(owner)
        if key_id is not None:
            record: KeyRecord = yield from self._operations.get(key_id)
            if whose not in {None, record.owner}:
                return []
            whose = record.owner
        on = None if plan is None else field.named(plan, "plan")
        query = CountQuery(unit, begin, end, whose, key_id, on, MOST_COUNTS + 1, _several(key_ids, whose), per_key)
        if query.key_ids is not None:
            field.number(len(query.starts), f"the number of {unit}s", 0, MOST_AT_ONCE)
        counts: Sequence[Count] = yield store.counts.read(query)
        if len(counts) > MOST_COUNTS:
            raise InvalidRequest(f"these are over {MOST_COUNTS} counts: ask for a shorter time, or by a longer unit")
        return counts

    def recent_use(self, key_id: str) -> Flow[RecentUse]:
        """Return the clients and the requests of a key in the last day."""
        record = yield from self._operations.get(key_id)
        store, now = self._parts.store, self._parts.clock.now().wall
        used: Usage = yield store.usage(key_id)
        hours: Sequence[Count] | None = None
        if store.counts is not None:
            since, one = first_hour(now), (key_id,)
            query = CountQuery(Unit.HOUR, since, now + 1, record.owner, limit=MOST_COUNTS, key_ids=one)
            hours = yield store.counts.read(query)
        return recent_use_of(key_id, used, hours, now)

    def remaining(self, key_id: str) -> Flow[Sequence[LimitState]]:
        """Return the state of each limit of a key, its owner and the owner's plan, and of credits; nothing is taken."""
        record = yield from self._operations.get(key_id)
        states = yield from self._states(*_known(limits_of, record), purses_of(record))
        return states

    def remaining_of(self, owner: OwnerRecord) -> Flow[Sequence[LimitState]]:
        """Return the state of each limit of an owner and of its plan, and of its credits; nothing is taken."""
        plans = self._parts.store.plans
        plan: PlanRecord | None = None if owner.plan is None or plans is None else (yield plans.get(owner.plan))
        states = yield from self._states(*_known(shared_by, Terms(owner, plan)), purses_of_owner(owner))
        return states

    def _states(self, account: str, plan: Plan | None, purses: tuple[Purse, ...]) -> Flow[Sequence[LimitState]]:
        now = self._parts.clock.now()
        draw: Draw | None = None
        if plan is not None:
            draw = yield self._parts.limiter.draw(account, plan, 0, now.mono, now.wall)
        store = self._parts.store.credits
        if purses and store is not None:
            spending: Spending = yield store.spend(purses, 0)
            draw = with_credits(draw, purses, spending.spent, (now.mono, now.wall))
        return [] if draw is None else draw.states

    def _span(self, since: datetime | float | None, until: datetime | float | None, unit: Unit) -> tuple[float, float]:
        """Return the first start that counts, and the first one after it that does not."""
        now = self._parts.clock.now().wall
        end = field.instant(until, "until")
        begin = field.instant(since, "since")
        if begin is None:
            begin = max(0.0, (now if end is None else end) - unit.seconds)
        if begin >= (now + 1 if end is None else end):
            raise InvalidRequest("usage ends before it begins: give an earlier since, or a later until", field="since")
        return begin // unit.seconds * unit.seconds, now + 1 if end is None else end


def _known(limits: Callable[[Held], tuple[str, Plan | None]], held: Held) -> tuple[str, Plan | None]:
    """Return the account and the limits of a key or an owner; None for limits of a newer version of this package."""
    try:
        return limits(held)
    except InvalidRequest:
        return "", None


def _several(key_ids: Sequence[str] | None, owner: str | None) -> tuple[str, ...] | None:
    """Return the keys of a question about several.

    Raises:
        InvalidRequest: They are too many, or no owner is given.
    """
    if key_ids is None:
        return None
    if owner is None:
        raise InvalidRequest("usage of several keys needs their owner: give owner beside key_ids")
    field.number(len(key_ids), "the number of key_ids", 0, MOST_AT_ONCE)
    return tuple(dict.fromkeys(key_ids))
