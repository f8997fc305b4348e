"""One document from a fixed address: no redirects, and bounds of time and size that hold for the whole answer."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from threading import Timer
from time import monotonic
from urllib.parse import urlsplit

__all__ = ["FetchError", "fetch"]

AGENT = "secretsource"


class FetchError(Exception):
    """A document was not fetched; the text says why, and quotes no part of an answer."""


def fetch(url: str, *, within: float, most: int) -> bytes:
    """Return a document; call it in a thread of its own.

    Args:
        url: An address that begins with ``https://`` or ``http://``.
        within: Seconds for everything after the name of the host is looked up.
        most: Bytes that the document may have.

    Raises:
        FetchError: It could not be fetched.
    """
    parts = urlsplit(url)
    secured = parts.scheme == "https"
    host = parts.hostname or ""
    connection: HTTPConnection = (
        HTTPSConnection(host, parts.port, timeout=within, context=ssl.create_default_context())
        if secured
        else HTTPConnection(host, parts.port, timeout=within)
    )
    # A server that sends a byte now and then would outlast every single timeout: the end of the time ends the line.
    clock = Timer(within, _cut, (connection,))
    clock.daemon = True
    ends = monotonic() + within
    clock.start()
    try:
        document = _asked(connection, parts.path + (f"?{parts.query}" if parts.query else ""), most)
        if monotonic() >= ends:  # the line was cut, which looks like the end of the document
            raise TimeoutError
        return document
    except (OSError, HTTPException, ValueError) as error:
        failure = type(error).__name__
    finally:
        clock.cancel()
        clock.join()
        connection.close()
    raise FetchError(f"{host} could not be asked within {within:g} seconds ({failure})")


def _asked(connection: HTTPConnection, target: str, most: int) -> bytes:
    connection.request("GET", target or "/", headers={"Accept": "application/json", "User-Agent": AGENT})
    answer = connection.getresponse()
    if answer.status != 200:
        raise FetchError(f"{connection.host} answered {answer.status}, not 200; redirects are not followed")
    document = answer.read(most + 1)
    if answer.length and len(document) <= most:  # bytes that were announced and did not come
        raise IncompleteRead(document, answer.length)
    if len(document) > most:
        raise FetchError(f"the answer of {connection.host} has more than {most} bytes")
    return document


def _cut(connection: HTTPConnection) -> None:
    """End a connection whose time is over; a read that waits on it returns."""
    line: socket.socket | None = connection.sock
    if line is not None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
