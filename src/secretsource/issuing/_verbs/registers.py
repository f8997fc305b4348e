"""`keys.owners` and `keys.plans`: the verbs of customers and of their plans, for threads."""

from __future__ import annotations

from secretsource._ground.flow import run
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

__all__ = ["OwnerRegister", "PlanRegister"]


@boundaries()
class OwnerRegister:
    """The owners of keys, as `ApiKeys.owners`.

    An owner's id is the ``owner`` of its keys: a name of 1 to 255 characters, or an integer from 0. A key may have an
    unregistered owner; only its own rules hold for it then. Every method raises `StoreError` when the store cannot
    answer, and `ConfigurationError` when it stores no owners.
    """

    def __init__(self, owners: Owners, reports: Reports) -> None:
        self._owners = owners
        self._reports = reports

    def put(
        self,
        id: str | int,
        *,
        revision: int | None = None,
        actor: str | None = None,
        origin: str | None = None,
        **fields: Unpack[OwnerFields],
    ) -> OwnerRecord:
        """Register an owner, or change one; fields left out stay as they are, and None clears a field.

        Args:
            id: The owner of the keys.
            revision: Change the record only at this revision; 0 only makes a new one, and None is for any.
            actor: The person or program that changes it, in the application's words.
            origin: Its address or host name.
            fields: The fields to change; see `OwnerFields`.

        Raises:
            InvalidRequest: A field is not valid; nothing was stored.
            PlanNotFound: There is no such plan; nothing was stored.
            Conflict: The record has another revision; nothing was stored.
        """
        return run(self._owners.put(id, fields, by(actor, origin), revision))

    def add_credits(
        self,
        id: str | int,
        credits: int,
        *,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> OwnerRecord:
        """Add credits to those of an owner, which its keys share; simultaneous calls all count.

        Args:
            id: The owner.
            credits: The credits to add, from 1.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that adds them.
            origin: Its address or host name.

        Raises:
            OwnerNotFound: The owner is not registered.
            InvalidRequest: It is not such a number, or the owner has no credits to add to; nothing was stored.
        """
        return run(self._owners.add_credits(id, credits, by(actor, origin, reason)))

    def add_credits_once(
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
        """Add credits as `add_credits` does, once for each token of a caller, however often the call is repeated.

        The token is stored together with the sum, so a process that is killed on the way leaves no doubt. It is
        remembered for a day.

        Args:
            token: As for `ApiKeys.issue_once`, like `caller` and `fingerprint`.
            id: The owner.
            credits: The credits to add, from 1.
            caller: The caller.
            fingerprint: The request of the caller.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that adds them.
            origin: Its address or host name.

        Returns:
            The record as it is now.

        Raises:
            RepeatDiffers: The token was used with another fingerprint.
            OwnerNotFound: The owner is not registered.
            InvalidRequest: It is not such a number, or the owner has no credits to add to; nothing was stored.
            ConfigurationError: The store keeps no claims.
            StoreError: The store could not answer; repeat it with the same token.
        """
        claim = self._owners.claims.of(token, caller, f"{id}\n{fingerprint}")
        return run(self._owners.add_credits(id, credits, by(actor, origin, reason), claim))

    def remaining(self, id: str | int) -> Sequence[LimitState]:
        """Return the state of each limit of an owner and of its plan, and of its credits; nothing is taken.

        Args:
            id: The owner.

        Returns:
            Its own limits first, and credits last. Limits that are counted in memory are those that this process has
            counted.

        Raises:
            OwnerNotFound: The owner is not registered.
        """
        owner = run(self._owners.get(id))
        return run(self._reports.remaining_of(owner))

    def get(self, id: str | int) -> OwnerRecord:
        """Read the record of an owner.

        Args:
            id: The owner.

        Raises:
            OwnerNotFound: The owner is not registered.
        """
        return run(self._owners.get(id))

    def list(
        self, *, plan: str | int | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[OwnerRecord]:
        """List owners in the order of their ids.

        Args:
            plan: Only owners on this plan.
            after: Only owners behind this id, taken from the last record of the page before.
            limit: Greatest number of owners, 1 to 1000.
        """
        return run(self._owners.list(after, limit, None if plan is None else _named(plan, "plan")))

    def events(self, id: str | int, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Return the history of an owner, oldest first, even of a deleted one.

        Args:
            id: The owner.
            after: Only events whose revision is greater.
            limit: Greatest number of events, 1 to 1000.
        """
        return run(self._owners.events(id, after, limit))

    def suspend(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Refuse the keys of an owner until it is resumed; their records stay as they are.

        Args:
            id: The owner.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that suspends it.
            origin: Its address or host name.

        Raises:
            OwnerNotFound: The owner is not registered.
        """
        return run(self._owners.suspend(id, by(actor, origin, reason)))

    def resume(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Accept the keys of a suspended owner again; arguments and errors as for `suspend`."""
        return run(self._owners.resume(id, by(actor, origin, reason)))

    def sign_out(
        self,
        id: str | int,
        kinds: Sequence[str],
        *,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> int:
        """End every pass of an owner, registered or not; its keys stay as they are.

        The event ``signed_out`` is written if there was a pass.

        Args:
            id: The owner.
            kinds: The kinds of its passes, which end in this order: first what a new session is made from.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that ends them.
            origin: Its address or host name.

        Returns:
            The number of passes.

        Raises:
            ConfigurationError: The store keeps no passes.
        """
        return run(self._owners.sign_out(id, kinds, by(actor, origin, reason)))

    def delete(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> OwnerRecord:
        """Delete the registration of an owner; its keys stay, without the rules of a plan.

        Arguments as for `suspend`.

        Returns:
            The record as it was.

        Raises:
            OwnerNotFound: The owner is not registered.
            InvalidRequest: The owner is suspended: its keys would be accepted again.
        """
        return run(self._owners.delete(id, by(actor, origin, reason)))


@boundaries()
class PlanRegister:
    """The plans of owners, as `ApiKeys.plans`. Errors of the store are those of `OwnerRegister`."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    def put(
        self,
        id: str | int,
        *,
        revision: int | None = None,
        actor: str | None = None,
        origin: str | None = None,
        **fields: Unpack[PlanFields],
    ) -> PlanRecord:
        """Make a plan, or change one; fields left out stay as they are, and None clears a field.

        It is one write, whatever the number of keys. Limits and scopes hold for every key from then on; ``max_keys``,
        ``max_life`` and ``environments`` for keys that are issued from then on. No key ends by it.

        Args:
            id: The name of the plan; 1 to 255 characters.
            revision: Change the record only at this revision; 0 only makes a new one, and None is for any.
            actor: The person or program that changes it, in the application's words.
            origin: Its address or host name.
            fields: The fields to change; see `PlanFields`.

        Raises:
            InvalidRequest: A field is not valid; nothing was stored.
            Conflict: The record has another revision; nothing was stored.
        """
        return run(self._plans.put(id, fields, by(actor, origin), revision))

    def get(self, id: str | int) -> PlanRecord:
        """Read the record of a plan.

        Args:
            id: The plan.

        Raises:
            PlanNotFound: There is no such plan.
        """
        return run(self._plans.get(id))

    def list(self, *, after: str | None = None, limit: int = 100) -> Sequence[PlanRecord]:
        """List plans in the order of their ids; arguments as for `OwnerRegister.list`."""
        return run(self._plans.list(after, limit))

    def events(self, id: str | int, *, after: int = 0, limit: int = 100) -> Sequence[OwnerEvent]:
        """Return the history of a plan, oldest first; arguments as for `OwnerRegister.events`."""
        return run(self._plans.events(id, after, limit))

    def delete(
        self, id: str | int, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> PlanRecord:
        """Delete a plan without owners.

        Args:
            id: The plan.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that deletes it.
            origin: Its address or host name.

        Returns:
            The record as it was.

        Raises:
            PlanNotFound: There is no such plan.
            InvalidRequest: The plan has owners.
        """
        return run(self._plans.delete(id, by(actor, origin, reason)))
