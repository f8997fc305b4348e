"""The server that a URL names, and whether the credentials of a call may go there; pure.

A call carries credentials, in a header or in its body. So a redirect is followed only to the same server. Credentials
found in the environment are not sent to an address that only a configuration file names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from secretsource.providers.base import Failed, FailureCode

__all__ = ["Origin", "distrusted", "foreign", "kept_back", "leads_home"]

_FORM = re.compile(
    r"(?:https?://(?:[a-z0-9.\-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)?(?:/(?!/)[a-z0-9\-._~:/?#\[\]!$&'()*+,;=%]*)?",
    re.IGNORECASE,
)
"""An http(s) URL, or a path of the same server: programs disagree about everything else, such as blanks, ``\\`` and
``@``."""

_PORTS = {"https": 443, "http": 80}


class Origin(NamedTuple):
    """The server that a URL names.

    Attributes:
        scheme: In small letters.
        host: In small letters, without brackets.
        port: The port, also if the URL omits it.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin | None:
        """Return the origin of an http(s) URL; None for anything else."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS[parts.scheme]
        except (KeyError, ValueError):
            return None
        return cls(parts.scheme, parts.hostname, port) if parts.hostname else None

    @property
    def is_private(self) -> bool:
        """Whether only this machine and the server can read a call: it is encrypted, or does not leave this machine."""
        return self.scheme == "https" or self.is_here

    @property
    def is_here(self) -> bool:
        """Whether it is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def is_in(self, domain: str) -> bool:
        """Return whether the host is of a domain."""
        return self.host == domain or self.host.endswith(f".{domain}")


def leads_home(url: str, location: str) -> bool:
    """Return whether a redirect leads to the same host and port, and not from https to http.

    Args:
        url: The URL asked.
        location: The header ``Location`` of the answer.
    """
    if _FORM.fullmatch(location) is None:
        return False
    here, there = Origin.of(url), Origin.of(urljoin(url, location))
    if here is None or there is None or here.host != there.host:
        return False
    return here == there or (here.scheme == "http" and there.scheme == "https" and _keeps_port(here, there))


def distrusted(address: str, ambient: str | None, variable: str) -> str | None:
    """Return why credentials of the environment do not go to an address in a file; None if they may.

    Args:
        address: The URL in the file.
        ambient: The URL that the environment names for the same service, or None.
        variable: The name of ``ambient`` in the reason.
    """
    named, usual = Origin.of(address), None if ambient is None else Origin.of(ambient)
    if ambient is not None and (named is None or named != usual):
        return f"a file names another server than {variable} does"
    if named is None or not named.is_private:
        return "a file names a server that is reached without encryption"
    return None


def foreign(address: str, domains: Sequence[str], ambient: Sequence[str] = ()) -> str | None:
    """Do the same as `distrusted`, for a service at its vendor's servers, unless the environment names others.

    Args:
        address: The URL in the file.
        domains: The vendor's domains, which are reached encrypted; the first of them is in the reason.
        ambient: The URLs that the environment names for the service.
    """
    named = Origin.of(address)
    if named is not None:
        if named.is_here or named in map(Origin.of, ambient):
            return None
        if named.scheme == "https" and any(named.is_in(domain) for domain in domains):
            return None
    return f"a file names a server that is not of {domains[0]}, or is reached without encryption"


def kept_back(reason: str | None, instead: str = "") -> Failed | None:
    """Return the failure of a call whose credentials do not go to its address; None if they may.

    Args:
        reason: Why, from `distrusted` or `foreign`.
        instead: The alternative for the reader, after "or".
    """
    if reason is None:
        return None
    return Failed(
        FailureCode.MISCONFIGURED,
        f"credentials found on this machine are not sent to this address: {reason}",
        f"if the address is right, set trust_address = true beside it{instead and f', or {instead}'}",
    )


def _keeps_port(here: Origin, there: Origin) -> bool:
    """Return whether the port is the same, or the usual port of either scheme."""
    return here.port == there.port or (here.port, there.port) == (_PORTS["http"], _PORTS["https"])
