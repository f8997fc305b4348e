"""A verdict as an HTTP answer, for every edge alike. Pure; time is an argument.

A client sees only the public `Answer` of a rejection, its demanded scopes and its limits. An unknown key, a malformed
one and a wrong secret are answered with the same bytes. No part of the request is echoed.

Sources: RFC 6750 §3 (challenge), RFC 9457 (problem details), RFC 9110 §10.2.3 (Retry-After), RFC 9745 (Deprecation),
RFC 8594 (Sunset), draft-ietf-httpapi-ratelimit-headers (RateLimit, RateLimit-Policy).
"""

from __future__ import annotations

import json
from email.utils import formatdate
from http import HTTPStatus
from time import time

from secretsource._ground.namedtuple import NamedTuple
from secretsource.exceptions import ConfigurationError
from secretsource.issuing._http.allowance import allowance, quoted, whole_seconds
from secretsource.issuing._verdict import Accepted
from secretsource.issuing.statuses import statuses_of
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from secretsource.issuing._verdict import Rejected, Verdict
    from secretsource.limiters.base import Draw

__all__ = ["HttpAnswer", "check_realm", "http_answer"]

RETRY_UNAVAILABLE = 5
"""Seconds after which a client may ask again when keys cannot be checked."""

_LONGEST_REALM = 128
_ROTATING = Status.ROTATING


class HttpAnswer(NamedTuple):
    """An HTTP answer to a request, or the headers to add to the answer of an accepted one.

    Attributes:
        status: The HTTP status; 200 for a key that is accepted.
        headers: Names and values, ASCII.
        body: A problem document in JSON; empty for a key that is accepted.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def http_answer(verdict: Verdict, *, realm: str, now: float) -> HttpAnswer:
    """Render a verdict.

    Args:
        verdict: The verdict of the check.
        realm: The purpose of the key, 1 to 128 printable ASCII characters; see `check_realm`.
        now: The present, in seconds since 1970 UTC.

    Returns:
        The whole answer for a rejected key; the headers to add to the application's answer for an accepted one.
    """
    if isinstance(verdict, Accepted):
        return HttpAnswer(200, accepted_headers(verdict, now), b"")
    body = json.dumps(_problem(verdict)).encode()
    headers = [
        *_challenge(verdict, realm),
        *_retry(verdict),
        *_limits(verdict.draw),
        ("Cache-Control", "no-store"),
        ("Content-Type", "application/problem+json"),
        ("Content-Length", str(len(body))),
    ]
    return HttpAnswer(statuses_of(verdict).http, tuple(headers), body)


def accepted_headers(accepted: Accepted, now: float | None = None) -> tuple[tuple[str, str], ...]:
    """Return the headers to add to the application's answer.

    Args:
        accepted: The verdict.
        now: The present, in seconds since 1970 UTC; read from the clock when left out.
    """
    granted = accepted._granted
    limits = () if granted is None else allowance(*granted)
    if accepted.record.status is not _ROTATING:
        return limits
    return (*limits, *_end(accepted, time() if now is None else now))


def check_realm(realm: str) -> str:
    """Return a realm that can be written into a header.

    Raises:
        ConfigurationError: The realm cannot be written into a header.
    """
    if 1 <= len(realm) <= _LONGEST_REALM and realm.isascii() and realm.isprintable():
        return realm
    raise ConfigurationError(f"realm must be 1 to {_LONGEST_REALM} printable ASCII characters")


def _problem(rejected: Rejected) -> dict[str, Any]:
    """Return a problem document (RFC 9457) with the title of its status, and the stable ``code`` as an extension."""
    statuses = statuses_of(rejected)
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(statuses.http).phrase,
        "status": statuses.http,
        "detail": rejected.answer.sentence,
        "code": statuses.code,
    }
    if rejected.scopes:
        problem["scope"] = " ".join(rejected.scopes)
    return problem


def _challenge(rejected: Rejected, realm: str) -> Iterator[tuple[str, str]]:
    """Return the challenge of RFC 6750 §3 for a 401, with the client's mistake; nothing when the client has to wait."""
    answer = rejected.answer
    if statuses_of(rejected).http != 401 and answer.challenge is None:
        return
    words = [f"realm={quoted(realm)}"]
    if answer.challenge is not None:
        words.append(f"error={quoted(answer.challenge)}")
    if rejected.scopes:
        words.append(f"scope={quoted(' '.join(rejected.scopes))}")
    yield "WWW-Authenticate", f"Bearer {', '.join(words)}"


def _retry(rejected: Rejected) -> Iterator[tuple[str, str]]:
    if statuses_of(rejected).http == 503:
        yield "Retry-After", str(RETRY_UNAVAILABLE)
    elif rejected.retry_after is not None:
        yield "Retry-After", str(max(1, whole_seconds(rejected.retry_after)))


def _limits(draw: Draw | None) -> tuple[tuple[str, str], ...]:
    return () if draw is None else allowance(draw.plan, draw.levels, draw.mono, draw.wall)


def _end(accepted: Accepted, now: float) -> Iterator[tuple[str, str]]:
    """Return since when a rotated key is deprecated ("by now" where that is unknown), and when it ends."""
    if accepted.sunset is not None:
        yield "Deprecation", f"@{int(now if accepted.rotated is None else accepted.rotated)}"
        yield "Sunset", formatdate(accepted.sunset, usegmt=True)
