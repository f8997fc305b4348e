"""`AsyncResolver`: the asynchronous shell over the same chain, cache and flights.

Each flight has a task of its own, or a background thread where the driver has no native client. So you can cancel a
task that waits, and never cancel the flight that others share.
"""

from __future__ import annotations

import asyncio
from functools import partial
from time import time as wall_time

from secretsource._ground.clock import SYSTEM_CLOCK
from secretsource._ground.flow import arun
from secretsource._ground.sentinels import UNSET
from secretsource._traceless import bare, boundaries
from secretsource._tuning import DEFAULTS
from secretsource.exceptions import SecretSourceError
from secretsource.providers.base import AsyncProvider
from secretsource.resolver import _questions as questions
from secretsource.resolver._call import abandon, by_route, fetch, hand_over
from secretsource.resolver._crew import Crew
from secretsource.resolver._engine.flight import Flight
from secretsource.resolver._engine.landing import landing, running_loop
from secretsource.resolver._questions import Later
from secretsource.resolver._resolver import Resolver
from secretsource.resolver._retrying import AsyncRetrying
from secretsource.resolver._walk.resolution import OVERDUE, Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self, TypeVar, overload

    from secretsource._ground.clock import Clock
    from secretsource._ground.flow import Flow
    from secretsource._ground.sentinels import UnsetType
    from secretsource._secret import Secret, SecretSet
    from secretsource.providers.base import Provider
    from secretsource.resolver._engine.engine import Engine
    from secretsource.resolver._inspection import ProviderHandle
    from secretsource.resolver._walk.resolution import Ask
    from secretsource.resolver._walk.route import Skipped
    from secretsource.resolver._walk.trace import RotationEvent, SecretEvent, Trace

    D = TypeVar("D")
    R = TypeVar("R")
    T = TypeVar("T")

__all__ = ["AsyncResolver"]


@boundaries(besides=("get",))
class AsyncResolver(AsyncRetrying):
    """As `Resolver`, for an event loop; made from one by `of`, it shares its chain, cache and flights.

    Args:
        providers: As for `Resolver`.
        ttl: Seconds for which an answer is fresh, above 0.
        revalidate: Seconds past the ttl in which the old value is served while one refresh runs; one more ttl
            unless given.
        max_stale: Greatest age in seconds at which a value may be served; at least the ttl.
        deadline: Seconds for one walk of the whole chain, above 0.
        negative_ttl: Seconds for which "not there" is believed.
        max_entries: Most documents remembered, at least 1; the least recently used go first.
        jitter: Largest share, from 0 to below 1, by which a ttl is shortened at random.
        clock: Where the time is read; for tests.

    Raises:
        ConfigurationError: A provider is unknown, or a number is out of its range.
        ProviderNotInstalled: A provider's vendor package is missing.
    """

    def __init__(
        self,
        providers: Sequence[str | Provider],
        *,
        ttl: float = DEFAULTS.ttl,
        revalidate: float | None = DEFAULTS.revalidate,
        max_stale: float = DEFAULTS.max_stale,
        deadline: float = DEFAULTS.deadline,
        negative_ttl: float = DEFAULTS.negative_ttl,
        max_entries: int = DEFAULTS.max_entries,
        jitter: float = DEFAULTS.jitter,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._resolver = Resolver(
            providers,
            ttl=ttl,
            revalidate=revalidate,
            max_stale=max_stale,
            deadline=deadline,
            negative_ttl=negative_ttl,
            max_entries=max_entries,
            jitter=jitter,
            clock=clock,
        )
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, resolver: Resolver) -> Self:
        """Return the asynchronous side of a resolver."""
        made = cls.__new__(cls)
        made._resolver = resolver
        made._tasks = set()
        return made

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        environment: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """Do as `Resolver.from_config` does."""
        return cls.of(Resolver.from_config(path, environment=environment, clock=clock))

    if TYPE_CHECKING:

        @overload
        async def get(
            self, name: str, *, field: str | None = None, version: str | None = None, fresh: bool | None = None
        ) -> Secret: ...
        @overload
        async def get(
            self,
            name: str,
            *,
            default: str,
            field: str | None = None,
            version: str | None = None,
            fresh: bool | None = None,
        ) -> Secret: ...
        @overload
        async def get(
            self,
            name: str,
            *,
            default: D,
            field: str | None = None,
            version: str | None = None,
            fresh: bool | None = None,
        ) -> Secret | D: ...

    async def get(
        self,
        name: str,
        default: D | UnsetType = UNSET,
        field: str | None = None,
        version: str | None = None,
        fresh: bool | None = None,
    ) -> Secret | D:
        """Do as `Resolver.get` does."""
        if field is None and version is None and fresh is None:  # the hot path of `Resolver.get`
            try:
                since, until, secret = self._resolver._hot[name]
                now = wall_time()
                if since <= now and now < until:  # noqa: PLR1716 - CPython has a faster way for each than for a chain
                    return secret
            except (KeyError, TypeError):
                pass
        try:
            return await self._run(questions.get, name, default, field, version, bool(fresh))
        finally:
            del name, default, field, version, fresh  # an error tracker sends the locals of every frame along

    if TYPE_CHECKING:

        @overload
        async def get_many(self, names: Iterable[str], *, fresh: bool = False) -> dict[str, Secret]: ...
        @overload
        async def get_many(self, names: Iterable[str], *, default: D, fresh: bool = False) -> dict[str, Secret | D]: ...

    async def get_many(
        self, names: Iterable[str], *, default: D | UnsetType = UNSET, fresh: bool = False
    ) -> dict[str, Secret | D]:
        """Do as `Resolver.get_many` does; native clients are asked concurrently."""
        given = questions.listed(names)
        found: dict[str, Secret | D] = {}
        if not fresh:
            found, is_whole = self._resolver._engine.state.shortcuts.many(given, wall_time())
            if is_whole:
                return found
        return await self._run(questions.get_many, given, found, default, bool(fresh))

    async def load(self, kind: type[T]) -> T:
        """Do as `Resolver.load` does."""
        from secretsource.resolver._load import form_of

        form = form_of(kind)
        return form.fill(await self._run(questions.get_many, form.names, {}, UNSET, False, form.optional), self)

    async def get_set(self, name: str, *, field: str | None = None) -> SecretSet:
        """Do as `Resolver.get_set` does."""
        return await self._run(questions.get_set, name, field)

    async def prefetch(self, names: Iterable[str]) -> None:
        """Do as `Resolver.prefetch` does."""
        await self.get_many(names)

    async def reject(self, secret: Secret) -> Secret:
        """Do as `Resolver.reject` does."""
        return await self._run(questions.reject, secret)

    async def explain(self, name: str, *, field: str | None = None) -> Trace:
        """Do as `Resolver.explain` does."""
        return await self._run(questions.explain, name, field)

    def invalidate(self, name: str, version: str | None = None) -> None:
        """Do as `Resolver.invalidate` does."""
        self._resolver.invalidate(name, version)

    def on_rotate(self, callback: Callable[[RotationEvent], object]) -> Callable[[], None]:
        """Do as `Resolver.on_rotate` does."""
        return self._resolver.on_rotate(callback)

    def on_event(self, callback: Callable[[SecretEvent], object]) -> Callable[[], None]:
        """Do as `Resolver.on_event` does."""
        return self._resolver.on_event(callback)

    def silence(self) -> None:
        """Do as `Resolver.silence` does."""
        self._resolver.silence()

    def providers(self) -> tuple[ProviderHandle, ...]:
        """Do as `Resolver.providers` does; the methods of a handle block, so call them in a thread."""
        return self._resolver.providers()

    def skipped(self) -> tuple[Skipped, ...]:
        """Do as `Resolver.skipped` does."""
        return self._resolver.skipped()

    async def close(self, *, revoke: bool = True) -> None:
        """End what is under way on this loop, close the providers and forget every value; may be called twice.

        Args:
            revoke: As for `Resolver.close`.
        """
        loop = running_loop()
        self._resolver._engine.closed = True  # first, so that nobody begins anew while others are being ended
        tasks = [task for task in self._tasks if task.get_loop() is loop]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for provider in self._resolver._engine.providers():
            if isinstance(provider, AsyncProvider):
                await provider.aclose()
        self._resolver.close(revoke=revoke)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return repr(self._resolver).replace("Resolver", "AsyncResolver", 1)

    # -- running a question with tasks ----------------------------------------------------------------------------

    async def _run(self, question: Callable[..., Flow[R]], *words: object) -> R:
        try:
            running_loop()  # whatever is asked: a name may be in the environment here, and elsewhere in production
            engine = self._resolver._engine
            now = engine.now()
            until = now.mono + engine.deadline
            return await arun(question(engine, now, *words), partial(self._perform, engine, until))
        except SecretSourceError as error:
            failure = bare(error)
        finally:
            del words
        raise failure

    async def _perform(self, engine: Engine, until: float, step: list[Ask] | Later) -> list[Reply]:
        if isinstance(step, Later):
            self._lead(engine, step.asks, engine.monotonic() + engine.deadline)
            return []
        flights = self._lead(engine, step, until)
        replies = []
        # A task that waits for the last flight first is woken once, and not once for each of them.
        for ask, flight in zip(reversed(step), reversed(flights), strict=True):
            reply = None if flight is None else flight.reply
            replies.append(reply or await self._awaited(engine, ask, flight, until))
        replies.reverse()
        return replies

    def _lead(self, engine: Engine, asks: Sequence[Ask], until: float) -> list[Flight | None]:
        """Join the flights of these asks, and launch those that nobody leads yet."""
        led: list[Flight] = []
        try:
            flights = engine.state.claim(asks, until, led)
            self._launch(engine, led)
        except BaseException:
            abandon(engine, led)
            raise
        return flights

    def _launch(self, engine: Engine, led: list[Flight]) -> None:
        for route, flights in by_route(led):
            if isinstance(route.provider, AsyncProvider):
                Crew(engine, route.provider, flights, self._tasks)
            elif not hand_over(engine, flights):
                abandon(engine, flights)

    async def _awaited(self, engine: Engine, ask: Ask, flight: Flight | None, until: float) -> Reply:
        provider = ask.route.provider
        if flight is None and isinstance(provider, AsyncProvider):
            flight = Flight(ask, until, anew=ask.anew)  # asked directly, which is to say that nobody can join
            self._launch(engine, [flight])
        if flight is None:
            left = until - engine.monotonic()
            return Reply(fetch(provider, ask.ref, left, anew=ask.anew), engine.clock.now())
        await landing(flight, until, lambda: until - engine.monotonic())
        return flight.reply or Reply(OVERDUE, engine.clock.now())
