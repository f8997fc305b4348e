"""From an outcome to the one sentence of its error: what failed, for which name, where, what to do next."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from secretsource._ground.suggest import meant
from secretsource.exceptions import (
    ProviderDenied,
    ProviderError,
    ProviderResponseError,
    ProviderUnavailable,
    ResolveError,
    SecretNotFound,
)
from secretsource.providers.base import Failed, FailureCode, SecretRef
from secretsource.providers.reference import format_reference
from secretsource.resolver._walk.route import Uninstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsource.providers.base import Outcome
    from secretsource.resolver._walk.resolution import Request, Resolution, Step
    from secretsource.resolver._walk.route import Chain

__all__ = ["FOR_PROGRAMS", "error_of", "meant_by", "none_found"]

_CLASSES: Mapping[FailureCode, type[ProviderError]] = {
    FailureCode.TIMEOUT: ProviderUnavailable,
    FailureCode.THROTTLED: ProviderUnavailable,
    FailureCode.UNAVAILABLE: ProviderUnavailable,
    FailureCode.UNAUTHENTICATED: ProviderDenied,
    FailureCode.DENIED: ProviderDenied,
    FailureCode.DISABLED: ProviderDenied,
    FailureCode.DELETED: ProviderDenied,
    FailureCode.MALFORMED: ProviderResponseError,
    FailureCode.MISCONFIGURED: ProviderResponseError,
}

_WORDS: Mapping[FailureCode, tuple[str, str]] = {
    FailureCode.TIMEOUT: ("it did not answer in time", "check the network, or raise the deadline"),
    FailureCode.THROTTLED: ("it is throttling us", "raise the ttl, or the service's quota"),
    FailureCode.UNAVAILABLE: ("it is not available", "check that it is up and reachable"),
    FailureCode.UNAUTHENTICATED: ("it did not accept our identity", "check the credentials"),
    FailureCode.DENIED: ("it denied access", "grant this identity permission to read the secret"),
    FailureCode.DISABLED: ("the secret is disabled", "enable it, or remove it"),
    FailureCode.DELETED: ("the secret is deleted", "restore it, or remove it for good"),
    FailureCode.MALFORMED: ("its answer is not in the expected form", "check how the secret is stored"),
    FailureCode.MISCONFIGURED: ("its settings name something that is not there", "check its settings"),
}


FOR_PROGRAMS = ", or pass a default"
"""Advice that a person at the command line cannot follow."""


def error_of(name: str, result: Resolution, chain: Chain) -> ResolveError:
    """Return the error for a resolution that found nothing.

    Args:
        name: The name that the application asked for.
        result: How the request ended; its outcome is `NotFound` or `Failed`.
        chain: The providers, for what was left out.
    """
    outcome: Outcome = result.outcome
    if not isinstance(outcome, Failed):
        return none_found(name, result, chain)
    provider = result.ref.provider
    what, next_step = _WORDS[outcome.code]
    vendor = f" ({outcome.sdk_error})" if outcome.sdk_error else ""
    told = " ".join((name, outcome.reason or "", outcome.remedy or ""))
    where = ", ".join(_untold(result.ref, result.request.ref, told, chain))
    return _CLASSES[outcome.code](
        f"cannot get secret {name!r} from provider {provider!r}{where and f' ({where})'}{_aside(provider, chain)}: "
        f"{outcome.reason or what}{vendor}; "
        f"{outcome.remedy or next_step}",
        name=name,
        provider=provider,
        code=outcome.code,
        sdk_error=outcome.sdk_error,
    )


def none_found(name: str, result: Resolution, chain: Chain) -> SecretNotFound:
    """Return the error for a name that every provider said is not there."""
    steps = [step for step in result.steps if step.outcome != SKIPPED]
    asked = tuple(step.provider for step in steps)
    if not asked:
        left_out = ", ".join(f"{skipped.provider} ({skipped.reason})" for skipped in chain.skipped)
        return SecretNotFound(
            f"secret {name!r} was not found: no provider is configured; skipped: {left_out or 'none'}", name=name
        )
    said = ", ".join(_said(step, result.request, chain) for step in steps)
    question = meant_by(result.ref, chain)
    return SecretNotFound(
        f"secret {name!r} was not found at {said}; "
        f"{question and f'{question} Otherwise '}{_to_install(chain)}create it there{FOR_PROGRAMS}",
        name=name,
        providers=asked,
    )


def _to_install(chain: Chain) -> str:
    """Name each provider that is not in the chain only because its package is missing, and what to run."""
    left_out = [skipped for skipped in chain.skipped if isinstance(skipped, Uninstalled)]
    return "".join(f"provider {skipped.provider!r} is {skipped.reason}, or " for skipped in left_out)


def meant_by(ref: SecretRef, chain: Chain) -> str:
    """Ask whether a declared secret was meant; empty when no declared name is alike, or this name is declared."""
    return "" if ref.provider or not chain.declared else meant(ref.location, chain.declared, ALIKE)


def _said(step: Step, request: Request, chain: Chain) -> str:
    """Return a provider that was asked, what it said, and where it was asked unless it said that."""
    word = "" if step.outcome == NOT_FOUND else f"{step.outcome}: "
    note = f"{word}{step.reason}" if step.reason else word.removesuffix(": ")
    places: Sequence[str] = ()
    if isinstance(step.place, SecretRef):
        places = _untold(step.place, request.ref, f"{request.name} {note}", chain)
    notes = ": ".join(filter(None, (", ".join(places), note)))
    return repr(step.provider) + (f" ({notes})" if notes else "") + _aside(step.provider, chain)


def _untold(place: SecretRef, asked: SecretRef, told: str, chain: Chain) -> list[str]:
    """Return the reference of a place and the site of its provider, as far as they are not told yet."""
    route = chain.opened.get(place.provider)
    site = "" if route is None else route.provider.site
    reference = "" if place.location == asked.location else format_reference(place)
    essence = site.partition(", ")[0].rpartition("://")[2].rstrip("/")
    return [word for word, core in ((reference, place.location), (site, essence)) if core and word and core not in told]


def _aside(provider: str, chain: Chain) -> str:
    """Return a clause about a provider that a reference named and that is not in the chain."""
    absence = chain.absence(provider)
    return f", which is {absence}" if absence else ""


ALIKE = 0.8
"""How much of two names must be the same for the one to be taken for the other: names of secrets share much."""

NOT_FOUND, SKIPPED = "not found", "skipped"
