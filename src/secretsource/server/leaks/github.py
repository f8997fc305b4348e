"""``POST /v1/leaks/github``: GitHub reports keys that its secret scanning found.

A report is signed (ECDSA on P-256, over the body as sent), and nothing of it is read before that is verified. The
answer says of each text whether it is ours. The keys of ours are noted in the store before the answer, and the policy
is applied after it, by this process or by another one. The protocol has no date, so a report may be sent again: a
repeat changes nothing more.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from secretsource.exceptions import StoreError
from secretsource.issuing import KeyFormat, ParsedKey
from secretsource.server.connections.heads import check_size
from secretsource.server.front import BareFront, BodyTooLarge, Reply, declared, uncounted
from secretsource.server.leaks.action import Action, locator_of
from secretsource.server.leaks.findings import Finding, Judged, feedback, read_findings
from secretsource.server.leaks.key_list import KeyList, fetched
from secretsource.server.outgoing.fetching import FetchError
from secretsource.server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.server.front import Count
    from secretsource.server.service import ASGIApp, Receive, Scope, Service
    from secretsource.server.settings import LeakSettings

__all__ = ["LARGEST_REPORT", "PATH", "github_leaks"]

PATH = "/v1/leaks/github"
LARGEST_REPORT = 1024 * 1024
"""Bytes of one report."""
_IDENTIFIER, _SIGNATURE = b"github-public-key-identifier", b"github-public-key-signature"
_LONGEST_HEADER = 512
ATTEMPTS = 12
"""Attempts to store a report that the store did not take: with the pauses, about a quarter of an hour."""
LONGEST_PAUSE = 120.0
"""Seconds between two such attempts, at most."""
_POST = (("Allow", "POST"),)
_RETRY = (("Retry-After", "60"),)
_GRAMMAR = KeyFormat()
_log = logging.getLogger(__name__)


def github_leaks(
    service: Service, settings: LeakSettings, listed: KeyList | None = None, count: Count = uncounted
) -> ASGIApp:
    """Return the application of the endpoint.

    Args:
        service: The parts of the process.
        settings: The settings of the endpoint.
        listed: The public keys; those at the address of the settings when left out.
        count: Called with the status of each answer.
    """
    return BareFront(_GithubLeaks(service, settings, listed or KeyList(fetched(settings.github_keys))), count)


class _GithubLeaks:
    """The endpoint."""

    def __init__(self, service: Service, settings: LeakSettings, listed: KeyList) -> None:
        self._keys = service.keys
        self._errands = service.errands
        self._listed = listed
        self._action = Action(service, settings)
        self._worker = self._action.worker()

    async def __call__(self, scope: Scope, receive: Receive) -> Reply:
        """Store one report, and answer it; the policy is applied after that.

        Raises:
            Problem: The report is refused.
        """
        check_size(scope)
        judged = await self._judged(scope, receive)
        ours = [each.finding for each in judged if each.is_ours]
        await self._keep(ours)
        return Reply.of_json(feedback(judged), self._act if ours else None)

    def _act(self) -> None:
        self._errands.start(self._worker.empty(), "leak report")

    async def _keep(self, ours: Sequence[Finding]) -> None:
        """Store what is to be done.

        Raises:
            Problem: The store cannot answer. The report stays in memory and is tried for a while, as GitHub may not
                send it again.
        """
        try:
            if ours:
                await self._action.keep(ours)
            return
        except StoreError:
            self._errands.start(self._insist(ours), "leak report")
        raise Problem(503, "unavailable", "the store cannot answer: send the report again", headers=_RETRY)

    async def _insist(self, ours: Sequence[Finding]) -> None:
        """Try again while the store cannot answer, and act then; the log names the keys that were left."""
        is_kept = False
        try:
            for attempt in range(ATTEMPTS):
                if is_kept or (attempt and self._errands.is_ending):
                    break
                await self._errands.pause(min(2.0**attempt, LONGEST_PAUSE))
                with suppress(StoreError):
                    await self._action.keep(ours)
                    is_kept = True
        finally:
            for finding in () if is_kept else ours:
                _log.error("the leak of key %s was not acted on: revoke it by hand", locator_of(finding))
        if is_kept:
            await self._worker.empty()

    async def _judged(self, scope: Scope, receive: Receive) -> list[Judged]:
        """Return the findings of a report.

        Raises:
            Problem: It is refused; nothing of it was done.
        """
        if scope["method"] != "POST":
            raise Problem(405, "method_not_allowed", "use POST", headers=_POST)
        identifier, signature = _signed_by(scope)
        body = await _body(scope, receive)
        await self._verify(identifier, signature, body)
        if self._errands.is_full:
            raise Problem(503, "unavailable", "too many reports are under way: send it again", headers=_RETRY)
        found = read_findings(body)
        del body  # a traceback shows no key
        return [Judged(finding, self._is_ours(finding)) for finding in found]

    async def _verify(self, identifier: str, signature: bytes, body: bytes) -> None:
        try:
            key = await self._listed.find(identifier)
        except FetchError:
            raise Problem(503, "unavailable", "the public keys cannot be fetched now", headers=_RETRY) from None
        try:
            if key is not None:
                key.verify(signature, body, ECDSA(SHA256()))
                return
        except InvalidSignature:
            pass
        raise _unsigned()

    def _is_ours(self, finding: Finding) -> bool:
        """Return whether a text has a prefix, a checksum and a locator of ours; no store is asked."""
        is_whole = isinstance(_GRAMMAR.parse(finding.text), ParsedKey)
        return is_whole and self._keys.whose(finding.text) is not None


def _signed_by(scope: Scope) -> tuple[str, bytes]:
    """Return the identifier of the key, and the signature."""
    identifiers = [value for name, value in scope["headers"] if name == _IDENTIFIER]
    signatures = [value for name, value in scope["headers"] if name == _SIGNATURE]
    if len(identifiers) != 1 or len(signatures) != 1 or len(identifiers[0] + signatures[0]) > 2 * _LONGEST_HEADER:
        raise _unsigned()
    try:
        return identifiers[0].decode("ascii"), b64decode(signatures[0], validate=True)
    except ValueError:
        pass
    raise _unsigned()


def _unsigned() -> Problem:
    return Problem(
        401, "bad_signature", "the report is not signed by a key of the list: see Github-Public-Key-Identifier"
    )


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a report.

    Raises:
        Problem: It is larger than a report may be, or the client went away.
    """
    if declared(scope) > LARGEST_REPORT:  # before it is waited for
        raise BodyTooLarge(LARGEST_REPORT)
    chunks, size, more = list[bytes](), 0, True
    while more and size <= LARGEST_REPORT:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "malformed_body", "the body did not arrive")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        more = message.get("more_body", False)
    if size > LARGEST_REPORT:
        raise BodyTooLarge(LARGEST_REPORT)
    return b"".join(chunks)
