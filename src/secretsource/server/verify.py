"""``keys:verify`` and ``keys:verifyBatch``: other services ask about the keys of their clients.

The answer is 200 and a verdict, whatever it is. It holds the inner reason of a refusal, for the service that asks; its
``code`` is the only word to pass on to a client. A bare application of ASGI: a layer of a framework costs more than a
check.
"""

from __future__ import annotations

import json
from time import time
from typing import TYPE_CHECKING, Any

from secretsource.issuing import HttpAnswer, Reason, Rejected
from secretsource.issuing.documents import verdict_document
from secretsource.server.front import LARGEST_BODY, send_answer
from secretsource.server.peers import client_address
from secretsource.server.problems import Problem
from secretsource.server.questions import read_batch, read_question

if TYPE_CHECKING:
    from secretsource.issuing import Verdict
    from secretsource.server.rights import RootCaller
    from secretsource.server.service import ASGIApp, Receive, Scope, Send, Service

__all__ = ["PATHS", "verify"]

SCOPE = "keys:verify"
BATCH = "/v1/keys:verifyBatch"
PATHS = frozenset({"/v1/keys:verify", BATCH})
_POST = (("Allow", "POST"),)


def verify(service: Service) -> ASGIApp:
    """Return the application for both paths.

    Args:
        service: The parts of the process.
    """
    return _Verify(service)


class _Verify:
    """The endpoint for other services."""

    def __init__(self, service: Service) -> None:
        self._keys = service.keys
        self._root = service.root
        self._trusted = service.settings.trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question."""
        try:
            answer = await self._answer(scope, receive)
        except Problem as refusal:
            answer = refusal.answer()
        await send_answer(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> HttpAnswer:
        if scope["method"] != "POST":
            raise Problem(405, "method_not_allowed", "use POST", headers=_POST)
        client = scope.get("client")
        ip = client_address(scope["headers"], client[0] if client else None, self._trusted)
        caller = await self._root.authenticate(scope["headers"], ip, SCOPE)
        if isinstance(caller, HttpAnswer):
            return caller
        if not _is_json(scope):
            raise Problem(415, "unsupported_media_type", "the body must be JSON: send  Content-Type: application/json")
        body = await _body(receive)
        if scope["path"] == BATCH:
            verdicts = await self._keys.check_many(read_batch(body))
            return _shown({"verdicts": [_told(verdict, caller) for verdict in verdicts]})
        asked = read_question(body)
        del body  # a traceback shows no key
        return _shown(_told(await self._keys.check(**asked.question, fresh=asked.fresh), caller))


async def _body(receive: Receive) -> bytes:
    """Return the body of a request.

    Raises:
        Problem: It is larger than a body may be.
    """
    message = await receive()
    chunks = [message.get("body", b"")]
    size = len(chunks[0])
    while message.get("more_body") and size <= LARGEST_BODY:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > LARGEST_BODY:
        raise Problem(413, "body_too_large", f"the body must be at most {LARGEST_BODY} bytes")
    return b"".join(chunks)


def _is_json(scope: Scope) -> bool:
    written = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return bool(written.partition(b";")[0].strip().lower() == b"application/json")


def _told(verdict: Verdict, caller: RootCaller) -> dict[str, Any]:
    """Return a verdict as the caller may see it: a key of another customer, or one that manages keys, is unknown."""
    record = verdict.record
    if record is not None and not caller.sees(record.owner):
        verdict = Rejected(Reason.UNKNOWN)
    return verdict_document(verdict, time())


def _shown(document: dict[str, Any]) -> HttpAnswer:
    body = json.dumps(document).encode()
    headers = (
        ("Cache-Control", "no-store"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    )
    return HttpAnswer(200, headers, body)
