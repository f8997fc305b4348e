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
from secretsource.server.gateway.originals import Original, has_several_keys, read_original
from secretsource.server.gateway.peers import client_address, is_trusted
from secretsource.server.gateway.routes import Misfit, Need, Routes

if TYPE_CHECKING:
    from secretsource.issuing import Admitted, KeyRecord
    from secretsource.server.service import ASGIApp, Receive, Scope, Send, Service

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
_NOBODY: RawHeaders = [(b"x-key-id", b""), (b"x-key-owner", b""), (b"x-key-scopes", b"")]
_END = {"type": "http.response.body", "body": b""}
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


def forward_auth(service: Service) -> ASGIApp:
    """Return the application that answers gateways.

    Args:
        service: The parts of the process.

    Raises:
        ConfigurationError: A route cannot be used.
    """
    return _ForwardAuth(service)


class _ForwardAuth:
    """The endpoint for gateways."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self._realm = settings.realm
        self._cache = settings.forward_auth_cache
        self._find = Routes(settings.routes, settings.default_scope).find
        self._admission = Admission(
            service.keys, scope=None, realm=settings.realm, preflight="pass" if settings.preflight else "check"
        )
        self._glance = self._admission.glance
        self._is_gateway = lru_cache(maxsize=256)(partial(is_trusted, trusted=settings.trusted_proxies))
        self._trusted = settings.trusted_proxies
        self._address = lru_cache(maxsize=4096)(self._client)
        self._warned: dict[Misfit, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer one question of a gateway."""
        if scope["type"] != "http":  # it begins and ends with the keys, which are not its own
            return
        outcome = await self._decide(scope)
        if isinstance(outcome, HttpAnswer):
            code = json.loads(outcome.body)["code"].encode()
            headers = [*_raw(outcome.headers), (b"x-key-code", code)]
            await send({"type": "http.response.start", "status": outcome.status, "headers": headers})
            await send({"type": "http.response.body", "body": outcome.body})
        else:
            await send({"type": "http.response.start", "status": 200, "headers": outcome})
            await send(_END)

    async def _decide(self, scope: Scope) -> RawHeaders | HttpAnswer:
        """Return the headers for a request that is let through, or the refusal of another."""
        client, headers = scope.get("client"), scope["headers"]
        peer = client[0] if client else None
        if not self._is_gateway(peer):
            return self._misfit(Misfit.UNTRUSTED_GATEWAY, peer)
        if has_several_keys(headers, _PLACES, _SCHEMES):
            return http_answer(Rejected(Reason.AMBIGUOUS), realm=self._realm, now=time())
        original = read_original(scope["method"], scope.get("raw_path"), headers)
        if not isinstance(original, Original):
            return await self._unless_refused(original, headers, peer)
        need = self._find(original.method, original.path)
        ip = self._address(peer, original.passed) if original.passed else None
        if not isinstance(need, Need):
            return await self._unless_refused(need, headers, ip)
        admitted: Admitted | HttpAnswer | None
        admitted = self._glance(headers, ip, original.method, original.path, "", need.scope, need.cost)
        if admitted is None:
            admitted = await self._admission.aadmit(
                headers, ip, original.method, original.path, scope=need.scope, cost=need.cost
            )
        if isinstance(admitted, HttpAnswer):
            return admitted
        if admitted.lease is not None:
            await self._admission.arelease(admitted)
        return self._let_through(admitted, need)

    def _let_through(self, admitted: Admitted, need: Need) -> RawHeaders:
        record = admitted.record
        if record is None:  # a preflight
            return [*_NOBODY, _VARY, _NO_STORE, _EMPTY]
        identity = _identity(record.key_id, record.owner, record.scopes, need)
        kept = self._kept(record) if self._cache else _NO_STORE
        if len(admitted.headers) == 1:  # of a key without limits: only its place
            return [*identity, _VARY, kept, _EMPTY]
        told = [each for each in _raw(admitted.headers) if each[0] != b"vary"]
        return [*identity, *told, _VARY, kept, _EMPTY]

    def _kept(self, record: KeyRecord) -> tuple[bytes, bytes]:
        """Return how long a gateway may keep the verdict: never that of a key with limits, or with networks.

        Gateways count whole seconds, so that they may keep an answer for up to a second longer than they are told.
        """
        left = self._cache if record.end is None else min(self._cache, record.end - time())
        if left < 2 or record.is_limited or record.networks:
            return _NO_STORE
        return b"cache-control", b"max-age=%d" % (left - 1)

    async def _unless_refused(self, misfit: Misfit, headers: RawHeaders, ip: str | None) -> HttpAnswer:
        """Return the answer to a request whose need is unknown; without a good key, it tells nothing of the routes."""
        admitted = await self._admission.aadmit(headers, ip, "", "", scope=NO_SCOPE, cost=0)
        return admitted if isinstance(admitted, HttpAnswer) else self._misfit(misfit, ip)

    def _misfit(self, misfit: Misfit, address: str | None) -> HttpAnswer:
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
        return HttpAnswer(status, headers, body)

    def _warn(self, misfit: Misfit, sentence: str) -> None:
        now = monotonic()
        if now >= self._warned.get(misfit, 0.0):
            self._warned[misfit] = now + _QUIET
            _LOG.warning(sentence)

    def _client(self, peer: str | None, passed: bytes) -> str | None:
        return client_address([(b"x-forwarded-for", passed)], peer, self._trusted)


@lru_cache(maxsize=4096)
def _identity(key_id: str, owner: str, scopes: frozenset[str], need: Need) -> RawHeaders:
    """Return the three headers for the application; an owner beyond ASCII is percent-encoded, as is its ``%``."""
    listed = " ".join(sorted(scopes))
    if len(listed) > LONGEST_SCOPES:
        listed = " ".join(check_demand(need.scope))
    return [
        (b"x-key-id", key_id.encode()),
        (b"x-key-owner", quote(owner, safe=_SAFE).encode()),
        (b"x-key-scopes", listed.encode()),
    ]


def _raw(headers: tuple[tuple[str, str], ...]) -> RawHeaders:
    return [(name.lower().encode(), value.encode()) for name, value in headers]
