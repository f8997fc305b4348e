"""An extension for Flask that checks the key of a request for its route.

    api_keys = ApiKeyExtension(keys, app, exempt=["/static/*"])

    @app.get("/invoices")
    @require_key("invoices:read")
    def invoices():
        return {"owner": g.api_key.owner}

A refused request is answered as `Admission` says, before the view is called. A route that states no scope is refused
when it is registered, also by a blueprint. Behind a proxy, use werkzeug's ``ProxyFix``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from secretsource.integrations._shared.framework import framework
from secretsource.integrations._shared.headers import add_headers, hide, of_environ
from secretsource.integrations.routes import Stated, check_stated, require_key, stated_view
from secretsource.issuing import NO_SCOPE, Admission, HttpAnswer

with framework("flask"):
    from flask import Response, current_app, g, request

if TYPE_CHECKING:
    from typing import Unpack

    from flask import Flask
    from werkzeug.routing import Rule

    from secretsource.issuing import AdmissionSettings, Admitted, ApiKeys

__all__ = ["ApiKeyExtension", "require_key"]

_ALL = ("GET",)
_IMPLIED = frozenset({"HEAD", "OPTIONS"})
"""Methods that Flask adds to those of a route."""


class ApiKeyExtension:
    """An extension that checks a key before each view; ``g.api_key`` is its record, or None without a key.

    Args:
        keys: The keys to check with.
        app: The application; or call `init_app` later.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work, or a route states no scope.
        InvalidRequest: The prefix or the environment is malformed.
    """

    def __init__(self, keys: ApiKeys, app: Flask | None = None, **settings: Unpack[AdmissionSettings]) -> None:
        self._admission = Admission(keys, scope=None, **settings)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Check the keys of an application's requests, and the routes that it has or registers.

        Args:
            app: The application.

        Raises:
            ConfigurationError: A route states no scope.
        """
        for rule in app.url_map.iter_rules():
            self._check(rule.rule, app.view_functions.get(rule.endpoint), rule.methods)
        register: Any = app.add_url_rule

        def add_url_rule(
            rule: str, endpoint: str | None = None, view_func: Any = None, *args: Any, **options: Any
        ) -> None:
            if view_func is not None:
                self._check(rule, view_func, options.get("methods") or getattr(view_func, "methods", None))
            register(rule, endpoint, view_func, *args, **options)

        app.add_url_rule = add_url_rule  # type: ignore[method-assign]  # to see each rule as it is added
        app.extensions["secretsource"] = self
        app.before_request(self._admit)
        app.after_request(self._finish)
        app.teardown_request(self._release)

    def _check(self, rule: str, view: object, methods: Any) -> None:
        for method in {*(methods or _ALL)} - _IMPLIED:
            check_stated(self._admission, rule, stated_view(view, method))

    def _admit(self) -> Response | None:
        """Let a request in, or answer it; an unknown path and a method that is not allowed are Flask's to answer."""
        g.api_key = g._secretsource = g._secretsource_held = None
        rule = request.url_rule
        if rule is None:
            return None
        environ, path = request.environ, request.root_path + request.path
        demand, cost, limit = self._statement(rule)
        outcome = self._admission.admit(
            of_environ(environ),
            request.remote_addr,
            request.method,
            path,
            root_path=request.root_path,
            scope=demand,
            cost=cost,
            limit=limit,
        )
        if isinstance(outcome, HttpAnswer):
            return Response(outcome.body, outcome.status, list(outcome.headers))
        hide(outcome, environ)
        g._secretsource, g.api_key = outcome, outcome.record
        g._secretsource_held = None if outcome.lease is None else outcome
        return None

    def _statement(self, rule: Rule) -> Stated:
        """Return what a view states; for an `OPTIONS` that Flask answers, what it states for another method."""
        view = current_app.view_functions.get(rule.endpoint)
        found = stated_view(view, request.method)
        if found is None and request.method == "OPTIONS":
            found = stated_view(view, min({*(rule.methods or _ALL)} - _IMPLIED, default="GET"))
        if found is None:
            check_stated(self._admission, rule.rule, None)
        return found or Stated(NO_SCOPE)

    def _finish(self, response: Response) -> Response:
        """Add the headers for the key to the answer of the view; an answer in parts holds its place until its end."""
        admitted: Admitted | None = g.get("_secretsource")
        if admitted is not None:
            add_headers(admitted, response.headers)
            if admitted.lease is not None and response.is_streamed and not response.direct_passthrough:
                g._secretsource_held = None
                response.call_on_close(partial(self._admission.release, admitted))
        return response

    def _release(self, _: BaseException | None) -> None:
        """Release the place of a request whose view has ended, in whatever way."""
        held: Admitted | None = g.pop("_secretsource_held", None)
        if held is not None:
            self._admission.release(held)
