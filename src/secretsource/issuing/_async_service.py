"""`AsyncApiKeys`: as `ApiKeys`, word for word, for an event loop."""

from __future__ import annotations

import asyncio

from secretsource._ground.flow import arun
from secretsource._ground.listeners import LONGEST_SETTLING
from secretsource._traceless import bare, boundaries
from secretsource.exceptions import SecretSourceError
from secretsource.issuing._check.event import Asked, asked_of, conclude, tell
from secretsource.issuing._check.policy import kind_of
from secretsource.issuing._manage.chores import AsyncChores
from secretsource.issuing._manage.peppers import PepperSource
from secretsource.issuing._manage.registers.owners import Owners
from secretsource.issuing._manage.registers.passes import Passes
from secretsource.issuing._manage.registers.plans import Plans
from secretsource.issuing._settings import assemble, check_store, closing
from secretsource.issuing._verbs.async_administration import AsyncKeyAdministration
from secretsource.issuing._verbs.async_registers import AsyncOwnerRegister, AsyncPlanRegister
from secretsource.issuing._verbs.at_hand import AtHand
from secretsource.issuing._verbs.exposing import AsyncKeyExposing
from secretsource.issuing._verbs.flows import Flows
from secretsource.issuing._verbs.overlap import AsyncKeyOverlap
from secretsource.issuing._verbs.passes import AsyncPassRegister
from secretsource.issuing._verbs.repeatable import AsyncRepeatableRequests
from secretsource.issuing._verbs.reports import AsyncKeyReports
from secretsource.issuing._verbs.taking import AsyncKeyTaking
from secretsource.issuing._verbs.tending import AsyncKeyTending
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.limiters._registry import open_async_limiter
from secretsource.stores._registry import open_async_store
from secretsource.stores.base import AsyncKeyStore, KeyStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn, Self, Unpack

    from secretsource.issuing._check.event import KeyQuestion
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.policy import Demand
    from secretsource.issuing._check.steps.ahead import ReadAhead
    from secretsource.issuing._manage.health import Health
    from secretsource.issuing._settings import Settings
    from secretsource.issuing._verdict import Verdict
    from secretsource.stores.base import KeyRecord

__all__ = ["AsyncApiKeys"]


@boundaries(besides=("check",))
class AsyncApiKeys(
    AsyncKeyAdministration,
    AsyncKeyExposing,
    AsyncKeyOverlap,
    AsyncKeyReports,
    AsyncKeyTaking,
    AsyncKeyTending,
    AsyncRepeatableRequests,
    AtHand,
    Flows,
):
    """The service that issues and checks API keys: one per process, for any number of tasks of one event loop.

    A key that is fresh in the cache is checked without waiting. No task starts and no store is asked before the first
    key is checked.

    Args:
        store: The store of the records.
        settings: See `Settings`; give at least ``peppers``.

    Raises:
        ConfigurationError: A setting cannot work.
    """

    def __init__(self, store: AsyncKeyStore, **settings: Unpack[Settings]) -> None:
        self._store = store
        owns_limiter = isinstance(settings.get("limiter"), str)
        try:
            check_store(store, AsyncKeyStore, KeyStore)
            parts = assemble(store, asyncio.to_thread, asyncio.sleep, open_async_limiter, **settings)
        finally:
            del settings  # a traceback shows no pepper
        self.outbox = store.outbox
        self._chores = AsyncChores(self, parts.flush_every, parts.cache, store, parts.feed)
        self._adopt(parts)
        self._listeners = parts.listeners
        self._peppers: PepperSource | None = None
        self._owns_store = False
        self._owns_limiter = owns_limiter

    def _adopt(self, parts: Parts) -> None:
        self._work_with(parts, self._chores.begin)
        self.owners = AsyncOwnerRegister(Owners(parts), self._reports)
        self.plans = AsyncPlanRegister(Plans(parts))
        self.passes = AsyncPassRegister(Passes(parts))

    @classmethod
    async def open(cls, url: str | AsyncKeyStore, **settings: Unpack[Settings]) -> Self:
        """Do as `ApiKeys.open` does."""
        source = None if "peppers" in settings else PepperSource()
        if source is not None:
            settings["peppers"] = await asyncio.to_thread(source.read)
        try:
            keys = cls(open_async_store(url) if isinstance(url, str) else url, **settings)
        finally:
            del settings  # a traceback shows no pepper
        keys._peppers = source
        keys._owns_store = True
        return keys

    async def check(
        self,
        text: str | None,
        *,
        scope: Demand,
        ip: str | None = None,
        cost: int = 1,
        fresh: bool = False,
        agent: str | None = None,
        prefix: str | None = None,
        environment: str | None = None,
    ) -> Verdict:
        """Do as `ApiKeys.check` does."""
        try:
            kind = None if prefix is None and environment is None else kind_of(prefix, environment)
            glanced = None if fresh else self._glance(text, scope, ip, cost, kind)
            if type(glanced) is not Accepted:
                return await self._look_up(text, asked_of(scope, cost, kind, ip, agent), glanced, fresh=fresh)
            if self._listeners:
                tell(self._listeners, self._parts.clock, glanced, Asked(scope, cost, kind, ip, agent))
            return glanced
        except SecretSourceError as error:
            failure = bare(error)
        except BaseException:
            del text  # a traceback shows no key
            raise
        del text, scope, ip, cost, fresh, agent, prefix, environment
        raise failure

    async def check_many(self, questions: Sequence[KeyQuestion]) -> Sequence[Verdict]:
        """Do as `ApiKeys.check_many` does."""
        asked, verdicts, left = self._recall_many(questions)
        del questions  # a traceback shows no key
        if left:
            ahead = await arun(self._verifier.read_ahead([asked[number][0] for number in left]))
            for number in left:
                verdicts[number] = await self._look_up(*asked[number], ahead=ahead)
        return verdicts

    async def _look_up(
        self,
        text: object,
        asked: Asked,
        hashed: bytes | None = None,
        *,
        fresh: bool = False,
        ahead: ReadAhead | None = None,
    ) -> Verdict:
        """Check a key that memory cannot decide; `glance` returned its hash, if it was asked."""
        try:
            verdict = None if hashed is None else self._look(hashed, asked)
            if verdict is None:
                verdict = await arun(self._verifier.check(text, hashed, asked, fresh, ahead))
            if (
                isinstance(verdict, Rejected)
                and verdict.reason is Reason.PEPPER_RETIRED
                and await self._follow(refused=True)
            ):
                verdict = await arun(self._verifier.check(text, None, asked, fresh))
        finally:
            del text  # a traceback shows no key
        conclude(self._parts.uses, self._listeners, self._parts.clock, verdict, asked)
        return verdict

    def _look(self, hashed: bytes, asked: Asked) -> Verdict | None:
        """Look a key up in the event loop itself; None where something has to be awaited."""
        here = self._store.here
        verdict = None if here is None else self._verifier.look(hashed, asked, here)
        return None if isinstance(verdict, Rejected) and verdict.reason is Reason.STORE_UNAVAILABLE else verdict

    async def verify(
        self,
        text: str | None,
        *,
        scope: Demand,
        ip: str | None = None,
        cost: int = 1,
        fresh: bool = False,
        agent: str | None = None,
        prefix: str | None = None,
        environment: str | None = None,
    ) -> KeyRecord:
        """Do as `ApiKeys.verify` does."""
        try:
            verdict = await self.check(
                text,
                scope=scope,
                ip=ip,
                cost=cost,
                fresh=fresh,
                agent=agent,
                prefix=prefix,
                environment=environment,
            )
        finally:
            del text  # a traceback shows no key
        if isinstance(verdict, Rejected):
            raise verdict.error()
        return verdict.record

    def health(self) -> Health:
        """Do as `ApiKeys.health` does."""
        return self._chores.health()

    async def flush(self) -> None:
        """Do as `ApiKeys.flush` does; a cancelled caller stops waiting, and the flush goes on."""
        await self._chores.finish(lambda: arun(self._flushes.flush()))

    async def _follow(self, *, refused: bool = False) -> bool:
        """Do as `ApiKeys._follow` does."""
        now, source = self._parts.clock.now().mono, self._peppers
        peppers = None if source is None else await asyncio.to_thread(source.renewed, now, refused=refused)
        if peppers is not None:
            self._adopt(self._parts.renewed(peppers))
        return peppers is not None

    async def close(self, *, flush: bool = True) -> None:
        """Do as `ApiKeys.close` does."""
        self._chores.end()
        try:
            if flush:
                await self.flush()
        finally:
            if self._listeners:
                await asyncio.to_thread(self._listeners.settle, LONGEST_SETTLING)
            if self._owns_limiter:
                await arun(closing(self._parts))
            if self._owns_store:
                await self._store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncApiKeys({type(self._store).__name__}, {self._parts.peppers!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an AsyncApiKeys has peppers and connections, and is not pickled or copied: open one in each process"
        )
