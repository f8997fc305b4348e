"""The consuming half: from a name to its secret.

`Resolver` itself is in `secretsource`. Here is what tools around it need: references as text, and what it tells.
Names are loaded when they are first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.providers.reference import FOLLOW_MARK, format_reference, parse_reference
    from secretsource.resolver._default import default_resolver
    from secretsource.resolver._walk.failure import FOR_PROGRAMS
    from secretsource.resolver._walk.resolution import Step
    from secretsource.resolver._walk.trace import RotationEvent, SecretEvent, Trace

__all__ = [
    "FOLLOW_MARK",
    "FOR_PROGRAMS",
    "RotationEvent",
    "SecretEvent",
    "Step",
    "Trace",
    "default_resolver",
    "format_reference",
    "parse_reference",
]

_HOMES = {
    "FOLLOW_MARK": "secretsource.providers.reference",
    "FOR_PROGRAMS": "secretsource.resolver._walk.failure",
    "RotationEvent": "secretsource.resolver._walk.trace",
    "SecretEvent": "secretsource.resolver._walk.trace",
    "Step": "secretsource.resolver._walk.resolution",
    "Trace": "secretsource.resolver._walk.trace",
    "default_resolver": "secretsource.resolver._default",
    "format_reference": "secretsource.providers.reference",
    "parse_reference": "secretsource.providers.reference",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(_HOMES[name]), name)
    return found
