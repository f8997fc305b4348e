"""The acceptance list of integrations catches the edge that forgets something."""

from __future__ import annotations

import inspect
import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.asgi import ApiKeyMiddleware
from secretsource.integrations.routes import Stated
from secretsource.issuing import NO_SCOPE, ApiKeys, RouteLimit
from secretsource.testing import FakeClock, IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.acceptance import SETTINGS
from secretsource.testing._integrations.cases import LosableStore, World
from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, broken, shown, streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ROUTES = {route.path: route for route in ACCEPTANCE_ROUTES}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The routes of the list, as a plain ASGI application."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    route = ROUTES[scope["path"]]
    if route.answers == "broken":
        broken()
    headers = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"]]
    parts = (
        [*streamed()]
        if route.answers == "streamed"
        else [json.dumps(shown(scope.get("secretsource"), headers)).encode()]
    )
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-view", b"yes")]})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


class Honest:
    """An edge that keeps the list: the ASGI middleware, one for each route."""

    def __init__(self, keys: ApiKeys, settings: Any) -> None:
        self.keys = keys
        self.settings = dict(settings)

    def stated(self, path: str) -> Stated:
        """The statement of a path."""
        route = ROUTES.get(path)
        if route is None:
            return Stated(READ)
        limit = None if route.limit is None else RouteLimit(route.limit, path)
        return Stated(route.scope or NO_SCOPE, route.cost, limit)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request, with the faults of a subclass in what it asks and in what it sends."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        stated = self.stated(scope["path"])
        guarded = ApiKeyMiddleware(self.view, self.keys, scope=lambda _: stated, **self.settings)
        self.leaving(guarded._admission)

        async def sending(message: Any) -> None:
            await send(self.sent(message))

        await (self.view if self.is_open(scope) else guarded)(self.asked(scope), receive, sending)

    async def view(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the view."""
        await application(scope, receive, send)

    def is_open(self, scope: Any) -> bool:
        """Whether a request is let through without a check."""
        return False

    def asked(self, scope: Any) -> Any:
        """The request as the check sees it."""
        return scope

    def sent(self, message: Any) -> Any:
        """A message as the client receives it."""
        return message

    def leaving(self, admission: Any) -> None:
        """Plan how a request leaves its place."""

    def start_unstated(self) -> None:
        """Refuse to start."""
        raise ConfigurationError("/forgotten states no scope")


class Lenient(Honest):
    """Starts with a route that states no scope."""

    def start_unstated(self) -> None:
        pass


class Wordless(Honest):
    """Sends a refusal without words."""

    def sent(self, message: Any) -> Any:
        body = message.get("body", b"")
        return {**message, "body": b" " * len(body)} if b"about:blank" in body else message


class Without(Honest):
    """Leaves headers out."""

    names: tuple[bytes, ...] = ()

    def sent(self, message: Any) -> Any:
        if message["type"] != "http.response.start":
            return message
        return {**message, "headers": [pair for pair in message["headers"] if pair[0] not in self.names]}


class WithoutChallenge(Without):
    names = (b"www-authenticate",)


class WithoutPatience(Without):
    names = (b"retry-after",)


class WithoutLimits(Without):
    names: tuple[bytes, ...] = (b"ratelimit", b"ratelimit-policy")


class WithoutEnd(Without):
    names = (b"deprecation", b"sunset")


class WithoutVary(Without):
    names = (b"vary",)


class Forbidding(Honest):
    """Turns 401 into 403, as some frameworks do."""

    def sent(self, message: Any) -> Any:
        return {**message, "status": 403} if message.get("status") == 401 else message


class OneScope(Honest):
    """Asks for the same scope everywhere."""

    def stated(self, path: str) -> Stated:
        return super().stated(path)._replace(scope=READ)


class OneCost(Honest):
    """Draws one, whatever a route states."""

    def stated(self, path: str) -> Stated:
        return super().stated(path)._replace(cost=1)


class Twice(Honest):
    """Draws the cost twice."""

    def stated(self, path: str) -> Stated:
        return super().stated(path)._replace(cost=2 * super().stated(path).cost)


class Limitless(Honest):
    """Knows no limits of routes."""

    def stated(self, path: str) -> Stated:
        return super().stated(path)._replace(limit=None)


class Deaf(Honest):
    """Ignores the settings."""

    def __init__(self, keys: ApiKeys, settings: Any) -> None:
        super().__init__(keys, SETTINGS)


class Trusting(Honest):
    """Never checks the key of an open socket again."""

    def __init__(self, keys: ApiKeys, settings: Any) -> None:
        super().__init__(keys, {**settings, "recheck": 0})


class Masking(WithoutLimits):
    """Forgets the headers for the key where it hides the key."""

    def __init__(self, keys: ApiKeys, settings: Any) -> None:
        super().__init__(keys, settings)
        self.names = (b"ratelimit",) if settings.get("hide") else ()


class Open(Honest):
    """Lets some requests through without a check."""

    def is_open(self, scope: Any) -> bool:
        return bool(self.opens(scope))

    def opens(self, scope: Any) -> Any:
        raise NotImplementedError


class OpenHead(Open):
    def opens(self, scope: Any) -> Any:
        return scope.get("method") == "HEAD"


class OpenOptions(Open):
    def opens(self, scope: Any) -> Any:
        return scope.get("method") == "OPTIONS"


class OpenStream(Open):
    def opens(self, scope: Any) -> Any:
        return scope["path"] == "/stream"


class OpenSocket(Open):
    def opens(self, scope: Any) -> Any:
        return scope["type"] == "websocket"


class OpenError(Open):
    def opens(self, scope: Any) -> Any:
        return scope["path"] == "/broken"


class OpenCatalogue(Open):
    def opens(self, scope: Any) -> Any:
        return scope["path"] == "/catalogue"


class Strict(Honest):
    """Checks every path, and every preflight."""

    def __init__(self, keys: ApiKeys, settings: Any) -> None:
        super().__init__(keys, {**settings, "exempt": (), "preflight": "check"})


class Soothing(Honest):
    """Answers in place of a view that fails."""

    async def view(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().view(scope, receive, send)
        except ArithmeticError:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"all is well"})


class Gullible(Honest):
    """Takes the client's word on its address."""

    def asked(self, scope: Any) -> Any:
        said = dict(scope["headers"]).get(b"x-forwarded-for")
        return {**scope, "client": (said.decode(), 1)} if said else scope


class Blind(Honest):
    """Does not see the client's address."""

    def asked(self, scope: Any) -> Any:
        return {**scope, "client": ("127.0.0.1", 1)}


class Vague(Honest):
    """Does not say which method was asked for."""

    def asked(self, scope: Any) -> Any:
        return scope if scope["type"] != "http" else {**scope, "method": "HEAD"}


class Staying(Honest):
    """Keeps the place of every request."""

    def leaving(self, admission: Any) -> None:
        async def stay(_: Any) -> None: ...

        admission.arelease = stay


class Hasty(Honest):
    """Leaves the place of a request as soon as it is let in."""

    async def view(self, scope: Any, receive: Any, send: Any) -> None:
        for release in self.releases:
            await release()
        await super().view(scope, receive, send)

    def leaving(self, admission: Any) -> None:
        self.releases: list[Any] = []
        aadmit = admission.aadmit

        async def admit(*asked: Any, **more: Any) -> Any:
            admitted = await aadmit(*asked, **more)
            self.releases += [partial(admission.arelease, admitted)] * hasattr(admitted, "lease")
            return admitted

        admission.aadmit = admit


class Resentful(Honest):
    """Keeps the place of a request whose view has failed."""

    has_failed = False

    async def view(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().view(scope, receive, send)
        except ArithmeticError:
            self.has_failed = True
            raise

    def leaving(self, admission: Any) -> None:
        release = admission.arelease

        async def leave(admitted: Any) -> None:
            if not self.has_failed:
                await release(admitted)

        admission.arelease = leave


class Harness(IntegrationHarness):
    """Serves an edge."""

    def __init__(self, edge: Callable[[ApiKeys, Any], Honest]) -> None:
        self.edge = edge

    def serve(self, keys: ApiKeys, **settings: Any) -> Any:
        return asgi_server(self.edge(keys, settings))

    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> Any:
        return asgi_server(self.edge(keys, settings), trusts_proxy=True)

    def start_unstated(self, keys: ApiKeys) -> None:
        self.edge(keys, {}).start_unstated()


CASES: list[tuple[type[Honest], str, dict[str, Any]]] = [
    (Lenient, "a_route_without_a_scope_ends_the_start", {}),
    (Wordless, "a_refusal_is_sent_as_it_is", {"refusal": "missing"}),
    (WithoutChallenge, "a_refusal_is_sent_as_it_is", {"refusal": "revoked"}),
    (WithoutPatience, "a_refusal_is_sent_as_it_is", {"refusal": "rate limited"}),
    (WithoutLimits, "a_refusal_is_sent_as_it_is", {"refusal": "quota exceeded"}),
    (Forbidding, "a_refusal_is_sent_as_it_is", {"refusal": "malformed"}),
    (Deaf, "a_refusal_has_the_realm_of_the_settings", {}),
    (WithoutVary, "a_good_key_comes_through", {}),
    (OneScope, "each_route_has_its_scope", {}),
    (OneCost, "each_route_has_its_cost", {}),
    (Twice, "each_route_has_its_cost", {}),
    (Limitless, "each_route_has_its_limit", {}),
    (Twice, "each_route_has_its_limit", {}),
    (Strict, "an_exempt_route_needs_no_key", {}),
    (OpenCatalogue, "an_optional_key_must_be_good", {}),
    (WithoutLimits, "a_key_with_limits_learns_them", {}),
    (WithoutEnd, "a_rotated_key_learns_its_end", {"path": "/stream"}),
    (Strict, "a_preflight_of_a_browser_passes", {}),
    (OpenOptions, "a_preflight_of_a_browser_passes", {}),
    (OpenHead, "head_is_checked_as_get", {}),
    (OpenStream, "an_answer_may_be_streamed", {}),
    (Soothing, "an_error_of_the_view_stays_its_own", {}),
    (OpenError, "an_error_of_the_view_stays_its_own", {}),
    (OpenSocket, "a_web_socket_needs_a_key", {}),
    (Trusting, "a_web_socket_closes_when_its_key_ends", {}),
    (Staying, "a_request_that_is_done_leaves_its_place", {"path": "/stream"}),
    (Staying, "a_handler_that_raised_leaves_its_place", {}),
    (Resentful, "a_handler_that_raised_leaves_its_place", {}),
    (Staying, "a_web_socket_holds_its_place_until_it_ends", {}),
    (Hasty, "a_web_socket_holds_its_place_until_it_ends", {}),
    (Gullible, "a_client_cannot_name_its_own_address", {}),
    (Blind, "a_trusted_proxy_names_the_address", {}),
    (Vague, "a_listener_learns_of_the_request", {}),
    (Deaf, "the_view_does_not_see_a_hidden_key", {"hide": True}),
    (Masking, "the_view_does_not_see_a_hidden_key", {"hide": True}),
]


@contextmanager
def made() -> Generator[World]:
    """The world of one case."""
    store, clock = LosableStore(), FakeClock()
    with ApiKeys(store, peppers=["a pepper of these tests, long"], clock=clock) as keys:
        yield World(keys, store, clock)


class Impatient(IntegrationAcceptance):
    """The list for edges with a fault, for which no waiting helps."""

    patience = 0.1


def played(edge: type[Honest], case: str, given: dict[str, Any]) -> None:
    """Play one case of the list on one edge."""
    suite = IntegrationAcceptance() if edge is Honest else Impatient()
    test: Any = getattr(suite, f"test_{case}")
    names = set(inspect.signature(test).parameters)
    harness = Harness(edge)
    with made() as world:
        fixtures = {"harness": harness, "world": world, **given}
        if "url" in names:
            with harness.serve(world.keys, **SETTINGS) as url:
                test(**{name: each for name, each in {**fixtures, "url": url}.items() if name in names})
        else:
            test(**{name: each for name, each in fixtures.items() if name in names})


@pytest.mark.parametrize(
    ("faulty", "case", "given"), CASES, ids=[f"{case[0].__name__}-{case[1]}" for case in CASES]
)  # fmt: skip
def test_an_edge_that_forgets_something_is_caught(faulty: type[Honest], case: str, given: dict[str, Any]) -> None:
    """By the case that is named for it; an honest edge passes the same case."""
    played(Honest, case, given)
    with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
        played(faulty, case, given)


def test_every_case_catches_a_fault() -> None:
    """No case is without an edge that fails it."""
    cases = {name.removeprefix("test_") for name in dir(IntegrationAcceptance) if name.startswith("test_")}
    assert cases == {case for _, case, _ in CASES}


def test_an_impossible_ability_needs_a_name_and_a_reason() -> None:
    """A misspelled ability would leave a case out unseen; a declared one is left out."""
    for impossible in ({"web socket": "a reason"}, {"websocket": ""}):
        with pytest.raises(TypeError, match="is not an ability, or lacks a reason"):
            type("Wrong", (IntegrationAcceptance,), {"impossible": impossible})
    without = type("Without", (IntegrationAcceptance,), {"impossible": {"websocket": "it has none"}})
    assert vars(without)["test_a_web_socket_needs_a_key"] is None


def test_a_list_without_a_harness_says_so() -> None:
    """The fixture is there to be overridden."""
    fixture: Any = IntegrationAcceptance.harness
    with pytest.raises(NotImplementedError, match="override the fixture"):
        fixture.__wrapped__(IntegrationAcceptance())
