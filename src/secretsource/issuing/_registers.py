"""`keys.owners` and `keys.plans`: the verbs of customers and of the plans they are on, for threads."""

from __future__ import annotations

from secretsource._flow import run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.request import by
from secretsource.issuing._manage.request import named as _named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from secretsource.issuing._manage.owners import OwnerFields, Owners
    from secretsource.issuing._manage.plans import PlanFields, Plans
    from secretsource.stores.base import OwnerEvent, OwnerRecord, PlanRecord

__all__ = ["OwnerRegister", "PlanRegister"]


@boundaries()
class OwnerRegister:
    """The owners of keys; `ApiKeys.owners` is one.

    An owner's id is the ``owner`` of its keys: a name of 1 to 255 characters, or an integer from 0. A key may have an
    owner that is not registered; no rule but its own holds for it then. Every method raises `StoreError` when the store
    cannot answer, and `ConfigurationError` when it keeps no owners.
    """

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    def put(
        self, id: str | int, *, actor: str | None = None, origin: str | None = None, **fields: Unpack[OwnerFields]
    ) -> OwnerRecord:
        """Register an owner, or change one; what is left out stays as it is, and None clears.

        Args:
            id: Whose keys it is about.
            actor: Who changes it, in the application's words.
            origin: From where: an address, a host name.
            fields: What to change; see `OwnerFields`.

        Raises:
            InvalidRequest: Something of it cannot be; nothing was stored.
            PlanNotFound: There is no such plan; nothing was stored.
        """
        return run(self._owners.put(id, fields, by(actor, origin)))

    def get(self, id: str | int) -> OwnerRecord:
        """The record of an owner.

        Raises:
            OwnerNotFound: It is not registered.
        """
        return run(self._owners.get(id))

    def list(
        self, *, plan: str | int | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[OwnerRecord]:
        """Owners in the order of their ids.

        Args:
            plan: Only those on this plan.
            after: Only those behind this id, taken from the last record of the page before.
            limit: How many, 1 to 1000.
        """
        return run(self._owners.list(after, limit, None if plan is None else _named(plan, "plan")))

    def events(self, id: str | int, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """What happened to an owner, oldest first; also to one that was deleted.

        Args:
            id: Which.
            after: Only events whose revision is greater.
            limit: How many, 1 to 1000.
        """
        return run(self._owners.events(id, after, limit))

    def suspend(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Take no key of an owner until it is resumed; its keys stay as they are.

        Args:
            id: Which.
            reason: Why; this and the next two are cut to 255 characters.
            actor: Who suspends it.
            origin: From where.

        Raises:
            OwnerNotFound: It is not registered.
        """
        return run(self._owners.suspend(id, by(actor, origin, reason)))

    def resume(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Take the keys of a suspended owner again; arguments and errors as for `suspend`."""
        return run(self._owners.resume(id, by(actor, origin, reason)))

    def delete(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Forget what is registered of an owner; its keys stay, without the rules of a plan.

        Arguments and errors as for `suspend`.

        Returns:
            The record as it was.
        """
        return run(self._owners.delete(id, by(actor, origin, reason)))


@boundaries()
class PlanRegister:
    """The plans that owners are on; `ApiKeys.plans` is one. Errors of the store are those of `OwnerRegister`."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    def put(
        self, id: str | int, *, actor: str | None = None, origin: str | None = None, **fields: Unpack[PlanFields]
    ) -> PlanRecord:
        """Make a plan, or change one; what is left out stays as it is, and None clears.

        It is one write, whatever the number of keys. Limits and scopes hold for every key from then on; ``max_keys``,
        ``max_life`` and ``environments`` for keys that are issued from then on. No key ends by it.

        Args:
            id: Its name; 1 to 255 characters.
            actor: Who changes it, in the application's words.
            origin: From where: an address, a host name.
            fields: What to change; see `PlanFields`.

        Raises:
            InvalidRequest: Something of it cannot be; nothing was stored.
        """
        return run(self._plans.put(id, fields, by(actor, origin)))

    def get(self, id: str | int) -> PlanRecord:
        """The record of a plan.

        Raises:
            PlanNotFound: There is no such plan.
        """
        return run(self._plans.get(id))

    def list(self, *, after: str | None = None, limit: int = 100) -> Sequence[PlanRecord]:
        """Plans in the order of their ids; arguments as for `OwnerRegister.list`."""
        return run(self._plans.list(after, limit))

    def events(self, id: str | int, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """What happened to a plan, oldest first; arguments as for `OwnerRegister.events`."""
        return run(self._plans.events(id, after, limit))

    def delete(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> PlanRecord:
        """Delete a plan that no owner is on.

        Args:
            id: Which.
            reason: Why; this and the next two are cut to 255 characters.
            actor: Who deletes it.
            origin: From where.

        Returns:
            The record as it was.

        Raises:
            PlanNotFound: There is no such plan.
            InvalidRequest: An owner is on it.
        """
        return run(self._plans.delete(id, by(actor, origin, reason)))
