"""The verbs of `AsyncApiKeys`, other than checks, that operators and customers use."""

from __future__ import annotations

from secretsource._ground.flow import arun
from secretsource._traceless import boundaries
from secretsource.issuing._key.lifecycle import Move
from secretsource.issuing._manage.field import by
from secretsource.issuing._manage.request import successor_end
from secretsource.issuing._verbs.administration import BY_ITSELF, ROTATE_SELF
from secretsource.issuing._verbs.async_reading import AsyncKeyReading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from typing import Unpack

    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.verifier import Verifier
    from secretsource.issuing._manage.amend import KeyUpdate
    from secretsource.issuing._manage.ending.revocations import Revocations, RevokedKeys
    from secretsource.issuing._manage.issued import Issued, Rotated, RotationStatus
    from secretsource.issuing._manage.operations import Operations
    from secretsource.issuing._manage.request import KeyRequest
    from secretsource.issuing._manage.updates import Updates
    from secretsource.stores.base import KeyRecord

__all__ = ["AsyncKeyAdministration"]


@boundaries()
class AsyncKeyAdministration(AsyncKeyReading):
    """The verbs that change keys, and the parts that they work with; `AsyncApiKeys` inherits both."""

    _parts: Parts
    _operations: Operations
    _revocations: Revocations
    _updates: Updates
    _verifier: Verifier

    if TYPE_CHECKING:

        async def verify(self, text: str, *, scope: str, ip: str | None, cost: int, fresh: bool) -> KeyRecord: ...

    async def issue(
        self, *, actor: str | None = None, origin: str | None = None, **request: Unpack[KeyRequest]
    ) -> Issued:
        """Do as `ApiKeys.issue` does."""
        return (await arun(self._operations.issue([request], by(actor, origin))))[0]

    async def issue_many(
        self, requests: Sequence[KeyRequest], *, actor: str | None = None, origin: str | None = None
    ) -> Sequence[Issued]:
        """Do as `ApiKeys.issue_many` does."""
        return await arun(self._operations.issue(requests, by(actor, origin)))

    async def update(
        self,
        key_id: str,
        *,
        revision: int | None = None,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
        **update: Unpack[KeyUpdate],
    ) -> KeyRecord:
        """Do as `ApiKeys.update` does."""
        return await arun(self._updates.update(key_id, update, revision, by(actor, origin, reason)))

    async def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta | float,
        expires_in: timedelta | float | None = None,
        expires_at: datetime | float | None = None,
        keep_expiry: bool = False,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> Rotated:
        """Do as `ApiKeys.rotate` does."""
        ends = successor_end(expires_in, expires_at, keep_expiry)
        return await arun(self._operations.rotate(key_id, overlap, by(actor, origin, reason), ends))

    async def rotate_by(
        self,
        text: str,
        *,
        overlap: timedelta | float,
        ip: str | None = None,
        origin: str | None = None,
        keep_expiry: bool = False,
    ) -> Rotated:
        """Do as `ApiKeys.rotate_by` does."""
        try:
            record = await self.verify(text, scope=ROTATE_SELF, ip=ip, cost=0, fresh=True)
        finally:
            del text  # a traceback shows no key
        return await self.rotate(
            record.key_id, overlap=overlap, keep_expiry=keep_expiry, actor=BY_ITSELF, origin=origin
        )

    async def rotation_status(self, key_id: str) -> RotationStatus:
        """Do as `ApiKeys.rotation_status` does."""
        await self.flush()
        return await arun(self._operations.rotation_status(key_id))

    async def finish_rotation(
        self,
        key_id: str,
        *,
        quiet_for: timedelta | float | None = None,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> KeyRecord:
        """Do as `ApiKeys.finish_rotation` does."""
        await self.flush()
        return await arun(self._operations.finish_rotation(key_id, quiet_for, by(actor, origin, reason)))

    async def revoke(
        self,
        key_id: str,
        *,
        family: bool = False,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> KeyRecord:
        """Do as `ApiKeys.revoke` does."""
        return await arun(self._revocations.one(key_id, by(actor, origin, reason), family=family))

    async def revoke_all(
        self, *, owner: str | int, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> RevokedKeys:
        """Do as `ApiKeys.revoke_all` does."""
        return await arun(self._revocations.of_owner(owner, by(actor, origin, reason)))

    async def surrender(self, text: str, *, reason: str | None = None, origin: str | None = None) -> KeyRecord:
        """Do as `ApiKeys.surrender` does."""
        flow = self._revocations.by_text(self._verifier, text, by(None, origin, reason))
        del text  # a traceback shows no key
        return await arun(flow)

    async def disable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """Do as `ApiKeys.disable` does."""
        return await arun(self._operations.move(key_id, Move.DISABLE, by(actor, origin, reason)))

    async def enable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """Do as `ApiKeys.enable` does."""
        return await arun(self._operations.move(key_id, Move.ENABLE, by(actor, origin, reason)))
