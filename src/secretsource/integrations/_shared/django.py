"""The routes of a Django project with what their views state, also through Django REST framework and Django Ninja."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        route = before + str(each.pattern).removeprefix("^")
        if hasattr(each, "url_patterns"):
            yield from routes(each.url_patterns, route)
        else:
            yield route, each.callback


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

    A permission class of Django REST framework may state it, and so may an operation of Django Ninja.

    Args:
        view: The view.
        method: The HTTP method.
    """
    kind, settings, actions = class_of(view), getattr(view, "initkwargs", {}), getattr(view, "actions", None) or {}
    name = method.lower()
    action = actions.get(name) or (actions.get("get") if name == "head" else None)
    place = "" if kind is None else name_of(view, action or method)
    return (
        stated(*[each.view_func for each in _operations(view) if method in each.methods])
        or stated(getattr(kind, action or "", None), *settings.get("permission_classes", ()), name=place)
        or stated_view(view, method)
        or stated(*getattr(kind, "permission_classes", ()), name=place)
    )


def _operations(view: Any) -> list[Any]:
    """Return the operations of a view of Django Ninja, whose owner its function encloses; up to 1.3 it is a method."""
    enclosed = [cell.cell_contents for cell in getattr(view, "__closure__", None) or ()]
    found = [getattr(owner, "operations", None) for owner in (getattr(view, "__self__", None), *enclosed)]
    listed = [each for operations in found if isinstance(operations, list) for each in operations]
    return [each for each in listed if hasattr(each, "view_func")]
