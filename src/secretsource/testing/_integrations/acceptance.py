"""The acceptance list of integrations with web frameworks, as a pytest class to subclass.

    class MyHarness(IntegrationHarness):                # builds ACCEPTANCE_ROUTES in the idiom of the framework
        def serve(self, keys, **settings): ...
        def start_unstated(self, keys): ...

    class TestMine(IntegrationAcceptance):
        impossible = {"websocket": "the framework has none"}

        @pytest.fixture
        def harness(self):
            return MyHarness()

Every case asks a real server over HTTP. The answers must be those of `Admission`, byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import Admission, ApiKeys, HttpAnswer
from secretsource.testing._cases import needs
from secretsource.testing._integrations.cases import REFUSALS, LosableStore, Reply, World, ask, bearer
from secretsource.testing.clock import FakeClock
from secretsource.testing.integration_harness import PAY, READ, owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from secretsource.issuing import CheckEvent
    from secretsource.testing.integration_harness import IntegrationHarness

__all__ = ["INTEGRATION_ABILITIES", "IntegrationAcceptance"]

INTEGRATION_ABILITIES = ("proxy", "websocket")
"""The abilities that a framework may lack: a proxy whose word on the client's address is trusted, and web sockets."""
SETTINGS: Mapping[str, Any] = {"exempt": ["/health"], "optional": ["/catalogue"]}
_OWN = frozenset({"cache-control", "content-type", "www-authenticate", "retry-after", "ratelimit", "ratelimit-policy"})


class IntegrationAcceptance:
    """The cases of every edge; subclass it and override the ``harness`` fixture.

    Attributes:
        impossible: Abilities that the framework cannot have (of `INTEGRATION_ABILITIES`), each with the reason.
        patience: Seconds to wait for the server, after its client has the answer.
    """

    impossible: ClassVar[Mapping[str, str]] = {}
    patience: ClassVar[float] = 10.0

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        for ability, reason in cls.impossible.items():
            if ability not in INTEGRATION_ABILITIES or not reason:
                raise TypeError(f"{cls.__name__}.impossible: {ability!r} is not an ability, or lacks a reason")
        for name in dir(cls):
            wanted: frozenset[str] = getattr(getattr(cls, name), "needs", frozenset())
            if not wanted.isdisjoint(cls.impossible):
                setattr(cls, name, None)  # tells pytest that an inherited test is not collected

    @pytest.fixture
    def harness(self) -> Any:
        """Return the harness of the edge under test; every subclass overrides it."""
        raise NotImplementedError("override the fixture `harness` so that it returns your IntegrationHarness")

    @pytest.fixture
    def world(self) -> Iterator[World]:
        """Return keys over an empty store, with a clock that stands still."""
        store, clock = LosableStore(), FakeClock()
        with ApiKeys(store, peppers=["a pepper of the acceptance list"], clock=clock) as keys:
            yield World(keys, store, clock)

    @pytest.fixture
    def url(self, harness: IntegrationHarness, world: World) -> Iterator[str]:
        """Return the address of the application, with the usual settings."""
        with harness.serve(world.keys, **SETTINGS) as url:
            yield url

    # Refusals

    @pytest.mark.parametrize("refusal", REFUSALS)
    def test_a_refusal_is_sent_as_it_is(self, refusal: str, url: str, world: World) -> None:
        """Status, headers and body are those of `Admission`; the view is not called, and no part of a key is echoed."""
        headers = REFUSALS[refusal](world)
        answer = ask(url, "/invoices", headers=headers)
        assert_refused(answer, refused(world, READ, headers))
        shown = answer.body.decode() + str(answer.headers)
        assert not any(value.removeprefix("Bearer ") in shown for value in headers.values())

    def test_a_refusal_has_the_realm_of_the_settings(self, harness: IntegrationHarness, world: World) -> None:
        """The settings of the edge are those of `Admission`, such as the realm and the places of the key."""
        text = world.issue()
        with harness.serve(world.keys, **SETTINGS, realm="shop", credentials=["X-Shop-Key"]) as url:
            answer = ask(url, "/invoices", headers=bearer(text))
            assert (answer.status, answer.values("WWW-Authenticate")) == (401, ['Bearer realm="shop"'])
            assert owner_of(ask(url, "/invoices", headers={"X-Shop-Key": text}).body) == "acme"

    # Routes

    def test_a_good_key_comes_through(self, url: str, world: World) -> None:
        """The view is called with the record of the key, and the answer depends on the header that held it."""
        answer = ask(url, "/invoices", headers=bearer(world.issue()))
        assert (answer.status, owner_of(answer.body), answer.values("X-View")) == (200, "acme", ["yes"])
        assert answer.values("Vary").count("Authorization") == 1

    def test_each_route_has_its_scope(self, url: str, world: World) -> None:
        """A route that states two scopes needs both, and one that states `NO_SCOPE` takes any good key."""
        reader, payer = bearer(world.issue()), bearer(world.issue(scopes=[READ, PAY]))
        nobody = bearer(world.issue(scopes=[]))
        assert_refused(ask(url, "/payments", "POST", reader), refused(world, (READ, PAY), reader))
        assert owner_of(ask(url, "/payments", "POST", payer).body) == "acme"
        assert owner_of(ask(url, "/anyone", headers=nobody).body) == "acme"
        assert ask(url, "/invoices", headers=nobody).status == 403

    def test_each_route_has_its_cost(self, url: str, world: World) -> None:
        """A request draws the cost that its route states, once."""
        key = bearer(world.issue(rate_limit="6/hour"))
        assert [answer.values("RateLimit") for answer in (ask(url, "/reports", headers=key),)] == [
            ['"hour";r=1;t=3000']
        ]
        assert ask(url, "/reports", headers=key).status == 429
        assert [ask(url, "/invoices", headers=key).status for _ in range(2)] == [200, 429]
        costly = bearer(world.issue(rate_limit="4/hour"))
        assert_refused(ask(url, "/reports", headers=costly), refused(world, READ, costly, cost=5))

    def test_each_route_has_its_limit(self, url: str, world: World) -> None:
        """Each key has the limit that a route states for itself, beside its own; a refusal draws on neither."""
        key = bearer(world.issue(rate_limit="4/hour"))
        first, second = ask(url, "/exports", headers=key), ask(url, "/exports", "HEAD", key)
        assert (first.status, second.status) == (200, 200)
        assert first.values("RateLimit-Policy") == ['"route hour";q=2;w=3600', '"hour";q=4;w=3600']
        assert first.values("RateLimit") == ['"route hour";r=1;t=1800', '"hour";r=3;t=900']
        refused = ask(url, "/exports", headers=key)
        assert (refused.status, refused.shown["code"], refused.values("Retry-After")) == (429, "rate_limited", ["1800"])
        assert refused.values("RateLimit") == ['"route hour";r=0;t=3600', '"hour";r=2;t=1800']
        assert ask(url, "/invoices", headers=key).values("RateLimit") == ['"hour";r=1;t=2700']
        others = [ask(url, "/exports", headers=bearer(world.issue())).values("RateLimit") for _ in range(2)]
        assert others == [['"route hour";r=1;t=1800']] * 2

    def test_a_route_without_a_scope_ends_the_start(self, harness: IntegrationHarness, world: World) -> None:
        """The error names the route, so that a forgotten route is closed and found."""
        with pytest.raises(ConfigurationError, match="forgotten"):
            harness.start_unstated(world.keys)

    def test_an_exempt_route_needs_no_key(self, url: str) -> None:
        """No key is read there, not even a bad one."""
        for headers in ({}, bearer("nonsense")):
            answer = ask(url, "/health", headers=headers)
            assert (answer.status, owner_of(answer.body)) == (200, None)

    def test_an_optional_key_must_be_good(self, url: str, world: World) -> None:
        """A route with an optional key is open without a key, and knows the owner of a good one."""
        without = ask(url, "/catalogue")
        assert (without.status, owner_of(without.body)) == (200, None)
        assert {"Authorization", "X-API-Key"} <= set(without.values("Vary"))
        assert owner_of(ask(url, "/catalogue", headers=bearer(world.issue())).body) == "acme"
        assert ask(url, "/catalogue", headers=bearer("nonsense")).status == 401

    # Headers

    def test_a_key_with_limits_learns_them(self, url: str, world: World) -> None:
        """The answer of the view carries the limits, as `Admission` writes them."""
        answer = ask(url, "/invoices", headers=bearer(world.issue(rate_limit="10/minute", quota="100/month")))
        assert answer.values("RateLimit-Policy") == ['"minute";q=10;w=60', '"month quota";q=100;w=2678400']
        assert answer.values("RateLimit") == ['"minute";r=9;t=6', '"month quota";r=99;t=2678400']

    @pytest.mark.parametrize("path", ["/invoices", "/stream"])
    def test_a_rotated_key_learns_its_end(self, path: str, url: str, world: World) -> None:
        """While both keys work, the old one has `Deprecation` and `Sunset`; the new one has neither."""
        old = world.issued()
        new = world.keys.rotate(old.record.key_id, overlap=3600).plaintext
        assert new is not None
        answer = ask(url, path, headers=bearer(old.plaintext))
        assert (answer.values("Deprecation"), answer.values("Sunset")) == (
            ["@1735689600"], ["Wed, 01 Jan 2025 01:00:00 GMT"],
        )  # fmt: skip
        assert not ask(url, path, headers=bearer(new)).values("Sunset")

    # Kinds of requests

    def test_a_preflight_of_a_browser_passes(self, url: str) -> None:
        """An `OPTIONS` of a browser has no key, and reaches the application; any other is refused or not allowed."""
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
        assert ask(url, "/invoices", "OPTIONS", asked).status not in {401, 403}
        assert ask(url, "/invoices", "OPTIONS").status in {401, 404, 405}

    def test_head_is_checked_as_get(self, url: str, world: World) -> None:
        """A refusal of `HEAD` has the headers of that of `GET` and no body; a good key comes through."""
        answer = ask(url, "/invoices", "HEAD")
        assert (answer.status, answer.body) == (401, b"")
        assert answer.values("Content-Type") == ["application/problem+json"]
        assert ask(url, "/invoices", "HEAD", bearer(world.issue())).status == 200

    def test_an_answer_may_be_streamed(self, url: str, world: World) -> None:
        """All parts arrive, with the headers for the key."""
        answer = ask(url, "/stream", headers=bearer(world.issue(rate_limit="10/minute")))
        assert (answer.status, answer.body) == (200, b"one,two,three")
        assert answer.values("RateLimit") == ['"minute";r=9;t=6']
        assert ask(url, "/stream").status == 401

    def test_an_error_of_the_view_stays_its_own(self, url: str, world: World) -> None:
        """It is a 500 without the key, and the next request is served."""
        text = world.issue()
        answer = ask(url, "/broken", headers=bearer(text))
        assert (answer.status, text in answer.body.decode()) == (500, False)
        assert ask(url, "/broken").status == 401
        assert ask(url, "/invoices", headers=bearer(text)).status == 200

    @needs("websocket")
    def test_a_web_socket_needs_a_key(self, url: str, world: World) -> None:
        """With a good key it opens; without one, the handshake is refused with 401, or with 403 by a plain server."""
        from websockets.exceptions import InvalidStatus
        from websockets.sync.client import connect

        address = url.replace("http", "ws", 1) + "/socket"
        with connect(address, additional_headers=bearer(world.issue()), close_timeout=5) as socket:
            socket.send("one")
            assert socket.recv(timeout=10) == "one"
        for headers, statuses in (({}, {401, 403}), (bearer(world.issue(scopes=[])), {403})):
            with pytest.raises(InvalidStatus) as refusal:
                connect(address, additional_headers=headers)
            assert refusal.value.response.status_code in statuses

    @needs("websocket")
    def test_a_web_socket_closes_when_its_key_ends(self, harness: IntegrationHarness, world: World) -> None:
        """With ``recheck`` the key of an open socket is checked again; one that was revoked closes it with 4401."""
        from websockets.exceptions import ConnectionClosed
        from websockets.sync.client import connect

        issued = world.issued()
        with harness.serve(world.keys, **SETTINGS, recheck=0.02) as url:
            address = url.replace("http", "ws", 1) + "/socket"
            with connect(address, additional_headers=bearer(issued.plaintext), close_timeout=5) as socket:
                socket.send("one")
                assert socket.recv(timeout=10) == "one"
                world.keys.revoke(issued.record.key_id)
                with pytest.raises(ConnectionClosed) as closed:
                    socket.recv(timeout=self.patience)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401

    # Requests at once

    @pytest.mark.parametrize("path", ["/invoices", "/stream"])
    def test_a_request_that_is_done_leaves_its_place(self, path: str, url: str, world: World) -> None:
        """With a limit of one request at once, each request after another is let in."""
        issued = world.issued(rate_limit="1 at once for 24 hours")
        for _ in range(2):
            answer = ask(url, path, headers=bearer(issued.plaintext))
            assert (answer.status, answer.values("RateLimit")) == (200, ['"at once";r=0'])
            assert world.is_free(issued, self.patience)

    def test_a_handler_that_raised_leaves_its_place(self, url: str, world: World) -> None:
        """A view that fails takes no place from the requests after it."""
        issued = world.issued(rate_limit="1 at once for 24 hours")
        for _ in range(2):
            assert ask(url, "/broken", headers=bearer(issued.plaintext)).status == 500
            assert world.is_free(issued, self.patience)

    @needs("websocket")
    def test_a_web_socket_holds_its_place_until_it_ends(self, url: str, world: World) -> None:
        """While it is open no request is let in, and a moment after its end the next one is."""
        from websockets.sync.client import connect

        issued = world.issued(rate_limit="1 at once for 24 hours")
        headers = bearer(issued.plaintext)
        address = url.replace("http", "ws", 1) + "/socket"
        with connect(address, additional_headers=headers, close_timeout=5) as socket:
            socket.send("one")
            assert socket.recv(timeout=10) == "one"
            assert_refused(ask(url, "/invoices", headers=headers), refused(world, READ, headers))
        assert world.is_free(issued, self.patience)
        assert ask(url, "/invoices", headers=headers).status == 200

    # Clients

    def test_a_client_cannot_name_its_own_address(self, url: str, world: World) -> None:
        """The address is that of the connection; a header of the client does not change it."""
        here, there = world.issue(networks=["127.0.0.1"]), world.issue(networks=["203.0.113.0/24"])
        claim = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"}
        assert ask(url, "/invoices", headers={**bearer(here), **claim}).status == 200
        assert ask(url, "/invoices", headers={**bearer(there), **claim}).status == 401

    @needs("proxy")
    def test_a_trusted_proxy_names_the_address(self, harness: IntegrationHarness, world: World) -> None:
        """Behind a proxy that the framework trusts, a key for the client's network is accepted."""
        there = world.issue(networks=["203.0.113.0/24"])
        with harness.serve_behind_proxy(world.keys, **SETTINGS) as url:
            assert ask(url, "/invoices", headers={**bearer(there), "X-Forwarded-For": "203.0.113.7"}).status == 200
            assert ask(url, "/invoices", headers={**bearer(there), "X-Forwarded-For": "198.51.100.1"}).status == 401

    def test_a_listener_learns_of_the_request(self, url: str, world: World) -> None:
        """Its event has the demand, the cost, and the method, path and address of the request."""
        events: list[CheckEvent] = []
        stop = world.keys.on_event(events.append)
        ask(url, "/reports", headers={**bearer(world.issue()), "User-Agent": "billing/1"})
        ask(url, "/payments", "POST")
        world.keys.close()  # delivers waiting events
        stop()
        assert [(e.scopes, e.cost, e.method, e.path, e.ip, e.agent) for e in events] == [
            ((READ,), 5, "GET", "/reports", "127.0.0.1", "billing/1"),
            ((READ, PAY), 1, "POST", "/payments", "127.0.0.1", None),
        ]

    @pytest.mark.parametrize("hide", [True, False])
    def test_the_view_does_not_see_a_hidden_key(self, hide: bool, harness: IntegrationHarness, world: World) -> None:
        """With `hide`, the headers that the view sees have no key; without, they are as they came.

        The answer has the headers for the key either way.
        """
        text = world.issue(rate_limit="10/hour")
        with harness.serve(world.keys, **SETTINGS, hide=hide) as url:
            answers = [
                ask(url, "/invoices", headers={**headers, "Accept": "*/*"})
                for headers in (bearer(text), {"X-API-Key": text})
            ]
        for answer in answers:
            seen = {name.lower(): value for name, value in answer.shown["headers"]}
            assert (answer.status, seen["accept"], text in str(seen)) == (200, "*/*", not hide)
            assert len(answer.values("RateLimit")) == 1


def refused(world: World, scope: Any, headers: Mapping[str, str], cost: int = 1) -> HttpAnswer:
    """Return the refusal of `Admission` for a request with these headers."""
    answer = Admission(world.keys, scope=scope).admit(headers, "127.0.0.1", "GET", "/", cost=cost)
    assert isinstance(answer, HttpAnswer)
    return answer


def assert_refused(reply: Reply, expected: HttpAnswer) -> None:
    """Fail unless a reply is a refusal, byte for byte, and not of the view."""
    assert (reply.status, reply.body) == (expected.status, expected.body)
    assert not reply.values("X-View")
    sent = sorted((name, value) for name, value in reply.headers if name in _OWN)
    assert sent == sorted((name.lower(), value) for name, value in expected.headers if name.lower() in _OWN)
