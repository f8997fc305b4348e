"""The pages as one ASGI application: the routes of all views, behind the guard.

Customers are served below ``/portal``, operators below ``/operator``, and the files of the pages below ``/static``.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from secretsource.exceptions import KeyNotFound, OwnerNotFound, PlanNotFound, SecretSourceError, StoreError
from secretsource.server.api import convertors
from secretsource.server.pages.customer import VIEWS as CUSTOMER_VIEWS
from secretsource.server.pages.entry import Cookies
from secretsource.server.pages.forms import LARGEST_FORM, TOKEN, read_form
from secretsource.server.pages.guard import SAFE_METHODS, is_from_here, matches
from secretsource.server.pages.looks.reader import check_reading
from secretsource.server.pages.operator import VIEWS as OPERATOR_VIEWS
from secretsource.server.pages.sessions import NOBODY, Role, Session, Sessions
from secretsource.server.pages.static_files import static_files
from secretsource.server.pages.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Sequence

    from starlette.requests import Request

    from secretsource.server.pages.entry import Entry
    from secretsource.server.pages.view import View
    from secretsource.server.service import ASGIApp, Service
    from secretsource.server.settings import PagesSettings

__all__ = ["PLACES", "VIEWS", "pages", "served"]

PLACES = ("/portal", "/operator", "/static/")
"""The beginnings of the paths of the pages."""
VIEWS: tuple[View, ...] = (*CUSTOMER_VIEWS, *OPERATOR_VIEWS)
"""The routes of all pages."""
_FILE_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""A logo that is opened by itself runs nothing."""


def pages(service: Service, settings: PagesSettings) -> ASGIApp:
    """Return the application of the pages.

    Args:
        service: The parts of this process.
        settings: The settings of the pages.
    """
    sessions = Sessions(service.keys, settings)
    return served(service, settings, Cookies(sessions), VIEWS)


def served(service: Service, settings: PagesSettings, entry: Entry, views: Sequence[View]) -> ASGIApp:
    """Return the application of some views.

    Args:
        service: The parts of this process.
        settings: The settings of the pages.
        entry: The way in.
        views: The views.

    Raises:
        ConfigurationError: A setting of the pages cannot work.
    """
    convertors.register()
    check_reading(settings.language, settings.zone)
    sessions = Sessions(service.keys, settings)

    def open_visit(request: Request) -> Visit:
        return Visit(service, sessions, settings, request)

    routes = [_route(view, entry, open_visit) for view in views]
    routes.append(Route("/static/{name}", _files(settings), name="getStatic"))
    missing = _missing(open_visit, frozenset(view.path for view in views if view.method in SAFE_METHODS))
    app = Starlette(routes=routes, exception_handlers={HTTPException: missing, Exception: _defective(open_visit)})
    app.router.redirect_slashes = False  # it would name the scheme behind the gateway, and send none of our headers
    return app


def _route(view: View, entry: Entry, open_visit: Callable[[Request], Visit]) -> Route:
    """Return the route of a view."""

    async def answer(request: Request) -> Response:
        visit = open_visit(request)
        try:
            return await _answered(view, entry, visit)
        except SecretSourceError as error:
            return _failed(visit, error)

    route = Route(view.path, answer, methods=[view.method], name=view.name)
    route.operation_id = view.name  # type: ignore[attr-defined]  # the log and the figures read it, as of the API
    return route


async def _answered(view: View, entry: Entry, visit: Visit) -> Response:
    """Answer a visit, if the guard and the session allow it."""
    if view.role is Role.NOBODY:
        visit.session = Session(Role.NOBODY, cookie=visit.cookie(Role.NOBODY))
    else:
        visit.may_sign_out = view.role in entry.doors
        visit.session = await entry.session(visit, view.role) or NOBODY
    if view.method not in SAFE_METHODS:
        refused = await _guarded(visit)
        if refused is not None:
            return refused
    if visit.session.role is not view.role:
        door = entry.doors.get(view.role)
        return visit.page("customer/signed-out.html", 401) if door is None else visit.go(door)
    return await view.answer(visit)


async def _guarded(visit: Visit) -> Response | None:
    """Read the form of a visit; return a page instead if it does not come from a page of ours."""
    if not is_from_here(visit.request.headers):
        return visit.page("refused.html", 403, why="place")
    form = read_form(await _body(visit.request), visit.request.headers.get("content-type", ""))
    if form is None:
        return visit.page("refused.html", 400, why="form")
    if not visit.session.cookie or not matches(form.text(TOKEN), visit.session.form_token):
        return visit.page("refused.html", 403, why="token")
    visit.form = form
    return None


async def _body(request: Request) -> bytes:
    """Return the body, or one byte too many of it."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            break
    return body


def _failed(visit: Visit, error: SecretSourceError) -> Response:
    """Answer with a page that says what failed, and what to do next."""
    if isinstance(error, (KeyNotFound, OwnerNotFound, PlanNotFound)):
        return visit.page("missing.html", 404)
    if isinstance(error, StoreError):
        return visit.page("failed.html", 503, why="store", message="")
    return visit.page("failed.html", 400, why="request", message=visit.reader.refusal(error))


def _defective(open_visit: Callable[[Request], Visit]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the answer to an error that nobody expected; it shows nothing of the error, which is logged."""

    async def answer(request: Request, _: Exception) -> Response:
        return open_visit(request).page("failed.html", 500, why="defect", message="")

    return answer


def _missing(
    open_visit: Callable[[Request], Visit], paths: Container[str]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the answer to a path, or a method, that no view has; a page with a slash too many is found yet."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        visit = open_visit(request)
        meant = visit.path.rstrip("/")
        if error.status_code == HTTPStatus.NOT_FOUND and meant in paths:
            query = request.url.query
            return visit.go(f"{meant}?{query}" if query else meant)
        visit.session = NOBODY
        response = visit.page("missing.html", error.status_code)
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = _methods(request)
        return response

    return answer


def _methods(request: Request) -> str:
    """Return the methods that a path has; each is a route of its own."""
    found = [route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in found for method in route.methods}))


def _files(settings: PagesSettings) -> Callable[[Request], Awaitable[Response]]:
    """Return the answer to the path of a file."""
    served = {each.name: each for each in static_files(settings.accent, settings.logo).values()}

    async def answer(request: Request) -> Response:
        found = served.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return Response(found.body, media_type=found.media_type, headers=_FILE_HEADERS)

    return answer
