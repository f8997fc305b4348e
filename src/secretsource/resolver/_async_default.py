"""The asynchronous side of the default resolver; a module of its own because it loads asyncio."""

from __future__ import annotations

from secretsource.resolver._async_resolver import AsyncResolver
from secretsource.resolver._default import default_resolver

__all__ = ["aexplain", "aget_secret", "aget_secrets", "aload_secrets", "areject"]

_resolver = AsyncResolver.of(default_resolver)

aget_secret = _resolver.get
aget_secrets = _resolver.get_many
aload_secrets = _resolver.load
areject = _resolver.reject
aexplain = _resolver.explain
