"""Say why a service could not be reached: its host and port, and what the network answered; pure.

Only what the network did is an outage. A file that is missing, or text that is no header, is not said here: `cause_of`
answers None, and the driver has a word of its own for it.
"""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Cause", "cause_of", "causes", "place_of", "unreachable"]

PORTS = {"http": 80, "https": 443}
MOST_CAUSES = 32
"""Exceptions to look at; those of a vendor's client lie a few deep."""


class Cause(NamedTuple):
    """What the network did.

    Attributes:
        code: TIMEOUT, UNAVAILABLE, or MISCONFIGURED where TLS fails, which does not pass by itself.
        words: A clause such as ``connection refused``.
        remedy: What to do next.
    """

    code: FailureCode
    words: str
    remedy: str


_UP = "check that the service is up, and the address"
_WAY = "check the address, and the network, firewall or proxy on the way"
_CERTIFICATE = Cause(
    FailureCode.MISCONFIGURED,
    "its TLS certificate is not trusted",
    "check the address, or give the certificate authority that signed it",
)
_OUR_CERTIFICATE = Cause(
    FailureCode.MISCONFIGURED,
    "it does not accept our TLS certificate",
    "check the client certificate and its key, and that the service trusts their authority",
)
_TLS = Cause(FailureCode.MISCONFIGURED, "TLS failed", "check that the address speaks TLS, and the proxy on the way")
_NO_NAME = Cause(FailureCode.UNAVAILABLE, "no such host name", "check the address, and the name server")
_NAME_LATER = Cause(FailureCode.UNAVAILABLE, "the name server does not answer", "check the name server")
_REFUSED = Cause(FailureCode.UNAVAILABLE, "connection refused", _UP)
_CLOSED = Cause(FailureCode.UNAVAILABLE, "the connection was closed before the answer", _WAY)
_NO_ROUTE = Cause(FailureCode.UNAVAILABLE, "there is no route to it", _WAY)
_SLOW = Cause(FailureCode.TIMEOUT, "it did not answer in time", _WAY)

_NO_ROUTES = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})
_LATER = frozenset({socket.EAI_AGAIN})
_CLOSED_IN_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def cause_of(error: BaseException) -> Cause | None:
    """What the network did, or None where the exception does not come from the network.

    Args:
        error: What a vendor's client raised; the cause may lie several exceptions deep.
    """
    found = [cause for each in causes(error) if (cause := _of_one(each)) is not None]
    # A timeout is also what a client calls the end of several attempts: the more telling cause wins.
    return next((cause for cause in found if cause is not _SLOW), found[0] if found else None)


def place_of(url: str) -> str:
    """Host and port of a URL, or the Unix socket: no user, no path, no query, which may hold credentials."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return "its address"
    if parts.scheme == "unix":
        return f"unix://{parts.path}"
    host = parts.hostname or ""
    if not host:
        return "its address"
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def unreachable(url: str, error: BaseException, *, remedy: str | None = None) -> Failed:
    """The failure of a service that could not be reached.

    Args:
        url: Where it was looked for; only host and port are told.
        error: What a vendor's client raised.
        remedy: What to do next; None for what fits the cause.
    """
    cause = cause_of(error)
    if cause is None:
        cause = Cause(FailureCode.UNAVAILABLE, "the network failed", _WAY)
    return Failed(
        cause.code,
        f"{place_of(url)} cannot be reached: {cause.words}",
        remedy or cause.remedy,
        type(error).__name__,
    )


def _of_one(error: BaseException) -> Cause | None:
    match error:
        case ssl.SSLError():
            return _of_tls(error)
        case socket.gaierror():
            return _NAME_LATER if error.errno in _LATER else _NO_NAME
        case ConnectionRefusedError():
            return _REFUSED
        case ConnectionError() | RemoteDisconnected() | IncompleteRead():
            return _CLOSED
        case TimeoutError():
            return _SLOW
        case OSError() if error.errno in _NO_ROUTES:
            return _NO_ROUTE
        case _:
            return None


def _of_tls(error: ssl.SSLError) -> Cause | None:
    """What came of TLS; None for a file of ours that holds no certificate or key."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE
    if isinstance(error, _CLOSED_IN_TLS):
        return _CLOSED
    library, reason = getattr(error, "library", None), getattr(error, "reason", None)
    if library == "X509" or (library == "SSL" and not reason):  # OpenSSL's words where it reads a file
        return None
    of_ours = "ALERT" in str(reason) and ("CERTIFICATE" in str(reason) or "UNKNOWN_CA" in str(reason))
    return _OUR_CERTIFICATE if of_ours else _TLS


def causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that it came from, in whatever way its library keeps them.

    Python also notes as its context what a caller of ours was treating when it called; that is no cause.
    """
    waiting, seen, callers = [error], set[int](), _callers(error)
    while waiting and len(seen) < MOST_CAUSES:
        each = waiting.pop(0)
        if id(each) in seen or (each.__traceback__ is not None and each.__traceback__.tb_frame in callers):
            continue
        seen.add(id(each))
        yield each
        of_azure = getattr(each, "inner_exception", None)
        kept = (each.__cause__, each.__context__, getattr(each, "reason", None), of_azure, *each.args)
        of_botocore = getattr(each, "kwargs", None)
        if isinstance(of_botocore, dict):
            kept = (*kept, of_botocore.get("error"))
        waiting += [cause for cause in kept if isinstance(cause, BaseException)]


def _callers(error: BaseException) -> set[FrameType]:
    """The callers of the frame that caught an exception; empty for an exception that was never raised."""
    found: set[FrameType] = set()
    frame = None if error.__traceback__ is None else error.__traceback__.tb_frame.f_back
    while frame is not None:
        found.add(frame)
        frame = frame.f_back
    return found
