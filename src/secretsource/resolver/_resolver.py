"""`Resolver`: the synchronous shell. It fetches in the caller's own thread and waits for what other threads fetch."""

from __future__ import annotations

from functools import partial
from time import time as wall_time

from secretsource._callback import callable_with
from secretsource._ground.clock import SYSTEM_CLOCK
from secretsource._ground.flow import run
from secretsource._ground.sentinels import UNSET
from secretsource._traceless import bare, boundaries
from secretsource._tuning import DEFAULTS, Tuning
from secretsource.exceptions import SecretSourceError
from secretsource.resolver import _questions as questions
from secretsource.resolver._assembly import checked, configured, wired
from secretsource.resolver._call import fetch
from secretsource.resolver._engine.engine import Engine
from secretsource.resolver._engine.shortcuts import at_once
from secretsource.resolver._retrying import Retrying
from secretsource.resolver._threads import perform

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Any, Self, TypeVar, overload

    from secretsource._ground.clock import Clock
    from secretsource._ground.flow import Flow
    from secretsource._ground.sentinels import UnsetType
    from secretsource._secret import Secret, SecretSet
    from secretsource.providers.base import Provider
    from secretsource.resolver._inspection import ProviderHandle
    from secretsource.resolver._walk.route import Skipped
    from secretsource.resolver._walk.trace import RotationEvent, SecretEvent, Trace

    D = TypeVar("D")
    R = TypeVar("R")
    T = TypeVar("T")

__all__ = ["Resolver"]


@boundaries(besides=("get",))
class Resolver(Retrying):
    """A chain of providers: it asks them in order, remembers their answers, and follows rotation.

    Args:
        providers: In the order they are asked: names (``"env"``), provider URLs (``"aws://?region=eu-west-1"``)
            or provider objects.
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
        tuning = checked(Tuning(ttl, revalidate, max_stale, deadline, negative_ttl, max_entries, jitter))
        chain = wired(providers)
        self._adopt(Engine(lambda: chain, tuning, clock))

    def _adopt(self, engine: Engine) -> None:
        """Stand on this engine from here on."""
        self._engine = engine
        self._hot = engine.hot

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        environment: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """Make a resolver as ``secretsource.toml`` describes it.

        Args:
            path: The file; None looks in SECRETSOURCE_CONFIG, then from the working directory up to the
                repository root.
            environment: The section to use; None means SECRETSOURCE_ENV, then the file's own choice.
            clock: Where the time is read; for tests.

        Raises:
            ConfigurationError: There is no such file, or something in it is wrong; names the file and the line.
        """
        resolver = cls.__new__(cls)
        resolver._adopt(configured(path, environment, clock))
        return resolver

    if TYPE_CHECKING:

        @overload
        def get(
            self, name: str, *, field: str | None = None, version: str | None = None, fresh: bool | None = None
        ) -> Secret: ...
        @overload
        def get(
            self,
            name: str,
            *,
            default: str,
            field: str | None = None,
            version: str | None = None,
            fresh: bool | None = None,
        ) -> Secret: ...
        @overload
        def get(
            self,
            name: str,
            *,
            default: D,
            field: str | None = None,
            version: str | None = None,
            fresh: bool | None = None,
        ) -> Secret | D: ...

    # Keyword-only for type checkers alone: at run time it would cost a quarter of a cached read.
    def get(
        self,
        name: str,
        default: D | UnsetType = UNSET,
        field: str | None = None,
        version: str | None = None,
        fresh: bool | None = None,
    ) -> Secret | D:
        """Return the secret called ``name``.

        Args:
            name: A bare name of 1 to 512 printable characters, or a reference such as
                ``aws://payments/stripe#secret_key``.
            default: The value to return when no provider has it; never used for a failure. A str comes back as a
                `Secret` with ``served="default"``.
            field: A field of the JSON document that the value is, as a key or a JSON pointer.
            version: The provider's version identifier, for one that is not the current one.
            fresh: Ask the provider, whatever is remembered; a value that is lent to this program alone is replaced.

        Raises:
            SecretNotFound: Every provider said that it is not there.
            ProviderDenied: A provider refused; weaker ones were not asked.
            ProviderUnavailable: A provider could not be asked, and no value young enough is remembered.
            ProviderResponseError: A provider's answer is not in the promised form.
            InvalidReference: The name is not well formed.
            ConfigurationError: The name is a reference to a provider that is unknown.
        """
        # The hot path: one look-up and one clock. The window has two sides, so that a wall clock that jumps either
        # way (a thawed process, a corrected clock) leads to the slow path, which goes by the monotonic one. Tests for
        # None are the cheapest, and other locals cost even where they are not used.
        if field is None and version is None and fresh is None:
            try:
                since, until, secret = self._hot[name]
                now = wall_time()
                if since <= now and now < until:  # noqa: PLR1716 - CPython has a faster way for each than for a chain
                    return secret
            except (KeyError, TypeError):
                pass
        try:
            return self._sought(name, default, field, version, fresh)
        finally:
            del name, default, field, version, fresh  # an error tracker sends the locals of every frame along

    def _sought(
        self, name: Any, default: D | UnsetType, field: str | None, version: str | None, fresh: bool | None
    ) -> Secret | D:
        """Return a secret that one look-up did not answer.

        The first provider, which is cheaper to ask than to remember, is asked at once for a name that it had last time.
        """
        try:
            if field is None and version is None and not fresh:
                found: dict[str, Secret] = at_once(self._hot, (name,), wall_time()) if fresh is False else {}
                if found:
                    return found[name]
                engine = self._engine
                near = engine.state.shortcuts.near.get(name) if isinstance(name, str) else None
                if near is not None and not engine.event_listeners:
                    secret = engine.nearby(near, fetch(near.route.provider, near.ref, engine.deadline))
                    if secret is not None:
                        return secret
            return self._run(questions.get, name, default, field, version, bool(fresh))
        finally:
            del name, default, field, version, fresh

    if TYPE_CHECKING:

        @overload
        def get_many(self, names: Iterable[str], *, fresh: bool = False) -> dict[str, Secret]: ...
        @overload
        def get_many(self, names: Iterable[str], *, default: D, fresh: bool = False) -> dict[str, Secret | D]: ...

    def get_many(
        self, names: Iterable[str], *, default: D | UnsetType = UNSET, fresh: bool = False
    ) -> dict[str, Secret | D]:
        """Return many secrets by name; ask a provider with a batch call once for all that it may hold.

        Args:
            names: Names or references; repeated ones count once.
            default: The value to return for a name that no provider has.
            fresh: Ask the providers, whatever is remembered, as in `get`.

        Raises:
            SecretNotFound: Some are not there; names all of them.
            ProviderError: A provider could not be asked, or refused, for one of them.
        """
        given = questions.listed(names)
        found: dict[str, Secret | D] = {}
        if not fresh:
            found, is_whole = self._engine.state.shortcuts.many(given, wall_time())
            if is_whole:
                return found
        return self._run(questions.get_many, given, found, default, bool(fresh))

    def load(self, kind: type[T]) -> T:
        """Return an instance of a dataclass whose fields are secrets; ask for all of them together.

        A field asks for its name in capitals (``stripe_key`` for ``STRIPE_KEY``), or for the name or reference that
        ``field(metadata={"secret": …})`` gives. A field with a default, or of an optional type, may be missing.

        Args:
            kind: The dataclass. The types of its fields are `Secret`, `LiveSecret`, str, bytes, int or bool.

        Raises:
            SecretNotFound: Some are not there; names all of them.
            ProviderError: A provider could not be asked, or refused, or a value does not have the type of its field.
            ConfigurationError: It is not a dataclass, or a field has another type.
        """
        from secretsource.resolver._load import form_of

        form = form_of(kind)
        return form.fill(self._run(questions.get_many, form.names, {}, UNSET, False, form.optional), self)

    def get_set(self, name: str, *, field: str | None = None) -> SecretSet:
        """Return the versions of a secret that are valid now, newest first: the current one, and the one before.

        Use it for values that an application checks (webhook signatures, signing keys), so that it accepts both sides
        of a rotation. A version that was disabled or deleted is left out. This raises as `get` does, also when the
        provider denies the version before, or could not be asked for it.

        Args:
            name: A name or reference.
            field: A key of a JSON document, or a JSON pointer such as ``/keys/0``.
        """
        return self._run(questions.get_set, name, field)

    def prefetch(self, names: Iterable[str]) -> None:
        """Fetch secrets now, so that the first request does not wait; raises as `get_many`.

        Args:
            names: Names or references, in any number.
        """
        self.get_many(names)

    def reject(self, secret: Secret) -> Secret:
        """Note that the other side refused ``secret``; return a newer value if there is one, else the same value.

        However many callers reject one version, its provider is asked at most once. One more call is possible: when
        the answer is still the refused value, and comes from a call that began before the refusal.

        Args:
            secret: The value as it was returned here, and no copy of its text.

        Raises:
            ProviderError: The provider could not be asked.
            SecretNotFound: The secret is gone.
            InvalidReference: It is not a `Secret`, but a text that was made from one.
        """
        return self._run(questions.reject, secret)

    def explain(self, name: str, *, field: str | None = None) -> Trace:
        """Explain which providers are asked or skipped for ``name``, why, and how long it takes; never the value.

        Args:
            name: A name or reference.
            field: As for `get`.

        Raises:
            InvalidReference: The name is not well formed.
            ConfigurationError: It names a provider that is unknown; every other failure is part of the trace.
        """
        return self._run(questions.explain, name, field)

    def invalidate(self, name: str, version: str | None = None) -> None:
        """Have the next read of ``name`` ask its provider.

        Args:
            name: A name or reference.
            version: The version that is current now, if known: an entry that already holds it is left alone.
        """
        self._engine.invalidate(self._engine.request(name), version)

    def on_rotate(self, callback: Callable[[RotationEvent], object]) -> Callable[[], None]:
        """Call ``callback`` when a read or a refresh meets a new value; returns a function that stops it.

        The callback runs in the thread that met the value, and must be quick.

        Args:
            callback: A plain function of one `RotationEvent`; what it raises harms no read.

        Raises:
            ConfigurationError: The callback is not a plain function.
        """
        return self._engine.rotation_listeners.add(callable_with(callback, "a RotationEvent"))

    def on_event(self, callback: Callable[[SecretEvent], object]) -> Callable[[], None]:
        """Call ``callback`` for every look-up that is not a plain hit; returns and raises as `on_rotate` does.

        Args:
            callback: A plain function of one `SecretEvent`; what it raises harms no read.
        """
        return self._engine.event_listeners.add(callable_with(callback, "a SecretEvent"))

    def silence(self) -> None:
        """Log nothing about trouble from here on: a program calls this that reports every failure itself."""
        self._engine.notices.quiet = True

    def providers(self) -> tuple[ProviderHandle, ...]:
        """Return a handle for each provider of the chain, in order, then for those that a reference has led to.

        Raises:
            ConfigurationError: The resolver is closed, or a setting that is itself a reference leads nowhere.
        """
        from secretsource.resolver._inspection import ProviderHandle

        return tuple(map(ProviderHandle, self._engine.chain.opened.values()))

    def skipped(self) -> tuple[Skipped, ...]:
        """Return the providers left out of the chain, each with the reason: no evidence, or no package.

        Raises:
            ConfigurationError: As for `providers`.
        """
        return self._engine.chain.skipped

    def close(self, *, revoke: bool = True) -> None:
        """Close the providers' connections and forget every value; may be called twice.

        Args:
            revoke: False leaves alive what a service made for this program alone, such as a database user under a
                lease, because another program was given it.
        """
        self._engine.close(revoke=revoke)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._engine.describe()}>"

    def _run(self, question: Callable[..., Flow[R]], *words: object) -> R:
        """Answer a question in this thread."""
        try:
            engine = self._engine
            now = engine.now()
            until = now.mono + engine.deadline
            return run(question(engine, now, *words), partial(perform, engine, until))
        except SecretSourceError as error:
            failure = bare(error)
        finally:
            del words
        raise failure
