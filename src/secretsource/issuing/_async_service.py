"""`AsyncApiKeys`: as `ApiKeys`, word for word, for an event loop."""

from __future__ import annotations

import asyncio

from secretsource.issuing._chores import AsyncChores
from secretsource.issuing._flow import arun
from secretsource.issuing._lifecycle import Move
from secretsource.issuing._operations import Operations
from secretsource.issuing._request import by
from secretsource.issuing._verdict import Rejected
from secretsource.issuing._verifier import Verifier
from secretsource.issuing._wiring import find_peppers, wire
from secretsource.stores._registry import open_async_store
from secretsource.stores.base import KeyQuery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta
    from typing import Self, Unpack

    from secretsource.issuing._locator import Owner
    from secretsource.issuing._operations import Issued, Rotated, RotationStatus
    from secretsource.issuing._policy import Demand
    from secretsource.issuing._request import KeyRequest
    from secretsource.issuing._verdict import Verdict
    from secretsource.issuing._wiring import Settings
    from secretsource.stores.base import AsyncKeyStore, KeyEvent, KeyRecord, Page, Status

__all__ = ["AsyncApiKeys"]


class AsyncApiKeys:
    """Issues API keys and checks them; one for the whole process, used from any number of tasks of one event loop.

    A key that is fresh in the cache is checked without waiting. No task starts and no store is asked before the first
    key is checked.

    Args:
        store: Where records are kept.
        settings: See `Settings`; ``peppers`` is the one to give.

    Raises:
        ConfigurationError: A setting cannot work.
    """

    def __init__(self, store: AsyncKeyStore, **settings: Unpack[Settings]) -> None:
        self._store = store
        self._wiring = wire(store, **settings)
        self._operations = Operations(self._wiring)
        self._verifier = Verifier(self._wiring)
        self._glance = self._verifier.glance
        self._chores = AsyncChores(self, self._wiring.flush_every, self._wiring.cache, store, self._wiring.feed)
        self._owns_store = False

    @classmethod
    async def open(cls, url: str, **settings: Unpack[Settings]) -> Self:
        """As `ApiKeys.open`."""
        if "peppers" not in settings:
            settings["peppers"] = await asyncio.to_thread(find_peppers)
        keys = cls(open_async_store(url), **settings)
        keys._owns_store = True
        return keys

    async def issue(
        self, *, actor: str | None = None, origin: str | None = None, **request: Unpack[KeyRequest]
    ) -> Issued:
        """As `ApiKeys.issue`."""
        return (await arun(self._operations.issue([request], by(actor, origin))))[0]

    async def issue_many(
        self, requests: Sequence[KeyRequest], *, actor: str | None = None, origin: str | None = None
    ) -> Sequence[Issued]:
        """As `ApiKeys.issue_many`."""
        return await arun(self._operations.issue(requests, by(actor, origin)))

    async def check(
        self,
        text: str | None,
        *,
        scope: Demand,
        ip: str | None = None,
        cost: int = 1,
        fresh: bool = False,
        agent: str | None = None,
    ) -> Verdict:
        """As `ApiKeys.check`."""
        glanced = None if fresh else self._glance(text, scope, ip, cost)
        if not (glanced is None or isinstance(glanced, bytes)):
            return glanced
        presented = self._verifier.present(text, glanced)
        del text
        if isinstance(presented, Rejected):
            self._verifier.tell(presented)
            return presented
        self._chores.begin()
        return await arun(self._verifier.verify(presented, scope, ip, cost=cost, fresh=fresh, agent=agent))

    async def verify(
        self,
        text: str | None,
        *,
        scope: Demand,
        ip: str | None = None,
        cost: int = 1,
        fresh: bool = False,
        agent: str | None = None,
    ) -> KeyRecord:
        """As `ApiKeys.verify`."""
        try:
            verdict = await self.check(text, scope=scope, ip=ip, cost=cost, fresh=fresh, agent=agent)
        finally:
            del text  # a traceback shows no key
        if isinstance(verdict, Rejected):
            raise verdict.error()
        return verdict.record

    async def rotate(
        self,
        key_id: str,
        *,
        overlap: timedelta | float,
        actor: str | None = None,
        origin: str | None = None,
        reason: str | None = None,
    ) -> Rotated:
        """As `ApiKeys.rotate`."""
        return await arun(self._operations.rotate(key_id, overlap, by(actor, origin, reason)))

    async def rotation_status(self, key_id: str) -> RotationStatus:
        """As `ApiKeys.rotation_status`."""
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
        """As `ApiKeys.finish_rotation`."""
        await self.flush()
        return await arun(self._operations.finish_rotation(key_id, quiet_for, by(actor, origin, reason)))

    async def revoke(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """As `ApiKeys.revoke`."""
        return await arun(self._operations.move(key_id, Move.REVOKE, by(actor, origin, reason)))

    async def revoke_all(
        self, *, owner: str | int, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> Sequence[KeyRecord]:
        """As `ApiKeys.revoke_all`."""
        return await arun(self._operations.revoke_owner(owner, by(actor, origin, reason)))

    async def surrender(self, text: str, *, reason: str | None = None, origin: str | None = None) -> KeyRecord:
        """As `ApiKeys.surrender`."""
        presented = self._verifier.present(text)
        del text
        if isinstance(presented, Rejected):
            raise presented.error()
        return await arun(self._operations.surrender(self._verifier, presented, by(None, origin, reason)))

    async def disable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """As `ApiKeys.disable`."""
        return await arun(self._operations.move(key_id, Move.DISABLE, by(actor, origin, reason)))

    async def enable(
        self, key_id: str, *, reason: str | None = None, actor: str | None = None, origin: str | None = None
    ) -> KeyRecord:
        """As `ApiKeys.enable`."""
        return await arun(self._operations.move(key_id, Move.ENABLE, by(actor, origin, reason)))

    async def get(self, key_id: str) -> KeyRecord:
        """As `ApiKeys.get`."""
        return await arun(self._operations.get(key_id))

    async def list(
        self,
        *,
        owner: str | int | None = None,
        environment: str | None = None,
        prefix: str | None = None,
        status: Status | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page:
        """As `ApiKeys.list`."""
        name = None if owner is None else str(owner)
        return await arun(self._operations.list(KeyQuery(name, environment, prefix, status, after=after, limit=limit)))

    async def events(self, key_id: str, *, after: int = 0, limit: int = 100) -> Sequence[KeyEvent]:
        """As `ApiKeys.events`."""
        return await arun(self._operations.events(key_id, after, limit))

    def whose(self, text: str, candidates: Iterable[str | int] = ()) -> Owner | None:
        """As `ApiKeys.whose`."""
        return self._operations.whose(text, candidates)

    async def count_by_pepper(self) -> Mapping[str, int]:
        """As `ApiKeys.count_by_pepper`."""
        return await self._store.count_by_pepper()

    async def flush(self) -> None:
        """As `ApiKeys.flush`."""
        await arun(self._operations.flush())

    async def close(self) -> None:
        """As `ApiKeys.close`."""
        self._chores.end()
        try:
            await self.flush()
        finally:
            if self._owns_store:
                await self._store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncApiKeys({type(self._store).__name__}, {self._wiring.peppers!r})"
