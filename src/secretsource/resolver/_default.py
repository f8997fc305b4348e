"""The default resolver behind `get_secret`, and how to configure it.

It exists from import on and is wired at first use: by `configure`, else by ``secretsource.toml``, else by the
evidence of the environment.
"""

from __future__ import annotations

import os
from threading import RLock

from secretsource._callback import callable_with
from secretsource._ground import fork
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError
from secretsource.resolver._assembly import first_engine
from secretsource.resolver._engine.engine import Engine
from secretsource.resolver._resolver import Resolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Unpack

    from secretsource._secret import Secret
    from secretsource._tuning import Numbers
    from secretsource.providers.base import Provider
    from secretsource.resolver._walk.route import Overlay
    from secretsource.resolver._walk.trace import RotationEvent, SecretEvent

__all__ = [
    "DefaultResolver",
    "configure",
    "default_resolver",
    "explain",
    "get_secret",
    "get_secret_set",
    "get_secrets",
    "invalidate",
    "load_secrets",
    "on_event",
    "on_rotate",
    "reject",
]


class _FirstUse:
    """Stands where the engine will be, and makes it when it is first asked for.

    The engine, once it is set on the resolver, hides this. A `__getattr__` would do the same, but it slows down every
    attribute of its class, and so a cached read by a sixth. Looking into the resolver's `__dict__` would, too.
    """

    def __get__(self, resolver: DefaultResolver | None, owner: type[DefaultResolver]) -> Engine | _FirstUse:
        return self if resolver is None else resolver.wire()


class DefaultResolver(Resolver):
    """A resolver that wires itself at first use, and can be wired anew; its listeners go along."""

    if not TYPE_CHECKING:
        _engine = _FirstUse()

    def __init__(self) -> None:
        self._hot: dict[str, tuple[float, float, Secret]] = {}
        self._overlay: Overlay | None = None
        self._wired: Engine | None = None
        self._given: Engine | None = None
        self._listening: dict[object, Callable[[Engine], Callable[[], None]]] = {}
        self._stops: dict[object, Callable[[], None]] = {}
        self._lock = RLock()

    @traceless  # the first `get` of a process comes here, from a method that has no boundary for it
    def wire(self) -> Engine:
        """Return the engine; find it now unless there is one."""
        with self._lock:
            engine = self._wired
            if engine is None:
                engine = first_engine()
                self._adopt(engine)
        return engine

    def _adopt(self, engine: Engine) -> None:
        engine.lay_over(self._overlay)
        for ticket, listen in tuple(self._listening.items()):
            self._stops[ticket] = listen(engine)
        super()._adopt(engine)
        self._wired = engine

    def _leave(self, engine: Engine) -> None:
        engine.lay_over(None)
        for ticket in tuple(self._stops):
            self._stop(ticket)

    @traceless
    def on_rotate(self, callback: Callable[[RotationEvent], object]) -> Callable[[], None]:
        """Do as `Resolver.on_rotate` does, now and after a new wiring."""
        heard = callable_with(callback, "a RotationEvent")
        return self._listen(lambda engine: engine.rotation_listeners.add(heard))

    @traceless
    def on_event(self, callback: Callable[[SecretEvent], object]) -> Callable[[], None]:
        """Do as `Resolver.on_event` does, now and after a new wiring."""
        heard = callable_with(callback, "a SecretEvent")
        return self._listen(lambda engine: engine.event_listeners.add(heard))

    def _listen(self, listen: Callable[[Engine], Callable[[], None]]) -> Callable[[], None]:
        """Begin to listen to the engine of now, and to each later one, until the returned function is called."""
        ticket = object()
        with self._lock:
            self._listening[ticket] = listen
            if self._wired is not None:
                self._stops[ticket] = listen(self._wired)

        def stop() -> None:
            with self._lock:
                self._listening.pop(ticket, None)
                self._stop(ticket)

        return stop

    def _stop(self, ticket: object) -> None:
        stop = self._stops.pop(ticket, None)
        if stop is not None:
            stop()

    def lay_over(self, overlay: Overlay | None) -> None:
        """Put a route before the whole chain, or in its place, now and after a new wiring; None takes it away."""
        with self._lock:  # not while another thread wires: its engine would be without the overlay
            self._overlay = overlay
            if self._wired is not None:
                self._wired.lay_over(overlay)

    def rewire(self, engine: Engine | None) -> None:
        """Switch to another engine; None finds the wiring anew at the next use."""
        with self._lock:  # after a thread that wires, whose engine would replace this one
            if self._wired is not None:
                self._leave(self._wired)
            self._given = engine
            if engine is not None:
                self._adopt(engine)
                return
            if self._wired is not None:
                del self._engine
                self._wired = None
            self._hot = {}

    @property
    def given(self) -> Engine | None:
        """The engine that was configured; None for an engine that was found, or is still to be found."""
        return self._given

    def restore(self, given: Engine | None) -> None:
        """Restore the wiring from before a test: with nothing remembered, or found anew if nothing was configured."""
        if self._given is not given or given is None:
            self.rewire(given)
        if given is not None:
            given.forget()

    def __repr__(self) -> str:
        return "<DefaultResolver not wired yet>" if self._wired is None else super().__repr__()

    def after_fork(self) -> None:
        """Replace the lock in the child of a fork: the thread that held it may be gone."""
        self._lock = RLock()


default_resolver = DefaultResolver()
fork.tell(default_resolver)

get_secret = default_resolver.get
get_secrets = default_resolver.get_many
get_secret_set = default_resolver.get_set
load_secrets = default_resolver.load
reject = default_resolver.reject
explain = default_resolver.explain
invalidate = default_resolver.invalidate
on_rotate = default_resolver.on_rotate
on_event = default_resolver.on_event


@traceless
def configure(
    source: Resolver | Sequence[str | Provider] | str | os.PathLike[str] | None = None,
    *,
    environment: str | None = None,
    **numbers: Unpack[Numbers],
) -> None:
    """Configure the default resolver that `get_secret` uses, and forget what it remembered.

    Args:
        source: A list of providers as for `Resolver`; or the path of a ``secretsource.toml``; or a `Resolver`, whose
            chain and cache are then shared. None finds the configuration, or the evidence, anew at the next use.
        environment: The environment of the file; only with a path.
        **numbers: ``ttl``, ``max_stale`` and the others as for `Resolver`; only with a list.

    Raises:
        ConfigurationError: A provider, a number or the file is wrong; the wiring stays as it was.
        ProviderNotInstalled: A provider's vendor package is missing.
    """
    if environment is not None and not _is_path(source):
        raise ConfigurationError("environment belongs to the path of a configuration file: pass both")
    if numbers and (source is None or isinstance(source, Resolver) or _is_path(source)):
        raise ConfigurationError(f"{', '.join(numbers)} belong to a list of providers: pass both")
    default_resolver.rewire(None if source is None else _resolver(source, environment, numbers)._engine)


def _is_path(source: object) -> bool:
    return isinstance(source, (str, os.PathLike))


def _resolver(
    source: Resolver | Sequence[str | Provider] | str | os.PathLike[str], environment: str | None, numbers: Numbers
) -> Resolver:
    if isinstance(source, Resolver):
        return source
    if isinstance(source, (str, os.PathLike)):
        return Resolver.from_config(source, environment=environment)
    return Resolver(source, **numbers)
