"""The reason why a service could not be reached: its host and port, and the network's error; pure.

Only a network error is an outage. For a missing file, or text that is not a header, `cause_of` returns None, and the
driver has its own words.
"""

from __future__ import annotations

import errno
import socket
import ssl
from http.client import IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from secretsource.providers._wire.errand import NO_THREAD, NoThread
from secretsource.providers.base import Failed, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Cause", "cause_of", "causes", "place_of", "unreachable"]

PORTS = {"http": 80, "https": 443}
MOST_CAUSES = 32
"""Exceptions to look at; those of a vendor's client lie a few levels deep."""


class Cause(NamedTuple):
    """A network error.

    Attributes:
        code: TIMEOUT, UNAVAILABLE, or MISCONFIGURED where TLS fails, which does not pass by itself.
        words: A clause such as ``connection refused``.
        remedy: The next step for the reader.
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

_NO_THREAD = Cause(FailureCode.UNAVAILABLE, str(NO_THREAD.reason), str(NO_THREAD.remedy))

_NO_ROUTES = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})
_LATER = frozenset({socket.EAI_AGAIN})
_CLOSED_IN_TLS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def cause_of(error: BaseException) -> Cause | None:
    """Return the network error, or None if the exception has another source.

    Args:
        error: The exception of a vendor's client; the cause may lie several exceptions deep.
    """
    found = [cause for each in causes(error) if (cause := _of_one(each)) is not None]
    # Clients also report the end of several attempts as a timeout: the more exact cause wins.
    return next((cause for cause in found if cause is not _SLOW), found[0] if found else None)


def place_of(url: str) -> str:
    """Return the host and port of a URL, or the Unix socket, but no user, path and query: they may hold credentials."""
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
    """Return the failure of a service that could not be reached.

    Args:
        url: The URL of the service; messages show only host and port.
        error: The exception of a vendor's client.
        remedy: The next step for the reader; None for the one that fits the cause.
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
        case NoThread():
            return _NO_THREAD
        case TimeoutError():
            return _SLOW
        case OSError() if error.errno in _NO_ROUTES:
            return _NO_ROUTE
        case _:
            return None


def _of_tls(error: ssl.SSLError) -> Cause | None:
    """Return the TLS error; None for a local file that holds no certificate or key."""
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
    """Yield an exception and its causes, however its library stores them.

    Python also stores as context the exception that a caller of ours was handling; that is not a cause.
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
    """Return the callers of the frame that caught an exception; empty for an exception that was never raised."""
    found: set[FrameType] = set()
    frame = None if error.__traceback__ is None else error.__traceback__.tb_frame.f_back
    while frame is not None:
        found.add(frame)
        frame = frame.f_back
    return found
