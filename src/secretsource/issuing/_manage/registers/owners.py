"""Owners: the customers of an issuer, registered, changed and suspended. Pure; the flows are in `registry`."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import Any, TypedDict

from secretsource._ground.key_text import quote
from secretsource.exceptions import InvalidRequest, OwnerNotFound
from secretsource.issuing import limits
from secretsource.issuing._manage import field
from secretsource.issuing._manage.registers.passes import Passes
from secretsource.issuing._manage.registers.registry import Registry, need_credits
from secretsource.stores.base import OwnerEventKind, OwnerRecord, OwnerStatus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._key.lifecycle import By
    from secretsource.stores.base import Claim

__all__ = ["OwnerFields", "Owners"]


class OwnerFields(TypedDict, total=False):
    """The fields of an owner; fields left out stay as they are, and None clears a field.

    Attributes:
        name: Its name for people: up to 255 characters.
        plan: The id of its plan.
        rate_limit: Rules such as ``100/minute``, which all its keys share.
        quota: Rules such as ``10000/month``, which all its keys share.
        credits: Requests that all its keys may make in all, 0 to 10**15, those that were made included.
        metadata: A JSON object of up to 4096 bytes in UTF-8.
    """

    name: str | None
    plan: str | None
    rate_limit: str | None
    quota: str | None
    credits: int | None
    metadata: Mapping[str, Any] | None


class Owners(Registry[OwnerRecord]):
    """The flows over the owners."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts, "owner", OwnerNotFound)

    def put(self, id: object, given: OwnerFields, by: By, revision: int | None = None) -> Flow[OwnerRecord]:
        """Register an owner, or change the given fields."""
        fields = _read(given)
        if fields.get("credits") is not None:
            need_credits(self._parts)

        def decide(id: str, old: OwnerRecord | None, now: float) -> OwnerRecord:
            return (old or OwnerRecord(id, now))._replace(**fields)

        return self.change(id, decide, OwnerEventKind.CHANGED, by, revision)

    def add_credits(self, id: object, credits: object, by: By, claim: Claim | None = None) -> Flow[OwnerRecord]:
        """Add credits to those of an owner; simultaneous top-ups all count. With a claim they are added once."""
        more = field.more_credits(credits)

        def decide(id: str, old: OwnerRecord | None, _: float) -> OwnerRecord:
            if old is None:
                raise OwnerNotFound(id)
            return old._replace(credits=field.topped_up(old.credits, more, f"owner {quote(id, 80)}"))

        return self.change(id, decide, OwnerEventKind.CHANGED, by, claim=claim)

    def suspend(self, id: object, by: By) -> Flow[OwnerRecord]:
        """Refuse the keys of an owner until it is resumed."""
        return self._set(id, OwnerStatus.SUSPENDED, OwnerEventKind.SUSPENDED, by)

    def resume(self, id: object, by: By) -> Flow[OwnerRecord]:
        """Accept the keys of a suspended owner again."""
        return self._set(id, OwnerStatus.ACTIVE, OwnerEventKind.RESUMED, by)

    def sign_out(self, id: object, kinds: Sequence[str], by: By) -> Flow[int]:
        """End every pass of some kinds of an owner, registered or not."""
        return Passes(self._parts).end(kinds, field.owner(id), by)

    def _need_deletable(self, record: OwnerRecord) -> None:
        """Refuse to delete a suspended owner: its keys would be accepted again."""
        if record.status is not OwnerStatus.ACTIVE:
            raise InvalidRequest(
                f"owner {quote(record.id, 80)} is {record.status.value}, and without the registration its keys would "
                "be accepted again: resume it before you delete it, or delete it with its keys by purge"
            )

    def _set(self, id: object, status: OwnerStatus, kind: OwnerEventKind, by: By) -> Flow[OwnerRecord]:
        def decide(id: str, old: OwnerRecord | None, _: float) -> OwnerRecord:
            if old is None:
                raise OwnerNotFound(id)
            return old if old.status is status else old._replace(status=status, status_reason=by.reason)

        return self.change(id, decide, kind, by)


def _read(given: OwnerFields) -> dict[str, Any]:
    """Check an update, and return its fields of the record.

    Raises:
        InvalidRequest: A field is not valid; the message names the field and the reason.
    """
    unknown = given.keys() - OwnerFields.__annotations__.keys()
    if unknown:
        raise InvalidRequest(
            f"an owner has no {', '.join(sorted(unknown))}: known are {', '.join(OwnerFields.__annotations__)}"
        )
    fields: dict[str, Any] = dict(given)
    if "name" in fields:
        fields["name"] = field.keyless(field.text(fields["name"] or "", "name"), "name")
    if fields.get("plan") is not None:
        fields["plan"] = field.named(fields["plan"], "plan")
    for what in ("rate_limit", "quota"):
        if what in fields:
            field.rules(fields[what], what)
    limits.parse(fields.get("rate_limit"), fields.get("quota"))
    if "credits" in fields:
        field.credits(fields["credits"])
    if "metadata" in fields:
        fields["metadata"] = field.keyless(field.metadata(fields["metadata"] or {}), "metadata")
    return fields
