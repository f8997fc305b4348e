"""Every gateway that has an example, in front of a real application: what passes, what does not, and what arrives."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gateways.conftest import Reply, Site

REWRITING = {
    "X-HTTP-Method-Override": "DELETE",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "DELETE",
    "X-Original-URL": "/admin/x",
    "X-Rewrite-URL": "/admin/x",
}
"""Headers from which some application takes the method or the path."""
SPELLED = {"X_HTTP_Method_Override": "DELETE", "X-Rewrite_URL": "/admin/x"}
"""Some of them as an application on WSGI reads them, too."""
NAMING = {
    "X-Forwarded-Uri": "/open",
    "X-Forwarded-Method": "HEAD",
    "X-Original-URI": "/open",
    "X-Original-Method": "HEAD",
}
"""Headers by which some gateway names the request to the check."""


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    """A key that may read orders."""
    return site.keys.issue().plaintext


@pytest.fixture(autouse=True)
def it_opens_again(site: Site, key: str) -> Iterator[None]:
    """Whatever a test has done, the gateway lets a good key in afterwards."""
    yield
    assert site.ask(key).status == 200


def told(answer: Reply) -> dict[str, str]:
    """The headers of a key that reached the application, by the names that WSGI gives them."""
    found: dict[str, str] = {}
    for name, value in answer.seen["headers"]:
        meant = name.lower().replace("_", "-")
        if meant.startswith("x-key-"):
            assert meant not in found, f"the application got {meant} twice"
            found[meant] = value
    return found


def test_a_good_key_reaches_the_application(site: Site) -> None:
    """With its id, owner and scopes, and without the key itself."""
    issued = site.keys.issue(owner="Müller", scopes=["orders:read", "a:*"])
    for place in ([("Authorization", f"Bearer {issued.plaintext}")], [("X-API-Key", issued.plaintext)]):
        answer = site.ask(None, "/orders/7?a=1&b=%20", [*place, ("X-Mine", "1")])
        assert (answer.status, answer.seen["path"], answer.seen["method"]) == (200, "/orders/7", "GET")
        assert told(answer) == {
            "x-key-id": issued.record.key_id,
            "x-key-owner": "M%C3%BCller",
            "x-key-scopes": "a:* orders:read",
        }
        assert ("x-mine", "1") in [(name.lower(), value) for name, value in answer.seen["headers"]]
        assert issued.plaintext not in json.dumps(answer.seen)


def test_a_refused_key_does_not(site: Site) -> None:
    """The client gets the refusal, with its challenge and its code."""
    weak = site.keys.issue(scopes=["x"]).plaintext
    for sent, status, code, challenge in (
        (None, 401, "missing_key", 'Bearer realm="api"'),
        ("sk_live_nonsense", 401, "invalid_key", 'Bearer realm="api", error="invalid_token"'),
        (weak, 403, "insufficient_scope", 'Bearer realm="api", error="insufficient_scope", scope="orders:read"'),
    ):
        answer = site.ask(sent)
        assert (answer.status, answer.headers.get_all("WWW-Authenticate")) == (status, [challenge])
        assert answer.seen["code"] == code
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_limited_key_is_told_when_to_come_again(site: Site) -> None:
    """429 arrives as 429, with `Retry-After` and the limits; the limit is exact."""
    limited = site.keys.issue(rate_limit="3/hour").plaintext
    assert [site.ask(limited).status for _ in range(5)] == [200, 200, 200, 429, 429]
    answer = site.ask(limited)
    assert answer.seen["code"] == "rate_limited"
    assert 1000 < int(answer.headers["Retry-After"]) <= 1200
    assert answer.headers["RateLimit"].startswith('"hour";r=0;t=')
    assert answer.headers["RateLimit-Policy"] == '"hour";q=3;w=3600'


@pytest.mark.parametrize("front", ["X-Key-", "X_Key_", "x-key_", "X_KEY-", "x_key_"])
def test_forged_headers_are_stripped(site: Site, front: str) -> None:
    """However they are spelt, for some application reads them as one; a key without scopes leaves no gap."""
    issued = site.keys.issue(owner="acme", scopes=["orders:*"])
    forged = [(f"{front}{name}", "forged") for name in ("Id", "Owner", "Scopes", "Code")]
    answer = site.ask(issued.plaintext, headers=forged)
    assert (answer.status, told(answer)["x-key-owner"]) == (200, "acme")
    assert "forged" not in json.dumps(answer.seen)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_forged_trailers_are_stripped(site: Site, declared: bool) -> None:
    """Behind a chunked body, where some servers take trailers for headers: the application gets none of them."""
    issued = site.keys.issue(owner="acme")
    forged = {"X-Key-Owner": "forged", "X_Key_Id": "forged", "X-Forwarded-Uri": "/forged", "X-Forwarded-For": "6.6.6.6"}
    answer = site.ask_with_trailers(issued.plaintext, forged, declared=declared)
    assert answer.status in {200, 400, 411}
    if answer.status == 200:
        assert (told(answer)["x-key-owner"], answer.seen["size"]) == ("acme", 2)
        assert "forged" not in json.dumps(answer.seen)
        assert "6.6.6.6" not in json.dumps(answer.seen)


@pytest.mark.parametrize(("name", "value"), [*REWRITING.items(), *SPELLED.items(), *NAMING.items()])
def test_no_header_of_a_client_makes_another_request_of_it(site: Site, key: str, name: str, value: str) -> None:
    """The route of the request itself decides, and no application is told of another method or path."""
    assert site.ask(key, "/admin/x", [(name, value)]).status in {400, 403}
    answer = site.ask(key, "/orders/7", [(name, value)])
    assert answer.status in {200, 400}
    assert answer.status == 200 or name not in REWRITING
    if answer.status == 200 and name not in NAMING:
        assert value not in json.dumps(answer.seen)


@pytest.mark.parametrize(
    "path",
    ["/orders/%2e%2e/admin/x", "/orders/../admin/x", "//admin/x", "/orders/..%2fadmin/x", "/orders;/../admin/x",
     "/Admin/x", "/%61dmin/x", "/admin%2fx", "/admin;a=1/x", "/orders/%5c..%5c..%5cadmin/x"],
)  # fmt: skip
def test_no_spelling_of_a_path_reaches_a_stronger_route(site: Site, key: str, path: str) -> None:
    """The gateway or the check refuses it; or the application gets a path that needs no more than was checked."""
    answer = site.ask(key, path)
    assert answer.status >= 300, answer.seen


def test_two_credentials_are_refused(site: Site, key: str) -> None:
    """In two headers, and twice in one, which some gateways join."""
    other = site.keys.issue().plaintext
    for more in ([("X-API-Key", other)], [("Authorization", f"Bearer {other}")], [("Authorization", "Bearer x")]):
        assert site.ask(key, headers=more).status in {400, 401}
    assert site.ask(f"{key}, Bearer {other}").status in {400, 401}


def test_bodies_pass_and_the_check_sees_none(site: Site, key: str) -> None:
    """A large upload arrives whole, with its method; a refused one is answered at once."""
    before = site.keys.questions()
    answer = site.ask(key, "/orders", method="POST", body=b"z" * 300_000)
    assert (answer.status, answer.seen["size"], answer.seen["method"]) == (200, 300_000, "POST")
    assert site.ask("sk_live_nonsense", "/orders", method="POST", body=b"z" * 300_000).status == 401
    assert site.keys.questions() - before == 2


def test_a_web_socket_opens_with_a_good_key_only(site: Site, key: str) -> None:
    """A refused handshake is answered as any request."""
    address = f"ws://127.0.0.1:{site.port}/orders/socket"
    with connect(address, additional_headers={"Authorization": f"Bearer {key}"}, open_timeout=10) as socket:
        socket.send("hello")
        assert socket.recv(timeout=10) == "acme hello"
    limited = site.keys.issue(rate_limit="1/hour").plaintext
    site.ask(limited)
    for sent, status in (("sk_live_nonsense", 401), (limited, 429)):
        headers = {"Authorization": f"Bearer {sent}"}
        with pytest.raises(InvalidStatus) as refused, connect(address, additional_headers=headers, open_timeout=10):
            pass
        assert refused.value.response.status_code == status


def is_closed(site: Site, sent: str, timeout: float) -> bool:
    """Whether a request gets a refusal or no answer at all."""
    try:
        return site.ask(sent, timeout=timeout).status >= 500
    except (TimeoutError, http.client.HTTPException, ConnectionError):
        return True


def test_it_is_closed_while_the_service_hangs(site: Site) -> None:
    """A good key that is unknown to the gateway does not pass; Traefik waits for up to 30 seconds."""
    issued = site.keys.issue().plaintext
    site.keys.hang()
    try:
        assert is_closed(site, issued, timeout=4)
    finally:
        site.keys.go_on()


def test_it_is_closed_while_the_service_is_dead(site: Site) -> None:
    """And open again when the service is back."""
    issued: Any = site.keys.issue()
    site.keys.kill()
    try:
        for _ in range(2):
            assert is_closed(site, issued.plaintext, timeout=10)
    finally:
        site.keys.start()
