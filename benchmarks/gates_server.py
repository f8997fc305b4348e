"""The endpoints for gateways and for other services, each in a process of its own, on uvicorn and uvloop as in service.

    python -m benchmarks.gates_server NAME DATABASE

does as `benchmarks.edge_server` does.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from time import monotonic, time
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry, Counter

from benchmarks.edge_server import LIMITED, NEVER_FLUSHED, hello, serve_app
from benchmarks.keyring import PEPPER, SCOPE
from benchmarks.raw import LOCATOR, OWNER, SCOPES, RawSqlite
from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.server.app import Application
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import Route, ServerSettings

SETTINGS = ServerSettings(
    trusted_proxies=(ip_network("127.0.0.0/8"),),
    routes=(Route("POST", "/orders/*", "orders:write"), Route("*", "/admin/*", "admin"), Route("GET", "/*", SCOPE)),
)
GATEWAYS = frozenset({"127.0.0.1"})
ROUTES = (
    ({b"POST"}, re.compile(rb"/orders/.*").fullmatch, "orders:write"),
    ({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE"}, re.compile(rb"/admin/.*").fullmatch, "admin"),
    ({b"GET", b"HEAD"}, re.compile(rb"/.*").fullmatch, SCOPE),
)
"""The same routes by hand."""
QUESTION = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = {body}
"""


class ByHand:
    """The least of forward-auth by hand: SHA-256, one look-up by `sqlite3`, the same questions to the row.

    It has one route, and answers with the same owner and scope for every key.
    """

    def __init__(self, database: str) -> None:
        self._check = RawSqlite(Path(database)).check

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked = dict(scope["headers"])
        assert asked[b"x-forwarded-method"] == b"GET"
        assert asked[b"x-forwarded-uri"].partition(b"?")[0].startswith(b"/")
        key = asked[b"authorization"][7:]
        assert self._check(key.decode(), SCOPE) is not None
        await let_through(send, key[LOCATOR], b"acme", SCOPE.encode())


class ByHandForOperators:
    """As `ByHand`, with what an operator needs beside the check, each in the cheapest way.

    It hashes keys under a pepper, believes the headers of its gateways only, matches the routes, answers with the owner
    and the scopes of the row, notes when and how often a key was used, and counts the request for Prometheus.
    """

    def __init__(self, database: str) -> None:
        self._check = RawSqlite(Path(database), pepper=PEPPER.encode()).check
        self._scope_of = lru_cache(maxsize=1024)(scope_of)
        self._used: dict[bytes, float] = {}
        self._uses: defaultdict[bytes, int] = defaultdict(int)
        registry = CollectorRegistry()
        requests = Counter("requests", "Requests, by the status of the answer.", ("status",), registry=registry)
        self._count = requests.labels("200").inc

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["client"][0] in GATEWAYS
        asked = dict(scope["headers"])
        path = asked[b"x-forwarded-uri"].partition(b"?")[0]
        wanted = self._scope_of(asked[b"x-forwarded-method"], path)
        key = asked[b"authorization"][7:]
        row = self._check(key.decode(), wanted)
        assert row is not None
        key_id = key[LOCATOR]
        self._used[key_id] = time()
        self._uses[key_id] += 1
        self._count()
        await let_through(send, key_id, row[OWNER].encode(), " ".join(json.loads(row[SCOPES])).encode())


class RememberingByHand:
    """As `ByHandForOperators`, for keys in memory: the keyed hash, one look-up, the scope, the note and the count.

    It answers gateways, or another service whose own key it checks first, with a document that is written already.
    """

    def __init__(self, text: str, root: str) -> None:
        self._inner, self._outer = sha256(b"6" * 64).copy, sha256(b"\\" * 64).copy
        granted, until = frozenset({SCOPE, "keys:verify"}), monotonic() + 1e6
        self._kept = {self._hash(each.encode()): (until, granted, each[LOCATOR].encode()) for each in (text, root)}
        self._scope_of = lru_cache(maxsize=1024)(scope_of)
        self._used: dict[bytes, float] = {}
        self._uses: defaultdict[bytes, int] = defaultdict(int)
        self._answers: defaultdict[int, int] = defaultdict(int)
        self._document = json.dumps({"accepted": True, "record": {"owner": "acme", "more": "x" * 640}}).encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        asked = dict(scope["headers"])
        key = asked[b"authorization"]
        assert key[:7].lower() == b"bearer "
        if scope["path"].endswith("verify"):
            self._check(key[7:], "keys:verify")
            assert asked[b"content-type"] == b"application/json"
            question = json.loads((await receive())["body"])
            self._check(question["key"].encode(), question["scope"])
            self._answers[200] += 1
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self._document))]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": self._document})
            return
        assert scope["client"][0] in GATEWAYS
        path = asked[b"x-forwarded-uri"].partition(b"?")[0]
        key_id = self._check(key[7:], self._scope_of(asked[b"x-forwarded-method"], path))
        self._answers[200] += 1
        await let_through(send, key_id, b"acme", SCOPE.encode())

    def _check(self, key: bytes, wanted: str) -> bytes:
        until, granted, key_id = self._kept[self._hash(key)]
        now = monotonic()
        assert now < until
        assert wanted in granted
        self._used[key_id] = now
        self._uses[key_id] += 1
        return key_id

    def _hash(self, key: bytes) -> bytes:
        inner, outer = self._inner(), self._outer()
        inner.update(key)
        outer.update(inner.digest())
        return outer.digest()


def scope_of(method: bytes, path: bytes) -> str:
    """The scope of the first route that matches."""
    return next(scope for methods, matches, scope in ROUTES if method in methods and matches(path))


async def let_through(send: Any, key_id: bytes, owner: bytes, scopes: bytes) -> None:
    """Answer as the service answers a good key."""
    headers = [
        (b"x-key-id", key_id),
        (b"x-key-owner", owner),
        (b"x-key-scopes", scopes),
        (b"vary", b"Authorization, X-API-Key"),
        (b"cache-control", b"no-store"),
        (b"content-length", b"0"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def as_much(scope: Any, receive: Any, send: Any) -> None:
    """Answer with as many headers as the service, without a check."""
    await let_through(send, b"0" * 22, b"acme", SCOPE.encode())


async def serve(name: str, database: str) -> None:
    """Serve the application of a name until standard input ends."""
    url = f"sqlite:///{database}"
    with ApiKeys.open(url, **NEVER_FLUSHED) as keys:
        rate_limit = LIMITED if "limit" in name else None
        text = keys.issue(owner="acme", scopes=[SCOPE], rate_limit=rate_limit).plaintext
        root = keys.issue(owner=ROOT_OWNER, prefix=ROOT_PREFIX, scopes=["keys:verify"]).plaintext
    settings: dict[str, Any] = {**NEVER_FLUSHED, "ttl": 1e-9 if "uncached" in name else 1e6}
    ours = replace(SETTINGS, traces="spans" in name)

    async def opened(_: ServerSettings) -> Service:
        checked = await AsyncApiKeys.open(url, **settings)
        return Service(checked, ours, RootKeys(checked))

    others: dict[str, Any] = {
        "bare": hello,
        "bare, with all headers": as_much,
        "verify, posted to a bare one": reading,
        "forward-auth, by hand": RememberingByHand(text, root),
        "verify, by hand": RememberingByHand(text, root),
        "by hand, uncached": ByHand(database),
        "by hand, uncached, for operators": ByHandForOperators(database),
    }
    asked = question(name, database, text, root)
    if name in others:
        await serve_app(others[name], *asked, proxy_headers=False)
    else:
        await serve_app(Application(ours, opened), *asked, proxy_headers=False, lifespan="on")


def question(name: str, database: str, text: str, root: str) -> tuple[Any, ...]:
    """The path to ask for, the headers to ask with, and further arguments of wrk."""
    credential = {"Authorization": f"Bearer {text}"}
    if name == "bare":
        return "/invoices", credential
    if "verify" not in name:
        asked = {
            "X-Forwarded-Method": "GET",
            "X-Forwarded-Uri": "/invoices/7?page=2",
            "X-Forwarded-For": "203.0.113.7",
        }
        return "/v1/forward-auth", {**credential, **asked}
    body, script = json.dumps({"key": text, "scope": SCOPE, "ip": "203.0.113.7"}), Path(f"{database}.lua")
    Path(f"{database}.body").write_text(body)
    script.write_text(QUESTION.format(body=json.dumps(body)))
    return "/v1/keys:verify", {"Authorization": f"Bearer {root}"}, "-s", str(script)


async def reading(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, and answer as little as can be."""
    while (await receive()).get("more_body"):
        pass
    await hello(scope, receive, send)


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
