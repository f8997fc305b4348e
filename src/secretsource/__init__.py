"""Secrets for the code that uses them, and API keys for the code that issues them.

    from secretsource import get_secret

    stripe.api_key = get_secret("STRIPE_SECRET_KEY")

Importing this package loads no vendor's SDK, no web framework and no asyncio.
"""

from __future__ import annotations

from secretsource._secret import Secret, SecretSet
from secretsource.resolver._default import configure
from secretsource.resolver._default import default_resolver as _resolver
from secretsource.resolver._override import override
from secretsource.resolver._resolver import Resolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.resolver._async_default import aexplain, aget_secret, aget_secrets, aload_secrets, areject
    from secretsource.resolver._async_resolver import AsyncResolver
    from secretsource.resolver._inspection import Probe, ProviderHandle
    from secretsource.resolver._live import LiveSecret

__all__ = [
    "AsyncResolver",
    "LiveSecret",
    "Probe",
    "ProviderHandle",
    "Resolver",
    "Secret",
    "SecretSet",
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

get_secret = _resolver.get
get_secrets = _resolver.get_many
get_secret_set = _resolver.get_set
load_secrets = _resolver.load
reject = _resolver.reject
explain = _resolver.explain
invalidate = _resolver.invalidate
on_rotate = _resolver.on_rotate
on_event = _resolver.on_event

_LATE = {
    "AsyncResolver": "secretsource.resolver._async_resolver",
    **dict.fromkeys(("Probe", "ProviderHandle"), "secretsource.resolver._inspection"),
    "LiveSecret": "secretsource.resolver._live",
    **dict.fromkeys(
        ("aexplain", "aget_secret", "aget_secrets", "aload_secrets", "areject"), "secretsource.resolver._async_default"
    ),
}


def __getattr__(name: str) -> object:
    """Load, on first use, the asynchronous names, whose modules load asyncio, and those that only tools need."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_LATE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
