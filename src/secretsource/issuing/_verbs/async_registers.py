"""`keys.owners` and `keys.plans`: the verbs of customers and of the plans they are on, for an event loop."""

from __future__ import annotations

from secretsource._ground.flow import arun
from secretsource._traceless import boundaries
from secretsource.issuing._manage.field import by
from secretsource.issuing._manage.field import named as _named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from secretsource.issuing._manage.registers.owners import OwnerFields, Owners
    from secretsource.issuing._manage.registers.plans import PlanFields, Plans
    from secretsource.issuing._manage.reports import Reports
    from secretsource.limiters.base import LimitState
    from secretsource.stores.base import OwnerEvent, OwnerRecord, PlanRecord

__all__ = ["AsyncOwnerRegister", "AsyncPlanRegister"]


@boundaries()
class AsyncOwnerRegister:
    """As `OwnerRegister`, word for word, for an event loop."""

    def __init__(self, owners: Owners, reports: Reports) -> None:
        self._owners = owners
        self._reports = reports

    async def put(
        self,
        id: str | int,
        *,
        revision: int | None = None,
        actor: str | None = None,
        origin: str | None = None,
        **fields: Unpack[OwnerFields],
    ) -> OwnerRecord:
        """Do as `OwnerRegister.put` does."""
        return await arun(self._owners.put(id, fields, by(actor, origin), revision))

    async def add_credits(
        self,
        id: str | int,
        credits: int,
        *,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> OwnerRecord:
        """Do as `OwnerRegister.add_credits` does."""
        return await arun(self._owners.add_credits(id, credits, by(actor, origin, reason)))

    async def add_credits_once(
        self,
        token: str,
        id: str | int,
        credits: int,
        *,
        caller: str,
        fingerprint: str,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> OwnerRecord:
        """Do as `OwnerRegister.add_credits_once` does."""
        claim = self._owners.claims.of(token, caller, f"{id}\n{fingerprint}")
        return await arun(self._owners.add_credits(id, credits, by(actor, origin, reason), claim))

    async def remaining(self, id: str | int) -> Sequence[LimitState]:
        """Do as `OwnerRegister.remaining` does."""
        owner = await arun(self._owners.get(id))
        return await arun(self._reports.remaining_of(owner))

    async def get(self, id: str | int) -> OwnerRecord:
        """Do as `OwnerRegister.get` does."""
        return await arun(self._owners.get(id))

    async def list(
        self, *, plan: str | int | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[OwnerRecord]:
        """Do as `OwnerRegister.list` does."""
        return await arun(self._owners.list(after, limit, None if plan is None else _named(plan, "plan")))

    async def events(self, id: str | int, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Do as `OwnerRegister.events` does."""
        return await arun(self._owners.events(id, after, limit))

    async def suspend(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Do as `OwnerRegister.suspend` does."""
        return await arun(self._owners.suspend(id, by(actor, origin, reason)))

    async def resume(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Do as `OwnerRegister.resume` does."""
        return await arun(self._owners.resume(id, by(actor, origin, reason)))

    async def sign_out(
        self,
        id: str | int,
        kinds: Sequence[str],
        *,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> int:
        """Do as `OwnerRegister.sign_out` does."""
        return await arun(self._owners.sign_out(id, kinds, by(actor, origin, reason)))

    async def delete(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Do as `OwnerRegister.delete` does."""
        return await arun(self._owners.delete(id, by(actor, origin, reason)))


@boundaries()
class AsyncPlanRegister:
    """As `PlanRegister`, word for word, for an event loop."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    async def put(
        self,
        id: str | int,
        *,
        revision: int | None = None,
        actor: str | None = None,
        origin: str | None = None,
        **fields: Unpack[PlanFields],
    ) -> PlanRecord:
        """Do as `PlanRegister.put` does."""
        return await arun(self._plans.put(id, fields, by(actor, origin), revision))

    async def get(self, id: str | int) -> PlanRecord:
        """Do as `PlanRegister.get` does."""
        return await arun(self._plans.get(id))

    async def list(self, *, after: str | None = None, limit: int = 100) -> Sequence[PlanRecord]:
        """Do as `PlanRegister.list` does."""
        return await arun(self._plans.list(after, limit))

    async def events(self, id: str | int, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Do as `PlanRegister.events` does."""
        return await arun(self._plans.events(id, after, limit))

    async def delete(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> PlanRecord:
        """Do as `PlanRegister.delete` does."""
        return await arun(self._plans.delete(id, by(actor, origin, reason)))
