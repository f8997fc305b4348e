"""Fetch a small document of another server: within a bound of time and of size, and without a redirect."""

from __future__ import annotations

from typing import NamedTuple

from secretsource.server.outgoing.exchange import ExchangeError, Request, exchange
from secretsource.server.outgoing.targets import Target, read_target

__all__ = ["FetchError", "Form", "fetch"]


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
        url: An address that begins with ``https://`` or ``http://``; the operator chose it, so it may be private.
        within: Seconds for everything after the name of the host is looked up.
        most: Bytes that the document may have.
        form: A form to send; without one, the document is got (GET).

    Raises:
        FetchError: It could not be fetched.
    """
    target = read_target(url)
    if target is None:
        raise FetchError("the address is not one of the web")
    try:
        reply = exchange(_request(target, form), within=within, most=most, private=True)
    except ExchangeError as error:
        failure = str(error)
    else:
        if reply.status != 200:
            raise FetchError(
                f"{target.host} answered {reply.status}, not 200; redirects are not followed", reply.status
            )
        if len(reply.body) > most:
            raise FetchError(f"the answer of {target.host} has more than {most} bytes")
        return reply.body
    raise FetchError(failure)


def _request(target: Target, form: Form | None) -> Request:
    headers = {"Accept": "application/json"}
    if form is None:
        return Request(target, "GET", headers)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    if form.authorization is not None:
        headers["Authorization"] = form.authorization
    return Request(target, "POST", headers, form.body)
