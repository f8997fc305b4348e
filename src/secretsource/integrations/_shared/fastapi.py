"""The routes of a FastAPI application: their statements, and the scheme of their keys in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import routing
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBase

from secretsource.integrations.routes import Stated, stated
from secretsource.issuing import NO_SCOPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fastapi import FastAPI


def stated_routes(app: FastAPI, dependency: object) -> Iterator[tuple[Any, Stated | None]]:
    """Yield each route of an application but its documentation, with what it states where it uses the dependency.

    Args:
        app: The application.
        dependency: The dependency that checks keys.
    """
    documentation = {app.openapi_url, app.docs_url, app.redoc_url, app.swagger_ui_oauth2_redirect_url}
    contexts: Any = getattr(routing, "iter_route_contexts", iter)
    for route in contexts(app.routes):
        if route.path not in documentation:
            uses = [*_uses(getattr(route, "dependant", None), dependency)]
            own = stated(getattr(route, "endpoint", None)) or Stated(())
            yield route, joined([own, *[own._replace(scope=scopes) for scopes in uses]]) if uses else None


def joined(several: Iterable[Stated]) -> Stated | None:
    """Return the demand of several statements together, or None where none names a scope.

    Args:
        several: The statements, at least one; the largest cost counts, and the first limit.
    """
    listed = [*several]
    named = [each.scope for each in listed if each.scope is not NO_SCOPE]
    scopes = [scope for each in named for scope in ([each] if isinstance(each, str) else each)]
    cost, limit = max(each.cost for each in listed), next((each.limit for each in listed if each.limit), None)
    if scopes:
        needed = tuple(dict.fromkeys(scopes))
        return Stated(needed[0] if len(needed) == 1 else needed, cost, limit)  # one scope is decided at a glance
    return Stated(NO_SCOPE, cost, limit) if len(named) < len(listed) else None


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
