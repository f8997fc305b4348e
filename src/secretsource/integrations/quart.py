"""An extension for Quart that checks the key of a request, or of a web socket, for its route.

    ApiKeyExtension(keys, app, exempt=["/static/*"])

    @app.get("/invoices")
    @require_key("invoices:read")
    async def invoices():
        return {"owner": g.api_key.owner}

It is the extension of Flask on an event loop: see `secretsource.integrations.flask`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from secretsource.integrations._asgi.connection import hide_in
from secretsource.integrations._asgi.socket import serve_while
from secretsource.integrations._shared.framework import framework
from secretsource.integrations._shared.headers import add_headers
from secretsource.integrations._shared.place import Place
from secretsource.integrations._shared.recheck import Recheck, interval
from secretsource.integrations.routes import Stated, check_stated, require_key, stated_view
from secretsource.issuing import NO_SCOPE, Admission, HttpAnswer

with framework("quart"):
    from quart import Response, current_app, g, request, websocket

if TYPE_CHECKING:
    from typing import Unpack

    from quart import Quart

    from secretsource.integrations._asgi.messages import App, Receive, Scope, Send
    from secretsource.issuing import AdmissionSettings, Admitted, ApiKeys, AsyncApiKeys

__all__ = ["ApiKeyExtension", "require_key"]

_IMPLIED = frozenset({"HEAD", "OPTIONS"})  # which Quart adds to the methods of a route
_PLACE, _IS_GOOD = "secretsource.place", "secretsource.is_good"  # in the scope of a connection


class ApiKeyExtension:
    """An extension that checks a key before each view; ``g.api_key`` is its record, or None without a key.

    Args:
        keys: The keys to check with; keys for threads look up in threads of their own.
        app: The application; or call `init_app` later.
        recheck: As for `ApiKeyMiddleware`.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work, or a route states no scope.
        InvalidRequest: The prefix or the environment is malformed.
    """

    def __init__(
        self,
        keys: ApiKeys | AsyncApiKeys,
        app: Quart | None = None,
        *,
        recheck: float = 30.0,
        **settings: Unpack[AdmissionSettings],
    ) -> None:
        self._admission, self._recheck = Admission(keys, scope=None, **settings), interval(recheck)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Quart) -> None:
        """Check the keys of an application's requests, and the routes that it has or registers.

        Args:
            app: The application.

        Raises:
            ConfigurationError: A route states no scope.
        """
        for rule in app.url_map.iter_rules():
            self._check(rule.rule, app.view_functions.get(rule.endpoint), rule.methods)
        register: Any = app.add_url_rule

        def add_url_rule(rule: str, endpoint: Any = None, view_func: Any = None, *args: Any, **options: Any) -> None:
            if view_func is not None:
                self._check(rule, view_func, options.get("methods") or getattr(view_func, "methods", None))
            register(rule, endpoint, view_func, *args, **options)

        # only this object gets it
        app.add_url_rule = add_url_rule  # type: ignore[method-assign]
        app.asgi_app = _leaving(app.asgi_app, self._recheck)  # type: ignore[method-assign]  # as Quart's own pages have it
        app.extensions["secretsource"] = self
        app.before_request(partial(self._admit, request))
        app.before_websocket(partial(self._admit, websocket))
        app.after_request(self._finish)

    def _check(self, rule: str, view: object, methods: Any) -> None:
        for method in {*(methods or ("GET",))} - _IMPLIED:
            check_stated(self._admission, rule, stated_view(view, method))

    async def _admit(self, asked: Any) -> Response | None:
        """Let a request in, or answer it; an unknown path and a method that is not allowed are Quart's to answer."""
        g.api_key = g._secretsource = None
        if asked.url_rule is None:
            return None
        demand, cost, limit = self._statement(asked)
        outcome = await self._admission.aadmit(
            [*asked.headers.items()], asked.remote_addr, asked.method, asked.path, scope=demand, cost=cost, limit=limit
        )
        if isinstance(outcome, HttpAnswer):
            return Response(outcome.body, outcome.status, dict(outcome.headers))
        if outcome.visible is not None:
            asked.headers.clear()
            asked.headers.extend(outcome.visible)
            hide_in(outcome, asked.scope)
        asked.scope[_PLACE].take(self._admission, outcome)
        is_good = asked.scope.get(_IS_GOOD)
        if is_good is not None:
            is_good.begin(self._admission, outcome.record, asked.remote_addr, asked.path, demand)
        g._secretsource, g.api_key = outcome, outcome.record
        return None

    def _statement(self, asked: Any) -> Stated:
        """Return what a view states; for an `OPTIONS` that Quart answers, what it states for another method."""
        view = current_app.view_functions.get(asked.url_rule.endpoint)
        found = stated_view(view, asked.method)
        if found is None and asked.method == "OPTIONS":
            found = stated_view(view, min({*(asked.url_rule.methods or ("GET",))} - _IMPLIED, default="GET"))
        if found is None:
            check_stated(self._admission, asked.url_rule.rule, None)
        return found or Stated(NO_SCOPE)

    async def _finish(self, response: Any) -> Any:
        """Add the headers for the key to the answer of the view."""
        admitted: Admitted | None = g.get("_secretsource")
        if admitted is not None:
            add_headers(admitted, response.headers)
        return response


def _leaving(app: App, recheck: float) -> Any:
    """Return an application whose connections leave their places when they end, and whose keys are checked again."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async with Place() as place:
            scope[_PLACE] = place
            if recheck and scope["type"] == "websocket":
                is_good = scope[_IS_GOOD] = Recheck()
                await serve_while(is_good, recheck, partial(app, scope), receive, send)
            else:
                await app(scope, receive, send)

    return serve
