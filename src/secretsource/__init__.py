"""Secrets for the code that uses them, and API keys for the code that issues them.

    from secretsource import get_secret

    stripe.api_key = get_secret("STRIPE_SECRET_KEY")

Names are loaded when they are first used. Importing this package loads no vendor's SDK, no web framework and no
asyncio.
"""

from __future__ import annotations

from secretsource import resolver as resolver  # the module is here from the start; its names wait as well
from secretsource._secret import Secret, SecretSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.resolver._async_default import aexplain, aget_secret, aget_secrets, aload_secrets, areject
    from secretsource.resolver._async_resolver import AsyncResolver
    from secretsource.resolver._default import (
        configure,
        explain,
        get_secret,
        get_secret_set,
        get_secrets,
        invalidate,
        load_secrets,
        on_event,
        on_rotate,
        reject,
    )
    from secretsource.resolver._inspection import Probe, ProviderHandle
    from secretsource.resolver._live import LiveSecret
    from secretsource.resolver._override import override
    from secretsource.resolver._resolver import Resolver
    from secretsource.resolver._walk.trace import RotationEvent, SecretEvent, Trace

__all__ = [
    "AsyncResolver",
    "LiveSecret",
    "Probe",
    "ProviderHandle",
    "Resolver",
    "RotationEvent",
    "Secret",
    "SecretEvent",
    "SecretSet",
    "Trace",
    "aexplain",
    "aget_secret",
    "aget_secrets",
    "aload_secrets",
    "areject",
    "configure",
    "explain",
    "get_secret",
    "get_secret_set",
    "get_secrets",
    "invalidate",
    "load_secrets",
    "on_event",
    "on_rotate",
    "override",
    "reject",
]

__version__ = "0.1.0"

_HOMES = {
    "_async_default": ("aexplain", "aget_secret", "aget_secrets", "aload_secrets", "areject"),
    "_async_resolver": ("AsyncResolver",),
    "_default": (
        "configure", "explain", "get_secret", "get_secret_set", "get_secrets", "invalidate", "load_secrets", "on_event",
        "on_rotate", "reject",
    ),
    "_inspection": ("Probe", "ProviderHandle"),
    "_live": ("LiveSecret",),
    "_override": ("override",),
    "_resolver": ("Resolver",),
    "_walk.trace": ("RotationEvent", "SecretEvent", "Trace"),
}  # fmt: skip
_MODULES = {name: f"{__name__}.resolver.{module}" for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
