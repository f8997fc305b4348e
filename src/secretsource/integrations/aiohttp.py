"""A middleware for aiohttp's server that checks the key of a request for its route.

    @require_key("invoices:read")
    async def invoices(request):
        return web.json_response({"owner": request[API_KEY].owner})

    app = web.Application()
    app.router.add_get("/invoices", invoices)
    setup(app, keys)

A refused request is answered as `Admission` says, before the view is called. The application does not start while a
route states no scope. The client's address is ``request.remote``; a middleware that clones the request may change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._shared.headers import add_headers
from secretsource.integrations._shared.place import Place
from secretsource.integrations.routes import Stated, check_stated, methods_of, require_key, stated_view
from secretsource.issuing import NO_SCOPE, Admission, Admitted, HttpAnswer, KeyRecord

if TYPE_CHECKING:
    from typing import Unpack

    from secretsource.issuing import AdmissionSettings, ApiKeys, AsyncApiKeys

__all__ = ["API_KEY", "require_key", "setup"]

# a key takes a class, and this value may be None
API_KEY: web.RequestKey[KeyRecord | None] = web.RequestKey("api_key", object)  # type: ignore[arg-type]
"""The record of the key in a request, or None without a key."""
# the class is known to type checkers alone
_ADMITTED: web.RequestKey[Admitted] = web.RequestKey("secretsource_admitted", object)  # type: ignore[arg-type]


def setup(app: web.Application, keys: ApiKeys | AsyncApiKeys, **settings: Unpack[AdmissionSettings]) -> None:
    """Check the keys of an application's requests; ``request[API_KEY]`` is the record, or None without a key.

    Args:
        app: The application; applications in it are checked with it.
        keys: The keys to check with; keys for threads look up in threads of their own.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The prefix or the environment is malformed.
    """
    admission = Admission(keys, scope=None, **settings)

    async def check(app: web.Application) -> None:
        for route in app.router.routes():
            path = "" if route.resource is None else route.resource.canonical
            for method in methods_of(route.handler):
                is_folder = isinstance(route.resource, web.StaticResource)
                check_stated(admission, f"{path}/" if is_folder else path, stated_view(route.handler, method))

    @web.middleware
    async def guard(request: web.Request, handler: Any) -> web.StreamResponse:
        request[API_KEY] = None
        if request.match_info.http_exception is not None:  # aiohttp's to answer: an unknown path, or a wrong method
            answered: web.StreamResponse = await handler(request)
            return answered
        demand, cost, limit = _statement(admission, request)
        outcome = await admission.aadmit(
            [*request.headers.items()], request.remote, request.method, request.path,
            scope=demand, cost=cost, limit=limit,
        )  # fmt: skip
        if isinstance(outcome, HttpAnswer):
            return web.Response(status=outcome.status, headers=dict(outcome.headers), body=outcome.body)
        if outcome.visible is not None:
            request = request.clone(headers=[(str(name), str(value)) for name, value in outcome.visible])
        request[_ADMITTED], request[API_KEY] = outcome, outcome.record
        async with Place() as place:  # an answer of parts, or a web socket, is over when its view ends
            place.take(admission, outcome)
            response: web.StreamResponse = await handler(request)
        return response

    app.middlewares.append(guard)
    app.on_response_prepare.append(_add_headers)
    app.on_startup.append(check)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    admitted = request.get(_ADMITTED)
    if admitted is not None:
        add_headers(admitted, response.headers)


def _statement(admission: Admission, request: web.Request) -> Stated:
    view = request.match_info.handler
    found = stated_view(view, request.method) or stated_view(view, methods_of(view)[0])
    if found is None and not admission.is_exempt(request.path):
        raise ConfigurationError(f"route {request.path!r:.200} must state a scope: write  @require_key(...)")
    return found or Stated(NO_SCOPE)
