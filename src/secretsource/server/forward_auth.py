"""Forward-auth: the answer to a gateway that asks before it lets a request through.

The gateway gets 200 with ``X-Key-Id``, ``X-Key-Owner`` and ``X-Key-Scopes``, or the refusal to send to its client. It
asks with any method, and no body is read. No other status than 200 lets a request through.

A gateway does not say when the request has ended. So a limit such as ``5 at once`` bounds the questions at once: a
place that was held until its lease ends would lock a customer out.
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache, partial
from time import monotonic, time
from typing import TYPE_CHECKING
from urllib.parse import quote

from secretsource.issuing import NO_SCOPE, Admission, HttpAnswer, Reason, Rejected, check_demand, http_answer
from secretsource.server.front import BareFront, Replies, Reply, raw_headers, uncounted
from secretsource.server.gateway.originals import Original, has_several_keys, read_original
from secretsource.server.gateway.peers import client_address, is_trusted
from secretsource.server.gateway.routes import Misfit, Need, Routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from secretsource.issuing import Admitted, KeyRecord
    from secretsource.server.front import Count
    from secretsource.server.service import ASGIApp, Receive, Scope, Service

    RawHeaders = list[tuple[bytes, bytes]]

__all__ = ["forward_auth"]

LONGEST_SCOPES = 2048
"""Characters of ``X-Key-Scopes``; a key with more scopes than that is described by the scopes that the route needs."""
_LOG = logging.getLogger("secretsource.server")
_QUIET = 60.0
"""Seconds between two warnings of the same mistake of a gateway."""
_PLACES = frozenset({b"authorization", b"x-api-key"})
_SCHEMES = frozenset({b"bearer"})
_SAFE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_NO_STORE = (b"cache-control", b"no-store")
_EMPTY = (b"content-length", b"0")
_VARY = (b"vary", b"Authorization, X-API-Key")
"""All headers in which a key may be: a gateway that keeps an answer keeps it for the same key in the same place."""
_PREFLIGHT = Reply(200, ((b"x-key-id", b""), (b"x-key-owner", b""), (b"x-key-scopes", b""), _VARY, _NO_STORE, _EMPTY))
_MISFITS = {
    Misfit.NO_ROUTE: (403, "Forbidden", "no API key opens this: the service has no route for the request"),
    Misfit.AMBIGUOUS_PATH: (
        400,
        "Bad Request",
        "the path can be read in two ways: send it without empty segments, dots, parameters and needless escapes",
    ),
    Misfit.AMBIGUOUS_REQUEST: (
        400,
        "Bad Request",
        "the headers tell of two different requests: send no X-Forwarded-Uri, X-Original-URI or method override",
    ),
    Misfit.UNKNOWN_REQUEST: (
        400,
        "Bad Request",
        "the gateway does not say which request it asks about: let it send X-Forwarded-Method and X-Forwarded-Uri",
    ),
    Misfit.UNTRUSTED_GATEWAY: (
        403,
        "Forbidden",
        "this address is not one of a gateway: name it in trusted_proxies of [server]",
    ),
}
"""By the reason why nothing is asked of a key: status, title and sentence."""


def forward_auth(service: Service, count: Count = uncounted) -> ASGIApp:
    """Return the application that answers gateways.

    Args:
        service: The parts of the process.
        count: Called with the status of each answer.

    Raises:
        ConfigurationError: A route cannot be used.
    """
    return BareFront(_ForwardAuth(service), count)


class _ForwardAuth:
    """The endpoint for gateways."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self._realm = settings.realm
        self._cache = settings.forward_auth_cache
        self._preflight = settings.preflight
        self._find = Routes(settings.routes, settings.default_scope).find
        self._admission = Admission(
            service.keys, scope=None, realm=settings.realm, preflight="pass" if settings.preflight else "check"
        )
        self._glance = self._admission.glance
        self._is_gateway = lru_cache(maxsize=256)(partial(is_trusted, trusted=settings.trusted_proxies))
        self._trusted = settings.trusted_proxies
        self._address = lru_cache(maxsize=4096)(self._client)
        self._replies = Replies()
        self._warned: dict[Misfit, float] = {}

    def __call__(self, scope: Scope, _: Receive) -> Reply | Awaitable[Reply]:
        """Answer one question of a gateway: at once, where memory is enough for that."""
        client, headers = scope.get("client"), scope["headers"]
        peer = client[0] if client else None
        if not self._is_gateway(peer):
            return self._misfit(Misfit.UNTRUSTED_GATEWAY, peer)
        said = dict(headers)
        if has_several_keys(headers, said, _PLACES, _SCHEMES):
            return _refused(http_answer(Rejected(Reason.AMBIGUOUS), realm=self._realm, now=time()))
        original = read_original(scope["method"], scope.get("raw_path"), headers, said)
        if not isinstance(original, Original):
            return self._unless_refused(original, headers, peer)
        method, path, passed = original
        need, ip = self._find(method, path), self._address(peer, passed) if passed else None
        if not isinstance(need, Need):
            return _PREFLIGHT if self._is_preflight(original, said) else self._unless_refused(need, headers, ip)
        admitted = self._glance(headers, ip, method, path, "", need.scope, need.cost)
        if admitted is None or admitted.lease is not None:
            return self._decide(admitted, headers, ip, original, need)
        return self._let_through(admitted, need)

    def _is_preflight(self, asked: Original, said: Mapping[bytes, bytes]) -> bool:
        """Return whether a browser asks for a request that has a route, where ``OPTIONS`` itself has none."""
        if not self._preflight or asked.method != "OPTIONS" or not said.get(b"origin"):
            return False
        wanted = said.get(b"access-control-request-method", b"").decode("latin-1")
        return self._find("OPTIONS", asked.path) is Misfit.NO_ROUTE and isinstance(self._find(wanted, asked.path), Need)

    async def _decide(
        self, admitted: Admitted | HttpAnswer | None, headers: RawHeaders, ip: str | None, asked: Original, need: Need
    ) -> Reply:
        """Answer a question for which something has to be awaited: the verdict itself, or the end of a lease."""
        if admitted is None:
            admitted = await self._admission.aadmit(
                headers, ip, asked.method, asked.path, scope=need.scope, cost=need.cost, glanced=True
            )
        if isinstance(admitted, HttpAnswer):
            return _refused(admitted)
        if admitted.lease is not None:
            await self._admission.arelease(admitted)
        return self._let_through(admitted, need)

    def _let_through(self, admitted: Admitted, need: Need) -> Reply:
        record = admitted.record
        if record is None:  # a preflight
            return _PREFLIGHT
        reply = self._replies.get(record) if len(admitted.headers) == 1 else None
        return self._written(record, admitted, need) if reply is None else reply

    def _written(self, record: KeyRecord, admitted: Admitted, need: Need) -> Reply:
        """Write the reply for a good key; an owner beyond ASCII is percent-encoded, as is its ``%``.

        The reply for a key without limits says the same as long as its record is the same.
        """
        scopes = " ".join(sorted(record.scopes))
        is_listed = len(scopes) <= LONGEST_SCOPES
        headers: RawHeaders = [
            (b"x-key-id", record.key_id.encode()),
            (b"x-key-owner", quote(record.owner, safe=_SAFE).encode()),
            (b"x-key-scopes", (scopes if is_listed else " ".join(check_demand(need.scope))).encode()),
            *[each for each in raw_headers(admitted.headers) if each[0] != b"vary"],
            _VARY,
            self._kept(record) if self._cache else _NO_STORE,
            _EMPTY,
        ]
        reply = Reply(200, headers)
        is_lasting = is_listed and len(admitted.headers) == 1 and not (self._cache and record.end is not None)
        return self._replies.keep(record, reply) if is_lasting else reply

    def _kept(self, record: KeyRecord) -> tuple[bytes, bytes]:
        """Return how long a gateway may keep the verdict: never that of a key with limits, or with networks.

        Gateways count whole seconds, so that they may keep an answer for up to a second longer than they are told.
        """
        left = self._cache if record.end is None else min(self._cache, record.end - time())
        if left < 2 or record.is_limited or record.networks:
            return _NO_STORE
        return b"cache-control", b"max-age=%d" % (left - 1)

    async def _unless_refused(self, misfit: Misfit, headers: RawHeaders, ip: str | None) -> Reply:
        """Answer a request whose need is unknown; without a good key, the reply tells nothing of the routes."""
        admitted = await self._admission.aadmit(headers, ip, "", "", scope=NO_SCOPE, cost=0)
        return _refused(admitted) if isinstance(admitted, HttpAnswer) else self._misfit(misfit, ip)

    def _misfit(self, misfit: Misfit, address: str | None) -> Reply:
        status, title, detail = _MISFITS[misfit]
        if misfit in {Misfit.UNTRUSTED_GATEWAY, Misfit.UNKNOWN_REQUEST}:
            self._warn(misfit, f"forward-auth refuses the requests from {address}: {detail}")
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": misfit.value}
        body = json.dumps(problem).encode()
        headers = (
            ("Cache-Control", "no-store"),
            ("Content-Type", "application/problem+json"),
            ("Content-Length", str(len(body))),
        )
        return _refused(HttpAnswer(status, headers, body))

    def _warn(self, misfit: Misfit, sentence: str) -> None:
        now = monotonic()
        if now >= self._warned.get(misfit, 0.0):
            self._warned[misfit] = now + _QUIET
            _LOG.warning(sentence)

    def _client(self, peer: str | None, passed: bytes) -> str | None:
        return client_address([(b"x-forwarded-for", passed)], peer, self._trusted)


def _refused(answer: HttpAnswer) -> Reply:
    """Return a refusal, with its ``code`` in a header too, for gateways that read no body."""
    code = json.loads(answer.body)["code"].encode()
    return Reply(answer.status, [*raw_headers(answer.headers), (b"x-key-code", code)], answer.body)
