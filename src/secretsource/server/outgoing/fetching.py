"""One document from a fixed address: no redirects, and bounds of time and size that hold for the whole answer."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from threading import Timer
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

__all__ = ["FetchError", "Form", "fetch"]

AGENT = "secretsource"


class FetchError(Exception):
    """A document was not fetched; the text says why, and quotes no part of an answer.

    Attributes:
        status: The status of the answer; None if there was no whole answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Form(NamedTuple):
    """A form to send (POST).

    Attributes:
        body: The fields, as ``application/x-www-form-urlencoded``.
        authorization: The header ``Authorization``, or None.
    """

    body: bytes
    authorization: str | None = None

    def __repr__(self) -> str:
        return "Form(<masked>)"


def fetch(url: str, *, within: float, most: int, form: Form | None = None) -> bytes:
    """Return a document; call it in a thread of its own.

    Args:
        url: An address that begins with ``https://`` or ``http://``.
        within: Seconds for everything after the name of the host is looked up.
        most: Bytes that the document may have.
        form: A form to send; without one, the document is got (GET).

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
        document = _asked(connection, parts.path + (f"?{parts.query}" if parts.query else ""), most, form)
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


def _asked(connection: HTTPConnection, target: str, most: int, form: Form | None) -> bytes:
    headers = {"Accept": "application/json", "User-Agent": AGENT}
    if form is None:
        connection.request("GET", target or "/", headers=headers)
    else:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        if form.authorization is not None:
            headers["Authorization"] = form.authorization
        connection.request("POST", target or "/", form.body, headers)
    del headers  # a traceback shows no secret
    answer = connection.getresponse()
    if answer.status != 200:
        told = f"{connection.host} answered {answer.status}, not 200; redirects are not followed"
        raise FetchError(told, answer.status)
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
