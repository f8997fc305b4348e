"""The routes of a FastAPI application: their statements, and the scheme of their keys in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import __version__ as version
from fastapi import routing
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBase
from starlette.routing import BaseRoute

from secretsource.exceptions import ConfigurationError
from secretsource.integrations._shared.statements import joined
from secretsource.integrations.routes import Stated, stated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fastapi import APIRouter, FastAPI

_DOCUMENTATION = "fastapi.applications"
"""The module of the views that show the document of an application."""


class Served(NamedTuple):
    """A route of an application, or a folder of it.

    Attributes:
        path: Its path; that of a folder, such as a mount, ends with a slash.
        view: The function behind it; None for a folder.
        dependant: Its dependencies; None without any.
        app: The application of a mount; None for others.
    """

    path: str
    view: object
    dependant: Any
    app: object = None

    def stated(self, dependency: object) -> Stated | None:
        """Return what the route states, or None if it does not use the dependency or names no scope.

        Args:
            dependency: The dependency that checks keys.
        """
        uses = [*_uses(self.dependant, dependency)]
        own = stated(self.view) or Stated(())
        return joined([own, *[own._replace(scope=scopes) for scopes in uses]]) if uses else None


def served(app: FastAPI) -> Iterator[Served]:
    """Yield each route and each folder of an application, but the pages of its documentation.

    Args:
        app: The application.

    Raises:
        ConfigurationError: This version of FastAPI may serve frontends that are not seen here.
    """
    _check_version()
    contexts: Any = getattr(routing, "iter_route_contexts", iter)
    for route in contexts(app.routes):
        path, view = getattr(route, "path", None) or "", getattr(route, "endpoint", None)
        if view is None:
            yield Served(f"{path}/", None, None, getattr(route, "app", None))
        elif getattr(view, "__module__", None) != _DOCUMENTATION:
            yield Served(path, view, getattr(route, "dependant", None))
    yield from _frontends(app.router)


def lists(router: APIRouter) -> Iterator[Sequence[Any]]:
    """Yield the lists of routes of a router, and of the routers in it.

    Args:
        router: The router.
    """
    for name in _KEPT:
        kept = getattr(router, name)
        yield kept
        for route in kept:
            inner = getattr(route, "original_router", None)
            if inner is not None:
                yield from lists(inner)
            elif isinstance(getattr(route, "routes", None), list):
                yield route.routes


def _frontends(router: APIRouter) -> Iterator[Served]:
    """Yield the folders of frontends, which newer versions of FastAPI serve where no route is found."""
    groups = [each for name in _KEPT[1:] for each in getattr(router, name)]
    for route in router.routes:
        groups += getattr(route, "effective_low_priority_routes", tuple)()
    for each in groups:
        before = getattr(each, "frontend_prefix", "")
        for route in getattr(getattr(each, "original_route", each), "routes", (each,)):
            path: str = getattr(route, "path", "")
            yield Served(f"{before}{path.rstrip('/')}/", None, getattr(each, "dependant", None))


def _kept() -> list[str]:
    """Return the names of the attributes in which a router keeps routes, ``routes`` first."""
    router: Any = routing.APIRouter()
    if hasattr(router, "frontend"):
        router.frontend("/", directory=".", check_dir=False)
    listed = [(name, kept) for name, kept in vars(router).items() if isinstance(kept, list)]
    return ["routes", *[name for name, kept in listed if any(isinstance(each, BaseRoute) for each in kept)]]


_KEPT = _kept()


def _check_version() -> None:
    """Refuse a version of FastAPI that keeps frontends elsewhere, since they would be served without a key."""
    outer: Any = routing.APIRouter()
    inner: Any = routing.APIRouter()
    if not hasattr(inner, "frontend"):
        return
    inner.frontend("/", directory=".", check_dir=False)
    outer.include_router(inner)
    # A router that copies the routes of another has no route of this one, which has none to copy.
    is_followed = not outer.routes or any(each is inner.routes for each in lists(outer))
    if not is_followed or not all(any(_frontends(each)) for each in (inner, outer)):
        raise ConfigurationError(
            f"API keys cannot be checked with FastAPI {version}, which keeps its frontends in a new way: "
            "install an earlier version"
        )


def scheme(place: str) -> HTTPBase | APIKey:
    """Return the security scheme of a place for keys.

    Args:
        place: ``Authorization: Bearer``, ``X-API-Key`` or the like.
    """
    header, _, rest = place.partition(":")
    words = rest.split()
    return (
        HTTPBase(scheme=words[0].lower()) if words else APIKey.model_validate({"in": APIKeyIn.header, "name": header})
    )


def _uses(dependant: Any, dependency: object) -> Iterator[tuple[str, ...]]:
    """Yield the scopes of each use of the dependency below a route."""
    for each in () if dependant is None else dependant.dependencies:
        if each.call is dependency:
            yield (*(each.parent_oauth_scopes or ()), *(each.own_oauth_scopes or ()))
        yield from _uses(each, dependency)
