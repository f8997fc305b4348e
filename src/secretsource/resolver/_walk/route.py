"""The chain as it is wired: its providers in order, and what each one's failures mean for the rest."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple
from secretsource._ground.suggest import unknown
from secretsource.exceptions import ConfigurationError, InvalidReference
from secretsource.providers._registry import DRIVERS, known_schemes
from secretsource.providers.base import Failed, FailureCode, NotFound
from secretsource.providers.reference import FOLLOW_MARK, is_pointer, literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from secretsource.providers.base import Found, Provider, SecretRef

__all__ = ["Chain", "Overlay", "Route", "Skipped", "nowhere"]

_DENIALS = frozenset({FailureCode.DENIED, FailureCode.UNAUTHENTICATED, FailureCode.DISABLED, FailureCode.DELETED})


class Route(NamedTuple):
    """One provider of the chain, and what its failures mean for the rest of it.

    Attributes:
        provider: The driver.
        on_denied: Whether a denial stops the chain or counts as an absence.
        on_unavailable: Whether an outage stops the chain or lets it go on.
        places: Where this provider keeps names that it does not keep under their own.
        final: Whether "not there", at a place this provider has for a name, ends the walk.
        unasked: Why this provider is not asked for a bare name, or None where it is; without it, it always is.
    """

    provider: Provider
    on_denied: Literal["stop", "next"] = "stop"
    on_unavailable: Literal["stop", "next"] = "stop"
    places: Mapping[str, SecretRef] | None = None
    final: bool = False
    unasked: Callable[[str], str | None] | None = None

    @property
    def direct(self) -> bool:
        """Whether asking is cheaper than remembering, so that answers are never kept."""
        return self.provider.max_age == 0

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return where this provider keeps a bare name."""
        if self.places is not None and name in self.places:
            return self.places[name]
        return self.provider.locate(name)

    def points(self, found: Found) -> bool:
        """Return whether this answer is a pointer to the value, and not the value."""
        return self.provider.follows and is_pointer(found.value)

    def read(self, value: str | bytes) -> str | bytes:
        """Return a value as it is meant: a value that only looks like a pointer has one mark too many."""
        text = literal(value) if self.provider.follows else None
        return value if text is None else text

    def written(self, value: str | bytes) -> str | bytes:
        """Return the text to store for a value, so that `read` returns the value again, and it points nowhere."""
        if not self.provider.follows or isinstance(value, bytes):
            return value
        return f"{FOLLOW_MARK}{value}" if is_pointer(value) or literal(value) is not None else value

    def passes(self, failed: Failed) -> bool:
        """Return whether this failure lets the chain go on."""
        if failed.code in _DENIALS:
            return self.on_denied == "next"
        return failed.retryable and self.on_unavailable == "next"


class Skipped(NamedTuple):
    """A provider that is not in the chain, and why."""

    provider: str
    reason: str


class Uninstalled(Skipped):
    """A provider that would be in the chain if its package were installed."""

    __slots__ = ()


class Overlay(NamedTuple):
    """A route that comes before all others for every name and reference; tests use it.

    Attributes:
        route: The route.
        only: Whether it stands in the place of all others, which are then neither made nor asked.
    """

    route: Route
    only: bool = False


class Chain(NamedTuple):
    """The providers to ask, in order, and how to reach one by name.

    Attributes:
        routes: In the order they are asked.
        find: The route of a provider named in a reference; raises `ConfigurationError` for an unknown one.
        opened: Every route made so far by name: those of the chain, and those that a reference led to.
        skipped: Providers left out, for `explain`.
        overlay: A route that comes before all others for every name and reference, or in their place.
        declared: The names of the secrets that the configuration declares.
        elsewhere: Providers that the configuration has for other environments, each with their names.
    """

    routes: tuple[Route, ...]
    find: Callable[[str], Route]
    opened: dict[str, Route]
    skipped: tuple[Skipped, ...] = ()
    overlay: Overlay | None = None
    declared: tuple[str, ...] = ()
    elsewhere: Mapping[str, tuple[str, ...]] | None = None

    def route(self, name: str) -> Route:
        """Return the route of a provider that answered."""
        overlay = self.overlay
        return overlay.route if overlay is not None and overlay.route.provider.name == name else self.find(name)

    def know(self, provider: str) -> None:
        """Accept a provider that can be opened.

        Raises:
            ConfigurationError: It is unknown, or of another environment; the error lists those that are known.
        """
        if provider in self.opened or provider in DRIVERS or provider in (schemes := known_schemes()):
            return
        if self.elsewhere is not None and provider in self.elsewhere:
            raise ConfigurationError(
                f"provider {provider!r} is {self.absence(provider)}: add it to the providers of this environment"
            )
        known = sorted({*schemes, *self.opened})
        said, listed = unknown("provider", provider, known), f"known are {', '.join(known)}"
        raise ConfigurationError(said if listed in said else f"{said} {listed}")

    def absence(self, provider: str) -> str:
        """Return where a provider is instead of in the chain; empty for a provider of the chain."""
        if any(provider == route.provider.name for route in (*self.routes, *(self.overlay or ())[:1])):
            return ""
        if self.elsewhere is None or provider not in self.elsewhere:
            return "not in the chain, so none of your settings hold for it"
        names = self.elsewhere[provider]
        if not names:
            return "configured, but in the chain of no environment"
        plural = "s" if len(names) > 1 else ""
        return f"in the chain of environment{plural} {', '.join(map(repr, names))} only"

    def candidates(self, ref: SecretRef) -> tuple[Route, ...]:
        """Return the routes to ask for a reference, in order.

        Raises:
            ConfigurationError: It names a provider that is unknown.
            InvalidReference: It has an option that none of them knows.
        """
        if self.overlay is not None and self.overlay.only:
            return (self.overlay.route,)
        routes = (self.find(ref.provider),) if ref.provider else self.routes
        if ref.options:
            self.knowing(ref, routes)
        return routes if self.overlay is None else (self.overlay.route, *routes)

    def knowing(self, ref: SecretRef, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """Return the same routes, if each option of the reference is known to one of them.

        Raises:
            InvalidReference: One is not: ignoring a misspelt ``version`` would get the current one in its place.
        """
        known = {"version", "stage"}.union(*(route.provider.options for route in routes))
        for key, _ in ref.options:
            if key not in known:
                raise InvalidReference(unknown("option of a reference", key, sorted(known)))
        return routes


def nowhere(name: str) -> Route:
    """Refuse to ask a provider where no provider may be asked."""
    raise ConfigurationError(f"provider {name!r} is not asked inside override(only=True): give the test its value")
