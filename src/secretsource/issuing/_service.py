"""`ApiKeys`: issue, check and look after API keys, for threads."""

from __future__ import annotations

from time import sleep

from secretsource._ground.flow import here, run
from secretsource._ground.listeners import LONGEST_SETTLING
from secretsource._traceless import bare, boundaries
from secretsource.exceptions import SecretSourceError
from secretsource.issuing._check.event import Asked, asked_of, conclude, tell
from secretsource.issuing._check.policy import kind_of
from secretsource.issuing._manage.chores import Chores
from secretsource.issuing._manage.peppers import PepperSource
from secretsource.issuing._manage.registers.owners import Owners
from secretsource.issuing._manage.registers.passes import Passes
from secretsource.issuing._manage.registers.plans import Plans
from secretsource.issuing._settings import assemble, check_store, closing
from secretsource.issuing._verbs.administration import KeyAdministration
from secretsource.issuing._verbs.at_hand import AtHand
from secretsource.issuing._verbs.exposing import KeyExposing
from secretsource.issuing._verbs.flows import Flows
from secretsource.issuing._verbs.overlap import KeyOverlap
from secretsource.issuing._verbs.passes import PassRegister
from secretsource.issuing._verbs.registers import OwnerRegister, PlanRegister
from secretsource.issuing._verbs.repeatable import RepeatableRequests
from secretsource.issuing._verbs.reports import KeyReports
from secretsource.issuing._verbs.taking import KeyTaking
from secretsource.issuing._verbs.tending import KeyTending
from secretsource.issuing._verdict import Accepted, Reason, Rejected
from secretsource.limiters._registry import open_limiter
from secretsource.stores._registry import open_store
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

__all__ = ["ApiKeys"]


@boundaries(besides=("check",))
class ApiKeys(
    KeyAdministration, KeyExposing, KeyOverlap, KeyReports, KeyTaking, KeyTending, RepeatableRequests, AtHand, Flows
):
    """The service that issues and checks API keys: one per process, for any number of threads.

    No thread starts and no store is asked before the first key is checked.

    Args:
        store: The store of the records.
        settings: See `Settings`; give at least ``peppers``. An impossible setting is a `ConfigurationError`.

    Attributes:
        owners: The customers that own the keys.
        plans: The plans that owners are on.
        outbox: The messages that must arrive elsewhere; None if the store keeps none.
        passes: The links and sessions of people who look after keys on pages.
    """

    def __init__(self, store: KeyStore, **settings: Unpack[Settings]) -> None:
        self._store = store
        owns_limiter = isinstance(settings.get("limiter"), str)
        try:
            check_store(store, KeyStore, AsyncKeyStore)
            parts = assemble(store, here, sleep, open_limiter, **settings)
        finally:
            del settings  # a traceback shows no pepper
        self.outbox = store.outbox
        self._chores = Chores(self, parts.flush_every, parts.cache, store, parts.feed)
        self._adopt(parts)
        self._listeners = parts.listeners
        self._peppers: PepperSource | None = None
        self._owns_store = False
        self._owns_limiter = owns_limiter

    def _adopt(self, parts: Parts) -> None:
        self._work_with(parts, self._chores.begin)
        self.owners = OwnerRegister(Owners(parts), self._reports)
        self.plans = PlanRegister(Plans(parts))
        self.passes = PassRegister(Passes(parts))

    @classmethod
    def open(cls, url: str | KeyStore, **settings: Unpack[Settings]) -> Self:
        """Open a store by its URL, with the peppers from the secret ``SECRETSOURCE_PEPPER``.

        Unless you pass ``peppers``, the secret is followed: a rotated pepper is used without a restart.

        Args:
            url: A URL such as ``memory://``, ``sqlite:///keys.db`` or ``postgresql+psycopg://…``; or a store, which
                `close` then closes, too.
            settings: See `Settings`.

        Raises:
            ConfigurationError: The URL or a setting cannot work.
            ResolveError: The provider of the pepper could not answer; a missing pepper is not an error.
        """
        source = None if "peppers" in settings else PepperSource()
        try:
            if source is not None:
                settings["peppers"] = source.read()
            keys = cls(open_store(url) if isinstance(url, str) else url, **settings)
        finally:
            del settings  # a traceback shows no pepper
        keys._peppers = source
        keys._owns_store = True
        return keys

    def check(
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
        """Check a key, and whether it may do the request.

        Args:
            text: The text that the client sent, of any length; None when it sent nothing.
            scope: The scope that the request needs, a list of which all are needed, or `NO_SCOPE`.
            ip: The client's address.
            cost: Units of its limits that the request takes, 0 to 10**9; 0 only looks.
            fresh: Whether to read the record from the store, past the cache.
            agent: The client's user agent, of any length.
            prefix: The only prefix to accept, whatever the key looks like; None for any.
            environment: The only environment to accept; None for any.

        Returns:
            `Accepted`, which is true, or `Rejected`, which is false; also when the store cannot answer.

        Raises:
            InvalidRequest: The question itself is wrong: no scope, a wildcard, a cost out of range.
        """
        try:
            kind = None if prefix is None and environment is None else kind_of(prefix, environment)
            glanced = None if fresh else self._glance(text, scope, ip, cost, kind)
            if type(glanced) is not Accepted:
                return self._look_up(text, asked_of(scope, cost, kind, ip, agent), glanced, fresh=fresh)
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

    def check_many(self, questions: Sequence[KeyQuestion]) -> Sequence[Verdict]:
        """Check several keys, with one question to the store for all of them.

        The keys that another system issued have a question each, and so have the limits in a shared limiter.

        Args:
            questions: Up to 1000; see `KeyQuestion`.

        Returns:
            The verdict of each, in their order, as `check` returns it.

        Raises:
            InvalidRequest: A question is wrong; no key was checked.
        """
        asked, verdicts, left = self._recall_many(questions)
        del questions  # a traceback shows no key
        if left:
            ahead = run(self._verifier.read_ahead([asked[number][0] for number in left]))
            for number in left:
                verdicts[number] = self._look_up(*asked[number], ahead=ahead)
        return verdicts

    def _look_up(
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
            verdict = None if hashed is None else self._verifier.look(hashed, asked, self._store)
            if verdict is None:
                verdict = run(self._verifier.check(text, hashed, asked, fresh, ahead))
            if isinstance(verdict, Rejected) and verdict.reason is Reason.PEPPER_RETIRED and self._follow(refused=True):
                verdict = run(self._verifier.check(text, None, asked, fresh))
        finally:
            del text  # a traceback shows no key
        conclude(self._parts.uses, self._listeners, self._parts.clock, verdict, asked)
        return verdict

    def verify(
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
        """Check as `check` does, and raise the public answer instead of returning a rejection.

        Returns:
            The record of the accepted key.

        Raises:
            InvalidKey: The key is not accepted (401).
            InsufficientScope: The key may not do this (403).
            RateLimited: The key has used up its rate or quota (429).
            StoreError: Keys cannot be checked now (503).
            InvalidRequest: The question itself is wrong.
        """
        try:
            verdict = self.check(
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
        """Report, without asking the store, whether news of changes arrives and whether the store takes flushes."""
        return self._chores.health()

    def flush(self) -> None:
        """Store last-used times and renewed hashes now; they are also stored every few seconds, and by `close`.

        Raises:
            StoreError: The store could not answer; nothing is lost, the next flush includes it.
        """
        with self._chores.flushing:
            run(self._flushes.flush())

    def _follow(self, *, refused: bool = False) -> bool:
        """Load new peppers, and return whether there were any."""
        now, source = self._parts.clock.now().mono, self._peppers
        peppers = None if source is None else source.renewed(now, refused=refused)
        if peppers is not None:
            self._adopt(self._parts.renewed(peppers))
        return peppers is not None

    def close(self, *, flush: bool = True) -> None:
        """Flush, deliver waiting events to listeners, and release the connections of `open`; you may call it again.

        Args:
            flush: Whether to store uses seen; False leaves no trace of the checks since the last flush.

        Raises:
            StoreError: The store did not take the last flush; the connections of `open` were released.
        """
        self._chores.end()
        try:
            if flush:
                self.flush()
        finally:
            self._listeners.settle(LONGEST_SETTLING)
            if self._owns_limiter:
                run(closing(self._parts))
            if self._owns_store:
                self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ApiKeys({type(self._store).__name__}, {self._parts.peppers!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "an ApiKeys has peppers and connections, and is not pickled or copied: open one in each process"
        )
