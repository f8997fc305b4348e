"""The middleware behind a real server, asked over a socket."""

from __future__ import annotations

import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from tests.integrations.conftest import PEPPER, shop
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import NO_SCOPE, AsyncApiKeys
from secretsource.stores.memory import AsyncMemoryStore
from secretsource.testing.asgi_server import asgi_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secretsource.issuing import ApiKeys
    from secretsource.stores.memory import MemoryStore


@pytest.fixture
def url(keys: ApiKeys) -> Iterator[str]:
    """A shop that needs a key."""
    with asgi_server(ApiKeyMiddleware(shop, keys, scope="invoices:read", exempt=["/health"])) as url:
        yield url


def ask(url: str, path: str = "/invoices", method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    """Status, headers and body of one request."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_a_request_is_checked_end_to_end(url: str, keys: ApiKeys) -> None:
    """A key opens the door until it is revoked; the door of an exempt path is always open."""
    issued = keys.issue(owner="acme", scopes=["invoices:read"])
    assert ask(url)[0] == 401
    assert json.loads(ask(url, Authorization=f"Bearer {issued.plaintext}")[2])["owner"] == "acme"
    assert ask(url, X_API_Key=issued.plaintext)[0] == 200
    keys.revoke(issued.record.key_id)
    status, headers, body = ask(url, X_API_Key=issued.plaintext)
    assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="api", error="invalid_token"')
    assert issued.plaintext.encode() not in body
    assert ask(url, "/health")[0] == 200


def test_head_is_answered_without_a_body(url: str) -> None:
    """As HTTP has it; the headers are those of the refusal."""
    status, headers, body = ask(url, method="HEAD")
    assert (status, headers["Content-Type"], body) == (401, "application/problem+json", b"")


def test_a_key_of_many_kilobytes_is_refused(url: str) -> None:
    """Whatever the server lets through is not read."""
    assert ask(url, X_API_Key="k" * 30_000)[0] == 401


def test_many_at_once(url: str, keys: ApiKeys) -> None:
    """A limit of five lets five in, whoever is first."""
    key = keys.issue(owner="acme", scopes=["invoices:read"], rate_limit="5/hour").plaintext
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: ask(url, X_API_Key=key)[0], range(12)))
    assert sorted(statuses) == [200] * 5 + [429] * 7


def test_keys_of_an_event_loop_behind_a_server(store: MemoryStore, keys: ApiKeys) -> None:
    """The server's loop is where they live; many requests at once share them."""
    issued = keys.issue(owner="acme", scopes=["invoices:read"])
    asynchronous = AsyncApiKeys(AsyncMemoryStore(store), peppers=[PEPPER])
    with asgi_server(ApiKeyMiddleware(shop, asynchronous, scope="invoices:read")) as url:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: ask(url, X_API_Key=issued.plaintext)[0], range(8)))
        assert ask(url)[0] == 401
    assert answers == [200] * 8


def test_a_mounted_application_is_exempt_by_its_own_paths(keys: ApiKeys) -> None:
    """Below a mount, a path is what the application routes by."""
    guarded = ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, exempt=["/health"])
    with asgi_server(Starlette(routes=[Mount("/api", app=guarded)])) as url:
        assert ask(url, "/api/health")[0] == 200
        assert ask(url, "/api/invoices")[0] == 401
        assert ask(url, "/api/api/health")[0] == 401


def test_a_preflight_of_a_browser_passes(keys: ApiKeys) -> None:
    """What answers it may be behind the middleware."""
    cors = CORSMiddleware(shop, allow_origins=["https://shop.example"], allow_headers=["X-API-Key"])
    with asgi_server(ApiKeyMiddleware(cors, keys, scope=NO_SCOPE)) as url:
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
        status, headers, _ = ask(url, method="OPTIONS", **asked, Access_Control_Request_Headers="x-api-key")
        assert (status, headers["Access-Control-Allow-Origin"]) == (200, "https://shop.example")
        assert ask(url, method="OPTIONS")[0] == 401


def test_a_large_upload_is_refused_and_the_connection_goes_on(keys: ApiKeys) -> None:
    """The client sends all of it, reads the refusal, and asks again on the same connection."""
    key = keys.issue(owner="acme").plaintext
    with asgi_server(ApiKeyMiddleware(shop, keys, scope=NO_SCOPE, refuse_after=0.2)) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        statuses = []
        for sent in ("nonsense", key):
            connection.request("POST", "/invoices", b"x" * 4_000_000, {"X-API-Key": sent})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
    assert statuses == [401, 200]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """An application that says back what it hears on a web socket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
    else:
        await shop(scope, receive, send)


def test_a_web_socket_lives_as_long_as_its_key(keys: ApiKeys) -> None:
    """A browser puts it into the subprotocols; it is closed with 4401, and a new handshake is refused."""
    issued = keys.issue(owner="acme")
    guarded = ApiKeyMiddleware(
        echo, keys, scope=NO_SCOPE, recheck=0.05, credentials=["X-API-Key", "Sec-WebSocket-Protocol: bearer"]
    )
    with asgi_server(guarded) as url:
        address, subprotocols = url.replace("http", "ws"), [Subprotocol("bearer"), Subprotocol(issued.plaintext)]
        with connect(address, subprotocols=subprotocols, close_timeout=5) as socket:
            assert socket.subprotocol == "bearer"
            for word in ("one", "two"):
                socket.send(word)
                assert socket.recv(timeout=10) == word
            keys.revoke(issued.record.key_id)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "the API key has ended")
        with pytest.raises(InvalidStatus) as refused:
            connect(address, subprotocols=subprotocols)
        assert refused.value.response.status_code == 401


def test_without_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigurationError, match="pip install"), asgi_server(shop):
        pass
