"""The middleware behind a real server, asked over a socket."""

from __future__ import annotations

import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from tests.integrations.conftest import PEPPER, shop

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.issuing import AsyncApiKeys
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


def test_without_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigurationError, match="pip install"), asgi_server(shop):
        pass
