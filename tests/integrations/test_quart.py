"""The extension of Quart, by the acceptance list."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from quart import Blueprint, Quart, Response, g, jsonify, request, websocket

from secretsource.exceptions import ConfigurationError
from secretsource.integrations import quart as edge
from secretsource.integrations.quart import ApiKeyExtension, require_key
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.asgi_server import asgi_server
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, broken, shown, streamed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from secretsource.issuing import ApiKeys
    from secretsource.testing.integration_harness import AcceptanceRoute


def view_of(route: AcceptanceRoute) -> Any:
    """The view of a route of the acceptance list."""

    async def parts() -> AsyncIterator[bytes]:
        for part in streamed():
            yield part

    async def view() -> Response:
        answer = jsonify(shown(g.api_key, request.headers.items()))
        if route.answers == "broken":
            broken()
        if route.answers == "streamed":
            answer = Response(parts())
        answer.headers["X-View"] = "yes"
        return answer

    return view if route.scope is None else require_key(route.scope, cost=route.cost, limit=route.limit)(view)


@require_key(READ)
async def echo() -> None:
    """A web socket that says back what it hears."""
    while True:
        await websocket.send(await websocket.receive())


def application(keys: ApiKeys, **settings: Any) -> Quart:
    """The application of the acceptance list; half of its routes are those of a blueprint."""
    app, blueprint = Quart(__name__, static_folder=None), Blueprint("half", __name__)
    ApiKeyExtension(keys, app, **settings)
    for number, route in enumerate(ACCEPTANCE_ROUTES):
        (app, blueprint)[number % 2].add_url_rule(route.path, str(number), view_of(route), methods=[*route.methods])
    app.websocket("/socket")(echo)
    app.register_blueprint(blueprint)
    return app


class Harness(IntegrationHarness):
    """Builds the routes with the extension, behind uvicorn."""

    @contextmanager
    def serve(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with asgi_server(application(keys, **settings)) as url:
            yield url

    @contextmanager
    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with asgi_server(application(keys, **settings), trusts_proxy=True) as url:
            yield url

    def start_unstated(self, keys: ApiKeys) -> None:
        application(keys, exempt=["/health"]).get("/forgotten")(view_of(ACCEPTANCE_ROUTES[-1]))


class TestQuart(IntegrationAcceptance):
    """The acceptance list."""

    @pytest.fixture
    def harness(self) -> Harness:
        return Harness()


async def test_a_folder_of_files_and_a_late_view_are_closed(keys: ApiKeys) -> None:
    """As with the extension of Flask: the folder must be exempt, and a view that is named later is an error."""
    with pytest.raises(ConfigurationError, match="'/static/<path:filename>' must state the scope"):
        ApiKeyExtension(keys, Quart(__name__))
    app = Quart(__name__)
    extension = ApiKeyExtension(keys, exempt=["/static/*"])
    extension.init_app(app)
    app.add_url_rule("/late", endpoint="late")
    app.endpoint("late")(view_of(ACCEPTANCE_ROUTES[-1]))
    assert (await app.test_client().get("/late")).status_code == 500
    assert (await app.test_client().get("/nowhere")).status_code == 404


async def test_an_exempt_folder_asks_for_a_key_where_its_path_is_odd(keys: ApiKeys) -> None:
    """A path that a reader could take for another one is not exempt, and is no fault of the application."""
    app = Quart("pages", static_folder=None)
    ApiKeyExtension(keys, app, exempt=["/pages/*"])
    app.add_url_rule("/pages/<path:rest>", view_func=asked_for)
    statuses = [(await app.test_client().get(f"/pages/{each}")).status_code for each in ("one", "a%00b", "one%3btwo")]
    assert statuses == [200, 401, 401]


async def test_a_hidden_key_is_not_in_the_scope_either(keys: ApiKeys) -> None:
    """Which an application can read, and a tracer does; nor is that of a web socket in its subprotocols."""
    app, seen = Quart("hiding", static_folder=None), list[str]()
    places = ["Authorization: Bearer", "Sec-WebSocket-Protocol: bearer"]
    ApiKeyExtension(keys, app, hide=True, credentials=places)

    async def look() -> str:
        seen.append(repr([request.scope["headers"], [*request.headers.items()]]))
        return ""

    async def look_through_socket() -> None:
        await websocket.accept(subprotocol="chat")
        seen.append(repr([websocket.scope, [*websocket.headers.items()], websocket.requested_subprotocols]))

    app.add_url_rule("/", view_func=require_key(READ)(look))
    app.websocket("/socket")(require_key(READ)(look_through_socket))
    key, client = keys.issue(owner="acme", scopes=[READ]).plaintext, app.test_client()
    assert (await client.get("/", headers={"Authorization": f"Bearer {key}"})).status_code == 200
    listed = ["chat", "bearer", key]
    async with client.websocket("/socket", headers={"Sec-WebSocket-Protocol": ", ".join(listed)}, subprotocols=listed):
        pass
    assert len(seen) == 2
    assert not any(key in each for each in seen)


async def asked_for(rest: str) -> str:
    """A view that answers with its path."""
    return rest


def test_only_a_socket_is_checked_again(keys: ApiKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain request makes no question that nobody asks."""
    made: list[str] = []
    monkeypatch.setattr(edge, "Recheck", lambda: made.append("one"))
    key = keys.issue(owner="acme", scopes=[READ]).plaintext
    with asgi_server(application(keys, exempt=["/health"])) as url:
        assert ask(url, "/invoices", headers=bearer(key)).status == 200
    assert made == []
