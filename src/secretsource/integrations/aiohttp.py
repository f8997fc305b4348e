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

from asyncio import Task, create_task, sleep
from functools import partial
from typing import TYPE_CHECKING, Any

from secretsource.integrations._shared.framework import framework
from secretsource.integrations._shared.headers import add_headers
from secretsource.integrations._shared.place import Place
from secretsource.integrations._shared.recheck import ENDED, REASON, Recheck, interval
from secretsource.integrations.routes import Stated, check_stated, methods_of, require_key, stated_view
from secretsource.issuing import NO_SCOPE, Admission, Admitted, HttpAnswer, KeyRecord

with framework("aiohttp"):
    from aiohttp import web

if TYPE_CHECKING:
    from typing import Unpack

    from secretsource.issuing import AdmissionSettings, ApiKeys, AsyncApiKeys, Demand

__all__ = ["API_KEY", "require_key", "setup"]

# a key takes a class, and this value may be None
API_KEY: web.RequestKey[KeyRecord | None] = web.RequestKey("api_key", object)  # type: ignore[arg-type]
"""The record of the key in a request, or None without a key."""
# the class is known to type checkers alone
_ADMITTED: web.RequestKey[Admitted] = web.RequestKey("secretsource_admitted", object)  # type: ignore[arg-type]
# a key takes a class, and a demand is a union
_DEMAND: web.RequestKey[Demand] = web.RequestKey("secretsource_demand", object)  # type: ignore[arg-type]
_WATCH: web.RequestKey[Task[None]] = web.RequestKey("secretsource_watch", Task)


def setup(
    app: web.Application,
    keys: ApiKeys | AsyncApiKeys,
    *,
    recheck: float = 30.0,
    **settings: Unpack[AdmissionSettings],
) -> None:
    """Check the keys of an application's requests; ``request[API_KEY]`` is the record, or None without a key.

    Args:
        app: The application; applications in it are checked with it.
        keys: The keys to check with; keys for threads look up in threads of their own.
        recheck: As for `ApiKeyMiddleware`.
        settings: See `AdmissionSettings`.

    Raises:
        ConfigurationError: A setting cannot work.
        InvalidRequest: The prefix or the environment is malformed.
    """
    admission = Admission(keys, scope=None, **settings)

    async def check(app: web.Application) -> None:
        for route in app.router.routes():
            for method in methods_of(route.handler):
                check_stated(admission, _route(route), stated_view(route.handler, method))

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
        request[_ADMITTED], request[API_KEY], request[_DEMAND] = outcome, outcome.record, demand
        async with Place() as place:  # an answer of parts, or a web socket, is over when its view ends
            place.take(admission, outcome)
            return await _answered(request, handler)

    app.middlewares.append(guard)
    app.on_response_prepare.append(partial(_prepare, admission, interval(recheck)))
    app.on_startup.append(check)


async def _answered(request: web.Request, handler: Any) -> web.StreamResponse:
    """Return the answer of a view with the headers for the key, also one that it raises.

    The server prepares an answer for the request as it came, which another middleware may have cloned.
    """
    admitted = request[_ADMITTED]
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as raised:
        add_headers(admitted, raised.headers)
        raise
    else:
        if not response.prepared:
            add_headers(admitted, response.headers)
        return response
    finally:
        del request[_ADMITTED]
        if _WATCH in request:
            request[_WATCH].cancel()


async def _prepare(admission: Admission, every: float, request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers for the key to an answer that a view sends itself, and watch over a web socket."""
    admitted = request.get(_ADMITTED)
    if admitted is not None:
        add_headers(admitted, response.headers)
        if every and isinstance(response, web.WebSocketResponse):
            is_good = Recheck()
            is_good.begin(admission, admitted.record, request.remote, request.path, request[_DEMAND])
            request[_WATCH] = create_task(_watch(response, is_good, every))


async def _watch(socket: web.WebSocketResponse, is_good: Recheck, every: float) -> None:
    """Close a web socket when its key has ended."""
    await sleep(every)
    while await is_good():
        await sleep(every)
    await socket.close(code=ENDED, message=REASON.encode())


def _route(route: web.AbstractRoute) -> str:
    """Return a route as it is written; that of a folder of files ends with a slash."""
    path = "" if route.resource is None else route.resource.canonical
    return f"{path}/" if isinstance(route.resource, web.StaticResource) else path


def _statement(admission: Admission, request: web.Request) -> Stated:
    view = request.match_info.handler
    found = stated_view(view, request.method) or stated_view(view, methods_of(view)[0])
    if found is None:
        check_stated(admission, _route(request.match_info.route), None)
    return found or Stated(NO_SCOPE)
