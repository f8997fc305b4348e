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
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from secretsource.issuing import (
    NO_SCOPE,
    Admission,
    HttpAnswer,
    KeyRecord,
    Reason,
    Rejected,
    check_demand,
    http_answer,
)
from secretsource.server.connections.heads import ABSENT, PLACES, Heads, check_size
from secretsource.server.front import BareFront, Kept, Reply, raw_headers, uncounted
from secretsource.server.gateway.originals import PATH, Original, described_by, has_several_keys, read_original
from secretsource.server.gateway.peers import FORWARDED_FOR, client_address, is_trusted
from secretsource.server.gateway.routes import Misfit, Need, Routes
from secretsource.server.problems import problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from secretsource.issuing import Admitted, Demand
    from secretsource.server.front import Count
    from secretsource.server.service import ASGIApp, Receive, Scope, Service

    RawHeaders = list[tuple[bytes, bytes]]

__all__ = ["forward_auth"]

LONGEST_SCOPES = 2048
"""Characters of ``X-Key-Scopes``; a key with more scopes than that is described by the scopes that the route needs."""
_QUIET = 60.0
"""Seconds between two warnings of the same mistake of a gateway."""
_SCHEMES = frozenset({b"bearer"})
_MARK = PATH.encode()
_STRANGER = object()
"""In place of the address of a client: the connection is not from a gateway."""
_SAFE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_NO_STORE = (b"cache-control", b"no-store")
_EMPTY = (b"content-length", b"0")
_VARY = (b"vary", b"Authorization, X-API-Key")
"""All headers in which a key may be: a gateway that keeps an answer keeps it for the same key in the same place."""
_PREFLIGHT = Reply(200, ((b"x-key-id", b""), (b"x-key-owner", b""), (b"x-key-scopes", b""), _VARY, _NO_STORE, _EMPTY))
_MISFITS = {
    Misfit.NO_ROUTE: (403, "no API key opens this: the service has no route for the request"),
    Misfit.AMBIGUOUS_PATH: (
        400,
        "the path can be read in two ways: send it without empty segments, dots, parameters and needless escapes",
    ),
    Misfit.AMBIGUOUS_REQUEST: (
        400,
        "the headers tell of two different requests: send no X-Forwarded-Uri, X-Original-URI or method override",
    ),
    Misfit.UNKNOWN_REQUEST: (
        400,
        "the gateway does not say which request it asks about: let it send X-Forwarded-Method and X-Forwarded-Uri",
    ),
    Misfit.UNTRUSTED_GATEWAY: (403, "this address is not one of a gateway: name it in trusted_proxies of [server]"),
}
"""By the reason why nothing is asked of a key: status and sentence."""
_log = logging.getLogger("secretsource.server")


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
        heads = Heads(described_by, {place: self._admission.recalling(place) for place in PLACES})
        self._replies = Kept[Reply]()
        # Local names are called sooner than attributes.
        self._at_hand: tuple[Any, Any, Any, Any] = (
            heads.form,
            lru_cache(maxsize=1024)(self._sought),
            self._address,
            self._replies.by_id.get,
        )
        self._warned: dict[Misfit, float] = {}

    def __call__(self, scope: Scope, _: Receive) -> Reply | Awaitable[Reply]:
        """Answer one question of a gateway: at once, where it has the usual form, and memory knows the key.

        Nearly all questions are like that. `_look_closer` decides on any other form, from its beginning.

        Raises:
            HeadersTooLarge: Its headers are too large.
        """
        form_of, seek, address, kept_of = self._at_hand
        names, values = zip(*scope["headers"], ABSENT)  # noqa: B905 - pairs all, and `strict` costs a sixth of a check
        pick, room, recall = form_of(names)
        try:
            raw_path, query, peer = scope["raw_path"], scope["query_string"], scope["client"][0]
        except (KeyError, TypeError):  # a server need not tell them
            raw_path = query = peer = None
        if pick is None or query or raw_path != _MARK or len(b"".join(values)) > room:
            return self._look_closer(scope)
        how, where, passed, key = pick(values)
        demand, cost = seek(how, where.partition(b"?")[0])
        ip = address(peer, passed)
        if demand is None or ip is _STRANGER or b"," in key:
            return self._look_closer(scope)
        found = recall(key, demand, ip, cost)
        if isinstance(found, KeyRecord):
            kept = kept_of(found.key_id)
            return kept[1] if kept is not None and kept[0] is found else self._written(found, (), demand)
        if found is not None:
            return self._answered(found, demand)
        path = where.partition(b"?")[0].decode("latin-1")
        return self._weigh(scope["headers"], ip, how.decode("latin-1"), path, demand, cost)

    def _look_closer(self, scope: Scope) -> Reply | Awaitable[Reply]:
        """Answer a question of any form, and about any key.

        Raises:
            HeadersTooLarge: Its headers are too large.
        """
        check_size(scope)
        client, headers = scope.get("client"), scope["headers"]
        peer, said = client[0] if client else None, dict(headers)
        if not self._is_gateway(peer):
            return self._misfit(Misfit.UNTRUSTED_GATEWAY, peer)
        if has_several_keys(headers, said, PLACES, _SCHEMES):
            return _refused(http_answer(Rejected(Reason.AMBIGUOUS), realm=self._realm, now=time()))
        original = read_original(scope["method"], scope.get("raw_path"), headers, said)
        if not isinstance(original, Original):
            return self._unless_refused(original, headers, peer)
        method, path, passed = original
        need, ip = self._find(method, path), self._address(peer, passed)
        if not isinstance(need, Need):
            return _PREFLIGHT if self._is_preflight(original, said) else self._unless_refused(need, headers, ip)
        return self._weigh(headers, ip, method, path, need.scope, need.cost)

    def _weigh(
        self, headers: RawHeaders, ip: str | None, method: str, path: str, demand: Demand, cost: int
    ) -> Reply | Awaitable[Reply]:
        """Answer a question about a request whose need is known."""
        admitted = self._glance(headers, ip, method, path, "", demand, cost)
        if admitted is None:
            return self._decide(headers, ip, method, path, demand, cost)
        return self._answered(admitted, demand)

    def _is_preflight(self, asked: Original, said: Mapping[bytes, bytes]) -> bool:
        """Return whether a browser asks for a request that has a route, where ``OPTIONS`` itself has none."""
        if not self._preflight or asked.method != "OPTIONS" or not said.get(b"origin"):
            return False
        wanted = said.get(b"access-control-request-method", b"").decode("latin-1")
        return self._find("OPTIONS", asked.path) is Misfit.NO_ROUTE and isinstance(self._find(wanted, asked.path), Need)

    async def _decide(
        self, headers: RawHeaders, ip: str | None, method: str, path: str, demand: Demand, cost: int
    ) -> Reply:
        """Answer a question whose verdict has to be awaited."""
        admitted = await self._admission.aadmit(headers, ip, method, path, scope=demand, cost=cost, glanced=True)
        if isinstance(admitted, HttpAnswer):
            return _refused(admitted)
        answered = self._answered(admitted, demand)
        return answered if isinstance(answered, Reply) else await answered

    def _answered(self, admitted: Admitted, demand: Demand) -> Reply | Awaitable[Reply]:
        return self._let_through(admitted, demand) if admitted.lease is None else self._released(admitted, demand)

    async def _released(self, admitted: Admitted, demand: Demand) -> Reply:
        """Answer for a key that holds a place, which is free again now: the question ends with its answer."""
        await self._admission.arelease(admitted)
        return self._let_through(admitted, demand)

    def _let_through(self, admitted: Admitted, demand: Demand) -> Reply:
        if admitted.record is None:  # a preflight
            return _PREFLIGHT
        told = [(name, value) for name, value in raw_headers(admitted.headers) if name != b"vary"]
        kept = None if told else self._replies.get(admitted.record)
        return kept or self._written(admitted.record, told, demand)

    def _written(self, record: KeyRecord, told: Sequence[tuple[bytes, bytes]], demand: Demand) -> Reply:
        """Write the reply for a good key; an owner beyond ASCII is percent-encoded, as is its ``%``.

        The reply for a key of which nothing more is told says the same as long as its record is the same.
        """
        scopes = " ".join(sorted(record.scopes))
        is_listed = len(scopes) <= LONGEST_SCOPES
        headers: RawHeaders = [
            (b"x-key-id", record.key_id.encode()),
            (b"x-key-owner", quote(record.owner, safe=_SAFE).encode()),
            (b"x-key-scopes", (scopes if is_listed else " ".join(check_demand(demand))).encode()),
            *told,
            _VARY,
            self._lifetime(record) if self._cache else _NO_STORE,
            _EMPTY,
        ]
        reply = Reply(200, headers)
        is_lasting = is_listed and not told and not (self._cache and record.end is not None)
        return self._replies.keep(record, reply) if is_lasting else reply

    def _lifetime(self, record: KeyRecord) -> tuple[bytes, bytes]:
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
        status, detail = _MISFITS[misfit]
        if misfit in {Misfit.UNTRUSTED_GATEWAY, Misfit.UNKNOWN_REQUEST}:
            self._warn(misfit, f"forward-auth refuses the requests from {address}: {detail}")
        return _refused(problem(status, misfit.value, detail))

    def _warn(self, misfit: Misfit, sentence: str) -> None:
        now = monotonic()
        if now >= self._warned.get(misfit, 0.0):
            self._warned[misfit] = now + _QUIET
            _log.warning(sentence)

    def _client(self, peer: str | None, passed: bytes) -> Any:
        """Return the address of the client; None where the gateway does not tell it, and _STRANGER for no gateway."""
        if not is_trusted(peer, self._trusted):
            return _STRANGER
        return client_address([(FORWARDED_FOR, passed)], peer, self._trusted) if passed else None

    def _sought(self, how: bytes, where: bytes) -> tuple[Demand | None, int]:
        """Return the need of a request; None for one that needs a closer look."""
        need = self._find(how.decode("latin-1"), where.decode("latin-1"))
        return (need.scope, need.cost) if isinstance(need, Need) and how != b"OPTIONS" else (None, 0)


def _refused(answer: HttpAnswer) -> Reply:
    """Return a refusal, with its ``code`` in a header too, for gateways that read no body."""
    code = json.loads(answer.body)["code"].encode()
    return Reply(answer.status, [*raw_headers(answer.headers), (b"x-key-code", code)], answer.body)
