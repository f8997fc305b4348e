"""The extension of Flask, by the acceptance list and in its own idiom."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from flask import Blueprint, Flask, Response, g, jsonify, request
from flask.views import MethodView
from tests.integrations.gunicorn_server import gunicorn_command, gunicorn_server
from werkzeug.middleware.proxy_fix import ProxyFix

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.flask import ApiKeyExtension, require_key
from secretsource.issuing import ApiKeys
from secretsource.testing import IntegrationAcceptance, IntegrationHarness
from secretsource.testing._integrations.cases import ask, bearer
from secretsource.testing.integration_harness import ACCEPTANCE_ROUTES, READ, broken, shown, streamed
from secretsource.testing.wsgi_server import wsgi_server

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from secretsource.testing.integration_harness import AcceptanceRoute


def view_of(route: AcceptanceRoute) -> Any:
    """The view of a route of the acceptance list."""

    def view() -> Response:
        answer = jsonify(shown(g.api_key, request.headers.items()))
        if route.answers == "broken":
            broken()
        if route.answers == "streamed":
            answer = Response(streamed())
        answer.headers["X-View"] = "yes"
        return answer

    return view if route.scope is None else require_key(route.scope, cost=route.cost, limit=route.limit)(view)


def application(keys: ApiKeys, **settings: Any) -> Flask:
    """The application of the acceptance list; half of its routes are those of a blueprint."""
    app, blueprint = Flask(__name__, static_folder=None), Blueprint("half", __name__)
    ApiKeyExtension(keys, app, **settings)
    for number, route in enumerate(ACCEPTANCE_ROUTES):
        (app, blueprint)[number % 2].add_url_rule(route.path, str(number), view_of(route), methods=route.methods)
    app.register_blueprint(blueprint)
    return app


class Harness(IntegrationHarness):
    """Builds the routes with the extension, behind a server for WSGI."""

    def __init__(self, server: Any) -> None:
        self.server = server

    @contextmanager
    def serve(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with self.server(application(keys, **settings)) as url:
            yield url

    @contextmanager
    def serve_behind_proxy(self, keys: ApiKeys, **settings: Any) -> Generator[str]:
        with self.server(ProxyFix(application(keys, **settings))) as url:
            yield url

    def start_unstated(self, keys: ApiKeys) -> None:
        application(keys, exempt=["/health"]).add_url_rule("/forgotten", view_func=lambda: "open")


class TestFlask(IntegrationAcceptance):
    """The acceptance list."""

    impossible = {"websocket": "Flask has none"}

    @pytest.fixture(params=[wsgi_server, gunicorn_server], ids=["waitress", "gunicorn"])
    def harness(self, request: pytest.FixtureRequest) -> Harness:
        return Harness(request.param)


FORKED = """
import os
from flask import Flask, g
from secretsource.integrations.flask import ApiKeyExtension, require_key
from secretsource.issuing import NO_SCOPE, ApiKeys

keys = ApiKeys.open("sqlite:///keys.db", ttl=0.2, flush_every=0.1)
app = Flask(__name__, static_folder=None)
ApiKeyExtension(keys, app)
keys.check(None, scope=NO_SCOPE)

@app.get("/invoices")
@require_key("invoices:read")
def invoices():
    return {"owner": g.api_key.owner, "worker": os.getpid()}
"""


def test_workers_of_gunicorn_are_forked_from_a_process_with_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``--preload``, each worker checks keys, and none accepts a key that was revoked elsewhere."""
    monkeypatch.setenv("SECRETSOURCE_PEPPER", "a pepper of the tests, long enough")
    (tmp_path / "shop.py").write_text(FORKED)
    with ApiKeys.open(f"sqlite:///{tmp_path}/keys.db") as keys:
        issued = keys.issue(owner="acme", scopes=[READ])
        with gunicorn_command(tmp_path, "--workers", "2", "--threads", "2", "--preload", "shop:app") as url:
            workers: set[int] = set()
            until = time.monotonic() + 30
            while len(workers) < 2 and time.monotonic() < until:
                answer = ask(url, "/invoices", headers=bearer(issued.plaintext))
                assert answer.status == 200
                workers.add(answer.shown["worker"])
            assert len(workers) == 2
            keys.revoke(issued.record.key_id)
            refusals = 0
            while refusals < 10 and time.monotonic() < until:
                is_refused = ask(url, "/invoices", headers=bearer(issued.plaintext)).status == 401
                refusals = refusals + 1 if is_refused else 0
            assert refusals == 10


def test_the_error_of_a_forgotten_route_says_where(keys: ApiKeys) -> None:
    """Of the application and of a blueprint, by whatever way; also of one that was there before the extension."""
    app = Flask(__name__)
    with pytest.raises(ConfigurationError, match="'/static/<path:filename>' must state the scope"):
        ApiKeyExtension(keys, app)
    extension = ApiKeyExtension(keys, exempt=["/static/*"])
    extension.init_app(app)
    assert app.extensions["secretsource"] is extension
    blueprint = Blueprint("shop", __name__, url_prefix="/shop")
    blueprint.get("/open")(lambda: "open")
    with pytest.raises(ConfigurationError, match="'/shop/open' must state the scope"):
        app.register_blueprint(blueprint)


class Invoices(MethodView):
    """A class of views."""

    @require_key(READ)
    def get(self) -> str:
        return str(g.api_key.owner)

    @require_key("invoices:write", cost=2)
    def post(self) -> str:
        return "written"


class Forgotten(MethodView):
    """A class of views with a method that states no scope."""

    @require_key(READ)
    def get(self) -> str:
        return "stated"

    def delete(self) -> str:
        return "open"


def test_each_method_of_a_class_states_its_scope(keys: ApiKeys) -> None:
    """And a method without one is refused, unless the class has one for all."""
    app = Flask(__name__, static_folder=None)
    ApiKeyExtension(keys, app)
    app.add_url_rule("/invoices", view_func=Invoices.as_view("invoices"))
    client, key = app.test_client(), bearer(keys.issue(owner="acme", scopes=[READ]).plaintext)
    assert client.get("/invoices", headers=key).text == "acme"
    assert client.head("/invoices", headers=key).status_code == 200
    assert client.post("/invoices", headers=key).status_code == 403
    assert (client.options("/invoices", headers=key).status_code, client.options("/invoices").status_code) == (200, 401)
    with pytest.raises(ConfigurationError, match="'/forgotten' must state the scope"):
        app.add_url_rule("/forgotten", view_func=Forgotten.as_view("forgotten"))


def test_a_view_that_is_found_late_is_closed(keys: ApiKeys) -> None:
    """A rule whose view is named later, without a statement, is an error and not an open door."""
    app = Flask(__name__, static_folder=None)
    app.testing = True
    ApiKeyExtension(keys, app)
    app.add_url_rule("/late", endpoint="late")
    app.endpoint("late")(lambda: "open")
    with pytest.raises(ConfigurationError, match="'/late' must state the scope"):
        app.test_client().get("/late", headers=bearer(keys.issue(owner="acme").plaintext))


def test_an_unknown_path_and_a_wrong_method_are_answered_by_flask(keys: ApiKeys) -> None:
    """They reach no view, so they need no key."""
    app = Flask(__name__, static_folder=None)
    ApiKeyExtension(keys, app)
    app.get("/invoices")(require_key(READ)(lambda: "invoices"))
    assert (app.test_client().get("/nowhere").status_code, app.test_client().post("/invoices").status_code) == (
        404,
        405,
    )


def test_an_answer_keeps_its_own_headers(keys: ApiKeys) -> None:
    """`Vary` grows, a list of limits is joined, and the end of a rotated key replaces the view's own."""
    app = Flask(__name__, static_folder=None)
    ApiKeyExtension(keys, app)
    own = [("Vary", "Accept"), ("Vary", "Origin"), ("RateLimit", '"own";r=1;t=1'), ("Sunset", "never")]
    app.get("/invoices")(require_key(READ)(lambda: Response("ok", headers=own)))
    old = keys.issue(owner="acme", scopes=[READ], rate_limit="10/minute")
    keys.rotate(old.record.key_id, overlap=3600)
    headers = app.test_client().get("/invoices", headers=bearer(old.plaintext)).headers
    assert headers["Vary"] == "Accept, Origin, Authorization"
    assert headers["RateLimit"] == '"own";r=1;t=1, "minute";r=9;t=6'
    assert (len(headers.getlist("Sunset")), headers["Sunset"] == "never") == (1, False)


def test_an_exempt_folder_asks_for_a_key_where_its_path_is_odd(keys: ApiKeys) -> None:
    """A path that a reader could take for another one is not exempt, and is no fault of the application."""
    app = Flask("pages", static_folder=None)
    ApiKeyExtension(keys, app, exempt=["/pages/*"])
    app.add_url_rule("/pages/<path:rest>", view_func=lambda rest: rest)
    statuses = [(app.test_client().get(f"/pages/{each}")).status_code for each in ("one", "a%00b", "one%3btwo")]
    assert statuses == [200, 401, 401]
