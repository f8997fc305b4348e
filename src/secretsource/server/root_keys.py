"""The check of root keys, which is the door to everything that manages keys."""

from __future__ import annotations

from ipaddress import ip_network
from time import time
from typing import TYPE_CHECKING

from secretsource.exceptions import KeyNotFound, OwnerNotFound, StoreError
from secretsource.issuing import (
    Admission,
    HttpAnswer,
    KeyRecord,
    OwnerEventKind,
    OwnerStatus,
    Reason,
    Rejected,
    Status,
    http_answer,
)
from secretsource.server.gateway.peers import is_trusted
from secretsource.server.rights import ROOT_PREFIX, RootCaller, bound_owner, is_root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource.issuing import Admitted, AsyncApiKeys, Demand

__all__ = ["REALM", "RootKeys"]

_GOOD = frozenset({Status.ACTIVE, Status.ROTATING})
REALM = "management"
"""The purpose of root keys, as challenges name it."""


class RootKeys:
    """The check of root keys.

    Args:
        keys: The keys, among which the root keys are.
        refuse_after: Seconds from a request to its refusal, as for `AdmissionSettings`.

    Attributes:
        recalling: As `Admission.recalling`, for root keys.
    """

    def __init__(self, keys: AsyncApiKeys, refuse_after: float = 0.025) -> None:
        self._keys = keys
        self._admission = Admission(
            keys, scope=None, prefix=ROOT_PREFIX, realm=REALM, preflight="check", refuse_after=refuse_after
        )
        self.recalling = self._admission.recalling

    async def authenticate(
        self, headers: Iterable[tuple[bytes, bytes]], ip: str | None, scope: Demand
    ) -> RootCaller | HttpAnswer:
        """Return the caller of a request, or the answer to send; ``5 at once`` bounds the checks at once.

        Args:
            headers: The headers of the request, as ASGI has them.
            ip: The address of the client.
            scope: The scopes that the request needs, or `NO_SCOPE`.
        """
        sent = headers if isinstance(headers, list) else list(headers)
        del headers  # a traceback shows no key
        admitted: Admitted | HttpAnswer | None = self._admission.glance(sent, ip, "", "", "", scope)
        if admitted is None:
            admitted = await self._admission.aadmit(sent, ip, "", "", scope=scope, glanced=True)
        del sent
        return admitted if isinstance(admitted, HttpAnswer) else await self.confirm(admitted, ip)

    async def confirm(self, admitted: Admitted | KeyRecord, ip: str | None) -> RootCaller | HttpAnswer:
        """Return the caller whose key was accepted, or the answer to send; see `authenticate`.

        Args:
            admitted: The accepted key, as `recalling` returned it.
            ip: The address of the client.
        """
        record = admitted if isinstance(admitted, KeyRecord) else admitted.record
        if not isinstance(admitted, KeyRecord) and admitted.lease is not None:
            await self._admission.arelease(admitted)
        assert record is not None, "no path is exempt"
        if is_root(record) and bound_owner(record) is None:
            return RootCaller(record, ip)
        refused = await self._refusal(record, ip)
        return RootCaller(record, ip) if refused is None else http_answer(refused, realm=REALM, now=time())

    async def recall(self, key_id: str, ip: str | None) -> RootCaller | None:
        """Return the caller of a root key that was accepted before, from the store; None once it is not good any more.

        Args:
            key_id: The id of the root key.
            ip: The address of the client.

        Raises:
            StoreError: The store could not answer.
        """
        try:
            record = await self._keys.get(key_id)
        except KeyNotFound:
            return None
        return await self.caller_of(record, ip)

    async def caller_of(self, record: KeyRecord, ip: str | None) -> RootCaller | None:
        """Return the caller that a record makes; None if it is not good, or its customer is suspended or purged.

        Args:
            record: The record of a root key, or the same rights of a person.
            ip: The address of the client.

        Raises:
            StoreError: The store could not answer.
        """
        if not _is_good(record, ip, time()):
            return None
        refused = await self._refusal(record, ip)
        if refused is not None and refused.reason is Reason.STORE_UNAVAILABLE:
            raise StoreError("the customer that the root key is bound to could not be read")
        return RootCaller(record, ip) if refused is None else None

    async def _refusal(self, record: KeyRecord, ip: str | None) -> Rejected | None:
        """Return why a good key of the reserved prefix is refused: it is not ours, or its customer is not let in."""
        if not is_root(record):
            return Rejected(Reason.WRONG_KIND)
        bound = RootCaller(record, ip).owner
        if bound is None:
            return None
        try:
            return await self._refusal_of_customer(bound, record.created)
        except StoreError:
            return Rejected(Reason.STORE_UNAVAILABLE)

    async def _refusal_of_customer(self, bound: str, made: float) -> Rejected | None:
        """Return why a root key of a customer is refused: that is suspended, or was purged after the key was made."""
        try:
            owner = await self._keys.owners.get(bound)
        except OwnerNotFound:
            owner = None
        if owner is not None and owner.status is not OwnerStatus.ACTIVE:
            return Rejected(Reason.OWNER_SUSPENDED)
        if owner is not None and owner.created < made:
            return None
        events = await self._keys.owners.events(bound)
        is_purged = any(event.kind is OwnerEventKind.PURGED and event.time >= made for event in events)
        return Rejected(Reason.REVOKED) if is_purged else None


def _is_good(record: KeyRecord, ip: str | None, now: float) -> bool:
    """Return whether a root key that was accepted before is still good at an instant."""
    has_begun = record.begins is None or record.begins <= now
    is_here = not record.networks or is_trusted(ip, [ip_network(each) for each in record.networks])
    return is_root(record) and record.status_at(now) in _GOOD and has_begun and is_here
