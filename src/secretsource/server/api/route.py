"""A route that root keys open: it lets the caller in before anything of the body is read.

The scope of a route stands in the document of the API, as its ``security``, and is enforced from there. So the document
cannot say anything else than the service does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response

from secretsource.issuing import HttpAnswer
from secretsource.server.api import convertors
from secretsource.server.api.answers.problems import ProblemDocument
from secretsource.server.connections.ambiguity import check_names, read_body
from secretsource.server.gateway.peers import client_address
from secretsource.server.problems import MEDIA_TYPE, Fault, Problem
from secretsource.server.rights import RootCaller
from secretsource.server.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping

__all__ = [
    "Caller",
    "RootRoute",
    "Serving",
    "StrictRoute",
    "answered",
    "on",
    "peer_of",
    "problems",
    "refusals",
    "router",
]

SCHEME = "rootKey"
IF_MATCH = "if-match"
convertors.register()  # before the first path is read
_MEANINGS = {
    400: "The request is malformed, or a value in it cannot be.",
    401: "No root key was sent, or it is not accepted.",
    403: "The root key does not have the scope.",
    404: "There is no such thing, or the root key may not see it.",
    409: "The present state does not allow it.",
    412: "It has changed since you read it.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not `application/json`.",
    422: "A field is wrong; `errors` lists each one.",
    429: "The root key has used up its rate or quota.",
    431: "The headers are larger than 16 KiB.",
    503: "The store cannot answer now: try again later.",
}
_IGNORED = frozenset({"if-none-match", "if-modified-since", "if-unmodified-since"})
"""Conditions that no operation looks at: a change that must not be made would be made."""
_SENT_ONCE = frozenset({"content-type", "idempotency-key", IF_MATCH})
_ALWAYS = (400, 401, 403, 404, 413, 415, 422, 429, 431, 503)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the refusals of a route, for the document.

    Args:
        statuses: Statuses beside those that every route has.
    """
    return refusals(ProblemDocument, {status: _MEANINGS[status] for status in sorted({*_ALWAYS, *statuses})})


def refusals(form: type[BaseModel], meanings: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return refusals in one form, for the document.

    Args:
        form: The form of each.
        meanings: The meaning of each status.
    """
    schema = {"schema": {"$ref": f"#/components/schemas/{form.__name__}"}}
    return {status: {"description": meaning, "content": {MEDIA_TYPE: schema}} for status, meaning in meanings.items()}


def _needs(*scopes: str) -> dict[str, Any]:
    """Return the demand of a route, for the document and for the route itself."""
    return {"security": [{SCHEME: list(scopes)}]}


def on(
    routes: APIRouter,
    method: str,
    path: str,
    name: str,
    form: type[BaseModel],
    scope: str | tuple[str, ...],
    *refusals: int,
    status: int = 200,
    more: dict[int | str, dict[str, Any]] | None = None,
) -> Callable[[Any], Any]:
    """Return a decorator for the function of one operation.

    Args:
        routes: The router.
        method: The method of HTTP.
        path: The pattern of the path.
        name: The name of the operation.
        form: The form of its answer.
        scope: The scope that a root key needs, or several that it needs all.
        refusals: Statuses of refusals that not every operation has.
        status: The status of its answer.
        more: Other good answers.
    """
    return routes.api_route(
        path,
        methods=[method],
        operation_id=name,
        status_code=status,
        response_model=form,
        responses={**problems(*refusals), **(more or {})},
        openapi_extra=_needs(*([scope] if isinstance(scope, str) else scope)),
    )


class _StrictRequest(Request):
    """A request whose body is decoded once, and read in one way only."""

    async def json(self) -> Any:
        """Return the document of the body, or None without a body.

        A body that is not JSON in UTF-8, such as a form that a browser sends, is refused, and so is one with a field
        twice. The framework's own reader takes UTF-16, a byte order mark and lone surrogates, too.

        Raises:
            Problem: The body is refused.
        """
        if not hasattr(self, "_document"):
            body = await self.body()
            sent = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if sent != "application/json" and body:
                detail = "the body must be JSON: send  Content-Type: application/json"
                raise Problem(415, "unsupported_media_type", detail)
            self._document = _document(body) if body else None
        return self._document


class StrictRoute(APIRoute):
    """A route that reads a request in one way only: what is ambiguous, or not in the document, is refused."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that answers a request."""
        answer = super().get_route_handler()
        compares = self.methods == {"GET"} or any(each.alias == IF_MATCH for each in self.dependant.header_params)
        known = _parameters(self)

        async def read(sent: Request) -> Response:
            request = _StrictRequest(sent.scope, sent.receive)
            _check_headers(request, compares)
            _check_parameters(request, known)
            await request.json()
            return await answer(request)

        return read


class RootRoute(StrictRoute):
    """A route that root keys with its scope open."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that answers a request."""
        answer = super().get_route_handler()
        scopes: list[str] = (self.openapi_extra or {})["security"][0][SCHEME]

        async def let_in(request: Request) -> Response:
            caller = await _service(request).root.authenticate(request.scope["headers"], peer_of(request), scopes)
            if isinstance(caller, HttpAnswer):
                return answered(caller)
            request.state.caller = caller
            return await answer(request)

        return let_in


def _parameters(route: APIRoute) -> frozenset[str] | None:
    """Return the parameters of a route; None if they are the fields of a model, which refuses the others itself."""
    fields = route.dependant.query_params
    kinds = [each.field_info.annotation for each in fields]
    if any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds):
        return None
    return frozenset(each.alias for each in fields)


def answered(answer: HttpAnswer) -> Response:
    """Return an answer as the framework sends it."""
    return Response(answer.body, answer.status, dict(answer.headers))


def peer_of(request: Request) -> str | None:
    """Return the address of the client of a request."""
    peer = None if request.client is None else request.client.host
    return client_address(request.scope["headers"], peer, _service(request).settings.trusted_proxies)


def _check_headers(request: Request, compares: bool) -> None:
    """Refuse a header that is given twice, and a condition that this route does not look at."""
    sent = [name.decode("latin-1") for name, _ in request.scope["headers"]]
    check_names([name for name in sent if name in _SENT_ONCE], "header")
    ignored = _IGNORED if request.method != "GET" else frozenset()
    found = next((name for name in sent if name in ignored or (name == IF_MATCH and not compares)), None)
    if found is not None:
        detail = "this operation does not look at it: leave the header out"
        raise Problem(422, "invalid_request", f"{found} is wrong: {detail}", fault=Fault("header", found, detail))


def _check_parameters(request: Request, known: Collection[str] | None) -> None:
    """Refuse a parameter that is given twice, and one that is not in the document."""
    sent = [name for name, _ in request.query_params.multi_items()]
    check_names(sent, "parameter")
    unknown = next((name[:100] for name in sent if known is not None and name not in known), None)
    if unknown is not None:
        detail = "this operation has no such parameter: leave it out"
        fault = Fault("parameter", unknown, detail)
        raise Problem(422, "invalid_request", f"{unknown} is wrong: {detail}", fault=fault)


def _document(body: bytes) -> Any:
    try:
        return read_body(body)
    except (ValueError, RecursionError):
        pass
    raise Problem(400, "malformed_body", "the body cannot be read: send JSON in UTF-8, without a byte order mark")


def router(tag: str) -> APIRouter:
    """Return a router for routes that root keys open."""
    return APIRouter(route_class=RootRoute, tags=[tag], responses=problems())


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _serving(request: Request) -> Service:  # a plain function would be called in a thread
    return _service(request)


async def _caller(request: Request) -> RootCaller:
    caller: RootCaller = request.state.caller
    return caller


Serving = Annotated[Service, Depends(_serving)]
Caller = Annotated[RootCaller, Depends(_caller)]
