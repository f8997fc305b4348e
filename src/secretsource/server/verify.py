"""``keys:verify`` and ``keys:verifyBatch``: other services ask about the keys of their clients.

The answer is 200 and a verdict, whatever it is. It holds the inner reason of a refusal, for the service that asks; its
``code`` is the only word to pass on to a client. A bare application of ASGI: a layer of a framework costs more than a
check.

The service does not learn when the request of the client has ended. So a limit such as ``5 at once`` bounds the
questions at once, as it does for gateways.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import lru_cache, partial
from time import time
from typing import TYPE_CHECKING

from secretsource.exceptions import StoreError
from secretsource.issuing import Accepted, Admission, HttpAnswer, KeyRecord, Reason, Rejected, Status
from secretsource.issuing.documents import verdict_document
from secretsource.server.connections.heads import ABSENT, PLACES, Heads, check_size
from secretsource.server.front import LARGEST_BODY, BareFront, BodyTooLarge, Kept, Reply, refusal
from secretsource.server.gateway.peers import FORWARDED_FOR, client_address
from secretsource.server.problems import Problem
from secretsource.server.questions import read_batch, read_plain_question, read_question
from secretsource.server.rights import RootCaller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Iterable, Sequence

    from secretsource.issuing import Admitted, Verdict
    from secretsource.server.front import Count
    from secretsource.server.service import ASGIApp, Message, Receive, Scope, Service

__all__ = ["CHECK", "CHECK_MANY", "verify"]

SCOPE = "keys:verify"
CHECK, CHECK_MANY = "/v1/keys:verify", "/v1/keys:verifyBatch"
"""The paths that other services ask about keys."""
JSON = b"application/json"
_POST = (("Allow", "POST"),)
_DIGITS = len(str(LARGEST_BODY))


def verify(service: Service) -> Callable[[Count], ASGIApp]:
    """Return a function that makes the application of either path; both share the replies that they keep.

    Args:
        service: The parts of the process.

    Returns:
        A function of the counter of an application, which is called with the status of each answer.
    """
    return partial(BareFront, _Verify(service))


class _Verify:
    """The endpoint for other services."""

    def __init__(self, service: Service) -> None:
        self._keys = service.keys
        self._root = service.root
        self._trusted = service.settings.trusted_proxies
        self._address = lru_cache(maxsize=1024)(self._client) if self._trusted else _peer
        self._form = Heads(_read_by, {place: service.root.recalling(place) for place in PLACES}).form
        self._recall = Admission(service.keys, scope=None).recalling(None)
        self._callers = Kept[RootCaller]()
        self._replies = Kept[Reply]()

    async def __call__(self, scope: Scope, receive: Receive) -> Reply:
        """Return the document of the verdict, or the refusal of the caller.

        Raises:
            Problem: The question is refused.
        """
        recognised = self._recognised(scope)
        sees_all = isinstance(recognised, RootCaller)  # as each caller does that is recognised at once
        caller = recognised if isinstance(recognised, RootCaller) else await recognised
        if isinstance(caller, HttpAnswer):
            return refusal(caller)
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body") or len(body) > LARGEST_BODY:  # nearly all bodies come in one piece
            body = await _whole(body, message, receive)
        if scope["path"] == CHECK_MANY:
            answer = self._answer_all(body, caller)
        else:
            asked = read_plain_question(body) if sees_all else None
            found = None if asked is None else self._recall(*asked, 1)
            if isinstance(found, KeyRecord):
                kept = self._replies.by_id.get(found.key_id)
                return kept[1] if kept is not None and kept[0] is found else self._reply(Accepted(found), caller)
            del asked
            answer = self._answer(body, caller, None if found is None else found.verdict)
        del message, body  # a traceback shows no key
        return await answer

    async def _answer(self, body: bytes, caller: RootCaller, verdict: Verdict | None) -> Reply:
        """Answer a question about one key, on which memory may have decided."""
        if verdict is None:
            asked = read_question(body)
            del body  # a traceback shows no key
            verdict = await self._keys.check(**asked.question, fresh=asked.fresh)
        if verdict.draw is not None:
            await self._leave(verdict, caller)
        return self._reply(verdict, caller)

    async def _answer_all(self, body: bytes, caller: RootCaller) -> Reply:
        """Answer questions about several keys."""
        checked = self._keys.check_many(read_batch(body))
        del body  # a traceback shows no key
        verdicts = await checked
        for verdict in verdicts:
            await self._leave(verdict, caller)
        documents = [self._reply(verdict, caller).body for verdict in verdicts]
        return Reply.of_json(b'{"verdicts": [%s]}' % b", ".join(documents))

    def _recognised(self, scope: Scope) -> RootCaller | Awaitable[RootCaller | HttpAnswer]:
        """Return the caller of a request: at once for a key that memory knows, and that sees every customer."""
        names, values = zip(*scope["headers"], ABSENT)  # noqa: B905 - pairs all, and `strict` costs
        pick, room, recall = self._form(names)
        is_usual = scope["method"] == "POST" and not scope["query_string"]
        if pick is None or recall is None or not is_usual or len(b"".join(values)) > room:
            return self._authenticated(scope)
        media_type, length, passed, key = pick(values)
        if media_type != JSON or len(length) >= _DIGITS:
            return self._authenticated(scope)
        client = scope.get("client")
        ip = self._address(client[0] if client else None, passed)
        found = recall(key, SCOPE, ip, 1)
        if isinstance(found, KeyRecord):
            kept = self._callers.by_id.get(found.key_id)
            if kept is not None and kept[0] is found:
                return kept[1]
        return self._authenticated(scope) if found is None else self._confirmed(found, ip)

    async def _confirmed(self, found: Admitted | KeyRecord, ip: str | None) -> RootCaller | HttpAnswer:
        """Return the caller with a key that was accepted from memory."""
        caller = await self._root.confirm(found, ip)
        if isinstance(found, KeyRecord) and isinstance(caller, RootCaller) and caller.owner is None:
            self._callers.keep(found, RootCaller(found))
        return caller

    async def _authenticated(self, scope: Scope) -> RootCaller | HttpAnswer:
        """Return the caller of any request.

        Raises:
            Problem: The endpoint does not take such a request, whatever its body is.
        """
        check_size(scope)
        if scope["method"] != "POST":
            raise Problem(405, "method_not_allowed", "use POST", headers=_POST)
        headers, client = scope["headers"], scope.get("client")
        media_type, length, passed = _told_by(headers)
        ip = self._address(client[0] if client else None, passed)
        caller = await self._root.authenticate(headers, ip, SCOPE)
        if isinstance(caller, HttpAnswer):
            return caller
        if media_type != JSON and media_type.partition(b";")[0].strip().lower() != JSON:
            raise Problem(415, "unsupported_media_type", "the body must be JSON: send  Content-Type: application/json")
        if len(length) >= _DIGITS and _is_too_long(length):  # before it is waited for
            raise BodyTooLarge
        return caller

    async def _leave(self, verdict: Verdict, caller: RootCaller) -> None:
        """Free the place that a verdict took of a limit on requests at once: the question ends with its answer.

        A key that is unknown to the caller gets back everything: a refused request is charged to nobody.
        """
        if verdict.draw is not None and verdict.record is not None:
            settle = self._keys.release if caller.sees(verdict.record.owner) else self._keys.refund
            with suppress(StoreError):  # the lease ends by itself
                await settle(verdict)

    def _reply(self, verdict: Verdict, caller: RootCaller) -> Reply:
        """Return a verdict as the caller may see it: a key of another customer, or one that manages keys, is unknown.

        The reply about an accepted key without limits says the same as long as its record is the same.
        """
        record = verdict.record
        if record is None or not caller.sees(record.owner):
            return _written(verdict if record is None else Rejected(Reason.UNKNOWN))
        if not isinstance(verdict, Accepted) or verdict.limits or record.status is not Status.ACTIVE:
            return _written(verdict)
        return self._replies.get(record) or self._replies.keep(record, _written(verdict))

    def _client(self, peer: str | None, passed: bytes) -> str | None:
        return client_address([(FORWARDED_FOR, passed)], peer, self._trusted)


def _peer(peer: str | None, _: bytes) -> str | None:
    return peer


def _is_too_long(length: bytes) -> bool:
    """Return whether a body is announced that is larger than one may be."""
    digits = length.lstrip(b"0")
    return digits.isdigit() and (len(digits) > _DIGITS or int(digits) > LARGEST_BODY)


async def _whole(body: bytes, message: Message, receive: Receive) -> bytes:
    """Return the body of a request whose first piece is here.

    Raises:
        Problem: It is larger than a body may be.
    """
    chunks, size = [body], len(body)
    while message.get("more_body") and size <= LARGEST_BODY:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > LARGEST_BODY:
        raise BodyTooLarge
    return b"".join(chunks)


def _read_by(names: Container[bytes]) -> Sequence[bytes]:
    """Return the headers that a request is read by."""
    return b"content-type", b"content-length", FORWARDED_FOR if FORWARDED_FOR in names else ABSENT[0]


def _told_by(headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes, bytes]:
    """Return the type of a body, its length, and the addresses that its request has passed, in one pass."""
    media_type = length = passed = b""
    for name, value in headers:
        if name == b"content-type":
            media_type = media_type or value
        elif name == b"content-length":
            length = value
        elif name == FORWARDED_FOR:
            passed = passed + b"," + value if passed else value
    return media_type, length, passed


def _written(verdict: Verdict) -> Reply:
    return Reply.of_json(json.dumps(verdict_document(verdict, time())).encode())
