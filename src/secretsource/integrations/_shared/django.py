"""The routes of a Django project with what their views state, also through Django REST framework and Django Ninja."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secretsource.integrations._shared.statements import together
from secretsource.integrations.routes import Stated, class_of, methods_of, name_of, stated, stated_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def routes(patterns: Iterable[Any], before: str = "/") -> Iterator[tuple[str, Any]]:
    """Yield each route of a URLconf, as its patterns are written, with its view.

    Args:
        patterns: The patterns.
        before: The route that they are included under.
    """
    for each in patterns:
        route = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from routes(each.url_patterns, route)
        else:
            yield plain(route), each.callback


def plain(pattern: str) -> str:
    """Return a route without the anchors of regular expressions, so that an exempt path may be its exact text.

    Args:
        pattern: The route: the patterns that lead to a view, joined.
    """
    return pattern.replace("/^", "/").removesuffix("$").removesuffix("\\Z")


def answered(view: Any) -> list[str]:
    """Return the HTTP methods that a view answers, as `methods_of` does.

    Args:
        view: The view.
    """
    actions, operations = getattr(view, "actions", None), _operations(view)
    if operations:
        return sorted({method for each in operations for method in each.methods})
    return [method.upper() for method in actions if method != "head"] if actions else methods_of(view)


def stated_by(view: Any, method: str) -> Stated | None:
    """Return what a view states for an HTTP method.

    An operation of Django Ninja may state it. So may permission classes of Django REST framework: all of those in force
    hold together, and with the statement of the method itself.

    Args:
        view: The view.
        method: The HTTP method.
    """
    operations = [each.view_func for each in _operations(view) if method in each.methods]
    if operations:
        return stated(*operations)
    kind, given, actions = class_of(view), getattr(view, "initkwargs", {}), getattr(view, "actions", None) or {}
    name = method.lower()
    action = actions.get(name) or (actions.get("get") if name == "head" else None)
    place = "" if kind is None else name_of(view, action or method)
    permissions = given.get("permission_classes", getattr(kind, "permission_classes", ()))
    asked = [stated(each, name=place) for each in _all_of(permissions)]
    own = stated(getattr(kind, action or "", None))
    if own is None and not ("permission_classes" in given and any(asked)):
        own = stated_view(view, method)
    return together(own, *asked)


def _all_of(permissions: Iterable[Any]) -> Iterator[Any]:
    """Yield the permission classes that must all hold, also those on both sides of an ``&``."""
    for each in permissions:
        if getattr(getattr(each, "operator_class", None), "__name__", "") == "AND":
            yield from _all_of((each.op1_class, each.op2_class))
        else:
            yield each


def _operations(view: Any) -> list[Any]:
    """Return the operations of a view of Django Ninja, whose owner its function encloses; up to 1.3 it is a method."""
    enclosed = [cell.cell_contents for cell in getattr(view, "__closure__", None) or ()]
    found = [getattr(owner, "operations", None) for owner in (getattr(view, "__self__", None), *enclosed)]
    listed = [each for operations in found if isinstance(operations, list) for each in operations]
    return [each for each in listed if hasattr(each, "view_func")]
