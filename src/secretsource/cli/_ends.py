"""The two ends of a copy: where a provider keeps a name, what it has there, and whether it can be written to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from secretsource.exceptions import ConfigurationError
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef, WritableProvider
from secretsource.resolver import format_reference
from secretsource.resolver._call import fetch, raised
from secretsource.resolver._document import chosen, select
from secretsource.resolver._wiring import wired

if TYPE_CHECKING:
    from secretsource.cli._choice import Choice
    from secretsource.providers.base import Written
    from secretsource.resolver._route import Chain, Route

__all__ = ["Held", "held", "opened", "put", "writer"]

PATIENCE = 10.0
"""Seconds for one call: a person waits, and no request."""

POINTS_ELSEWHERE = Failed(
    FailureCode.MISCONFIGURED,
    "this is not the value, but says where it is",
    "copy from the provider that it names",
)


@dataclass(frozen=True, slots=True)
class Held:
    """What one provider has under a name.

    Attributes:
        where: The place, as a reference; empty where the provider can have no such name.
        content: The value, or why there is none; in no repr.
        ref: The place.
    """

    where: str
    content: str | bytes | NotFound | Failed = field(repr=False)
    ref: SecretRef | None = None


def opened(choice: Choice, chain: Chain, word: str) -> Route:
    """The provider that a word names: one of the chain, or a URL with settings of its own.

    Raises:
        ConfigurationError: The environment has no such provider, so that nobody can say how it is set up.
    """
    if "://" in word:
        return wired([word]).routes[0]
    route = next((route for route in chain.routes if route.provider.name == word), None)
    if route is None and choice.config() is None:
        route = chain.find(word)  # without a configuration, a provider has no settings but those of the environment
    if route is None:
        names = ", ".join(repr(route.provider.name) for route in chain.routes)
        raise ConfigurationError(
            f"this environment has no provider {word!r}, but {names}: "
            f"choose another one with --env, or give a URL such as {word}://"
        )
    return route


def writer(route: Route) -> WritableProvider:
    """The provider of a route, as one that can write.

    Raises:
        ConfigurationError: It cannot.
    """
    if not isinstance(route.provider, WritableProvider):
        raise ConfigurationError(
            f"provider {route.provider.name!r} cannot be written to: its driver only reads; name another one with --to"
        )
    return route.provider


def held(route: Route, name: str, *, to_fill: bool = False) -> Held:
    """What a provider has under a bare name now; ``to_fill`` it, a document without its field is an absence."""
    located = route.locate(name)
    if isinstance(located, NotFound):
        return Held("", located)
    ref = route.provider.complete(located)
    outcome = fetch(route.provider, ref.document, PATIENCE)
    if isinstance(outcome, Found) and route.points(outcome):
        return Held(format_reference(ref), POINTS_ELSEWHERE, ref)
    if not isinstance(outcome, Found):
        return Held(format_reference(ref), outcome, ref)
    fields = () if ref.field is None else (ref.field,)
    return Held(format_reference(ref), select(outcome.value, fields) if to_fill else chosen(outcome, fields), ref)


def put(route: Route, place: Held, value: str | bytes, *, overwrite: bool) -> Written:
    """Write a value to a place that was looked at; a driver that raises is named by the class of its error."""
    assert place.ref is not None
    try:
        return writer(route).store(place.ref, value, overwrite=overwrite, timeout=PATIENCE)
    except Exception as error:
        name = type(error).__name__
    return raised(name)
