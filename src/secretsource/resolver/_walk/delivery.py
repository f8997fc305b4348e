"""From the end of a walk to the secret of the application and the events of the listeners."""

# pure: decides from its arguments, the time among them; no I/O, no await

from __future__ import annotations

from secretsource._secret import Origin, Secret
from secretsource.providers.base import Found, NotFound, SecretRef
from secretsource.providers.reference import literal
from secretsource.resolver._walk.resolution import word_of
from secretsource.resolver._walk.trace import RotationEvent, SecretEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from secretsource._ground.clock import Instant
    from secretsource._secret import Served
    from secretsource.providers.base import Lease
    from secretsource.resolver._walk.cache import CachedAnswer
    from secretsource.resolver._walk.resolution import Request, Resolution
    from secretsource.resolver._walk.route import Route

    D = TypeVar("D")

__all__ = ["as_fresh", "default_secret", "event_of", "holds", "is_overtaken", "is_same", "rotations", "secret_of"]


def secret_of(
    name: str, fields: tuple[str, ...], ref: SecretRef, route: Route | None, found: Found, wall: float, served: Served
) -> Secret:
    """Make the secret for a value that was found.

    Args:
        name: The name that the application asked for.
        fields: The fields that it asked for inside what the reference holds.
        ref: Where the value was found.
        route: How the provider is asked that has it.
        found: The value, with its field selected.
        wall: When the provider gave it, in seconds since 1970 UTC.
        served: How it was obtained.
    """
    value = found.value
    assert isinstance(value, (str, bytes))
    assert route is not None, "what was found was found at a provider"
    value = route.read(value)
    ends = found.expires_at if found.lease is None else _ends(found, found.lease, wall)
    return Secret(value, Origin(name, fields, ref, found.version, wall, ends, served))


def _ends(found: Found, lease: Lease, wall: float) -> float:
    ends = wall + lease.seconds
    return ends if found.expires_at is None else min(found.expires_at, ends)


def as_fresh(secret: Secret) -> Secret:
    """Return the same secret, as later reads get it from memory."""
    origin = secret._origin
    return Secret(
        secret if secret._raw is None else secret._raw,
        Origin(origin.name, origin.fields, origin.ref, origin.version, origin.fetched, origin.expires, "fresh"),
    )


def default_secret(request: Request, default: D, at: Instant) -> Secret | D:
    """Return a default; as a `Secret` when it is text."""
    if not isinstance(default, str) or isinstance(default, Secret):
        return default
    ref = SecretRef("default", request.ref.location)
    return Secret(str.__str__(default), Origin(request.name, request.fields, ref, None, at.wall, None, "default"))


def holds(entry: CachedAnswer, secret: Secret) -> bool:
    """Return whether an entry still has the value that was refused.

    A version is not enough: a secret that was deleted and made again may begin with version 1 again.
    """
    if not isinstance(entry.outcome, Found):
        return False
    if secret.version is not None and entry.outcome.version != secret.version:
        return False
    place, fields = secret._origin.ref.field, secret._origin.fields
    value = str(secret) if secret._raw is None else secret._raw
    chosen = entry.select(fields if place is None else (place, *fields))
    return chosen == value or (literal(chosen) is not None and literal(chosen) == value)


def is_same(one: Secret, other: Secret) -> bool:
    """Return whether two secrets are one version, or one value where the provider has no versions."""
    if one.version is not None and other.version is not None:
        return one.version == other.version
    return one == other


def is_overtaken(current: Resolution, before: Resolution) -> bool:
    """Return whether a later answer says that what was taken for the current version is the one before it."""
    one, other = current.entry, before.entry
    if one is None or other is None or not isinstance(one.outcome, Found) or not isinstance(other.outcome, Found):
        return False
    return (
        one.outcome.version is not None and one.outcome.version == other.outcome.version and one.number < other.number
    )


def rotations(provider: str, before: CachedAnswer | None, now: CachedAnswer | None) -> list[RotationEvent]:
    """Return one event for each name whose value has changed."""
    if before is None or now is None or before is now:
        return []
    old, new = before.outcome, now.outcome
    if not isinstance(old, Found) or not isinstance(new, Found) or old.value == new.value:
        return []
    names = {name for name, fields in tuple(before.readers) if before.select(fields) != now.select(fields)}
    return [RotationEvent(name, provider, old.version, new.version) for name in sorted(names)]


def event_of(request: Request, result: Resolution, started: Instant) -> SecretEvent:
    """Make the event of a look-up."""
    outcome, at = result.outcome, result.at
    found = isinstance(outcome, Found)
    age = None
    if found:
        age = 0.0 if result.entry is None else max(0.0, at.mono - result.entry.at.mono)
    return SecretEvent(
        request.name,
        "" if isinstance(outcome, NotFound) else result.ref.provider,
        word_of(outcome),
        result.served if found else None,
        age,
        max(0.0, at.mono - started.mono),
    )
