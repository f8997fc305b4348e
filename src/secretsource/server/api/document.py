"""The management API as one application, with its document (OpenAPI 3.1) and its own answer to every mistake."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.routing import Match

from secretsource import __version__
from secretsource.exceptions import SecretSourceError
from secretsource.server.api import history, in_front, keys, owners, plans, possession, root_keys
from secretsource.server.api.answers.problems import ProblemDocument, Refusal
from secretsource.server.api.life import life
from secretsource.server.api.managed import CUSTOMERS, ROOTS
from secretsource.server.api.possession import SCHEME as KEY_SCHEME
from secretsource.server.api.route import SCHEME as ROOT_SCHEME
from secretsource.server.api.route import answered
from secretsource.server.problems import DEFECT, MEDIA_TYPE, Problem, of_error, of_faults, problem
from secretsource.server.rights import ROOT_SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from secretsource.server.service import Service

__all__ = ["management", "openapi"]

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_ABOUT = f"""Issue API keys, check them, and look after them.

Send a root key as `Authorization: Bearer KEY`, or as `X-API-Key: KEY`. Its scopes say what it may do:
{", ".join(f"`{scope}`" for scope in ROOT_SCOPES)}. A root key may be bound to one owner; then it sees that owner alone,
and everything else looks as if it were not there.

Errors are problem documents (RFC 9457) with a stable `code`. A list goes on with `next` of the page before.
"""
_NAMES_OTHERS = frozenset({"issueKey", "getUsage", "reportLeak", "reportLeaks"})
"""Operations without an id in the path that may be answered 404: for a thing that the caller may not see, or
because they are off."""
_SCHEMES = {
    ROOT_SCHEME: {"type": "http", "scheme": "bearer", "description": "A root key; the list names the scope it needs."},
    KEY_SCHEME: {"type": "http", "scheme": "bearer", "description": "The key of a customer that the request is about."},
    in_front.SIGNATURE_SCHEME: {
        "type": "apiKey",
        "in": "header",
        "name": "Github-Public-Key-Signature",
        "description": "GitHub's signature of the body.",
    },
}
_QUIET: Any = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)
"""The framework tells OpenTelemetry nothing: its spans and logs have paths, queries, addresses and texts of errors."""
_IN_FRONT = (in_front.checks, in_front.gateways, in_front.reports, in_front.health)
"""Operations of bare applications, which are in the document and behind no router."""


def management(service: Service) -> FastAPI:
    """Return the application of the management API.

    Args:
        service: The parts of this process; ``app.state.service`` may be replaced while it runs.
    """
    app = _routed()
    app.state.service = service
    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's manual does
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(SecretSourceError, _failed)
    app.add_exception_handler(Problem, _told)
    app.add_exception_handler(Exception, _defective)
    return app


def _routed() -> FastAPI:
    return FastAPI(
        title="secretsource",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry=_QUIET,
        routes=_routes(),
    )


@cache
def _routes() -> list[BaseRoute]:
    """Return the routes, one list for the process: FastAPI reads them at the first request, in some 60 milliseconds."""
    app = FastAPI(openapi_url=None)
    for routes in (
        keys.routes, life(CUSTOMERS, "keys"), possession.routes, owners.routes, plans.routes, history.routes,
        root_keys.routes, life(ROOTS, "root keys"),
    ):  # fmt: skip
        app.include_router(routes)
    return app.routes


@cache
def openapi() -> dict[str, Any]:
    """Return the document of the API; a process makes it once, which takes a fifth of a second."""
    app = _routed()
    routes = [route for part in (app, *_IN_FRONT) for route in part.routes]
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=routes)
    components = document["components"]
    components["securitySchemes"] = _SCHEMES
    for form in (ProblemDocument, Refusal):
        schema = form.model_json_schema(ref_template="#/components/schemas/{model}")
        components["schemas"].update(schema.pop("$defs", {}))
        components["schemas"][form.__name__] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["responses"] = _shared_refusals(document["paths"])
    return document


def _shared_refusals(paths: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Write each refusal once, and refer to it from every operation; leave out those that an operation never gives."""
    shared: dict[str, Any] = {}
    for path, item in paths.items():
        for operation in item.values():
            responses = operation["responses"]
            for status, response in list(responses.items()):
                if "HTTPValidationError" in str(response):
                    del responses[status]  # what the framework would answer by itself
                if MEDIA_TYPE not in response.get("content", ()):
                    continue
                name = f"{HTTPStatus(int(status)).name.title().replace('_', '')}"
                if shared.setdefault(name, response) == response:
                    responses[status] = {"$ref": f"#/components/responses/{name}"}
            if "requestBody" not in operation:
                for status in ("413", "415"):
                    responses.pop(status, None)
            if "{" not in path and operation["operationId"] not in _NAMES_OTHERS:
                responses.pop("404", None)
    return shared


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answered(of_faults(error.errors()))


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, SecretSourceError)
    return answered(of_error(error, "parameter" if request.method in {"GET", "DELETE"} else "pointer"))


async def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answered(error.answer())


async def _defective(_: Request, __: Exception) -> Response:
    return answered(DEFECT)


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: an unknown path, a wrong method, a body that is not JSON."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answered(problem(404, "not_found", "there is no such path: see /docs"))
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(method for method in _METHODS if _has(request, method))
        detail = f"this path does not have the method: use {allowed}"
        return answered(problem(405, "method_not_allowed", detail, headers=[("Allow", allowed)]))
    return answered(problem(400, "malformed_body", "the body cannot be read: send JSON in UTF-8"))


def _has(request: Request, method: str) -> bool:
    """Return whether the path of a request has a method; the framework names only those of one route."""
    asked = {**request.scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.router.routes)
