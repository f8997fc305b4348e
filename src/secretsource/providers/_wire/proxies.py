"""The proxies that the environment names for a URL; a call to this machine goes through none of them.

Such a call carries credentials, often in plain text, and a proxy elsewhere could not even reach its server. The
vendors' packages disagree about it when ``NO_PROXY`` is not set: the commands of Vault and curl's users expect it,
requests, botocore, aiohttp and gRPC do not do it.
"""

from __future__ import annotations

from secretsource.providers._wire.origins import Origin

__all__ = ["environment_proxies", "environment_proxy", "is_here"]


def is_here(url: str) -> bool:
    """Return whether a URL names a server on this machine."""
    origin = Origin.of(url)
    return origin is not None and origin.is_here


def environment_proxies(url: str) -> dict[str, str]:
    """Return the proxies for a URL by scheme, as ``proxies`` of requests; empty for this machine."""
    from requests.utils import get_environ_proxies

    return {} if is_here(url) else get_environ_proxies(url)


def environment_proxy(url: str) -> str | None:
    """Return the one proxy for a URL, or None."""
    from requests.utils import select_proxy

    return select_proxy(url, environment_proxies(url))
