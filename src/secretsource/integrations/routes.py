"""The statement of a route: the scope that its keys need, the cost of a request, and the limit of each key there.

    @app.get("/invoices")
    @require_key("invoices:read")
    def invoices(): ...

It stays on the view itself. An edge reads it with `stated`, and refuses a route without one when the application
starts; see `Admission.check_route`. So a route that you forget is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import RouteLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from secretsource.issuing import Admission, Demand

    View = TypeVar("View")

__all__ = ["Stated", "check_stated", "require_key", "stated"]

_MARK = "__secretsource_stated__"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")


class Stated(NamedTuple):
    """The statement of a route.

    Attributes:
        scope: The scope that a key needs, several that are all needed, or `NO_SCOPE`.
        cost: The amount that a request draws from the limits, 0 to 10**9.
        limit: The limit that each key has on the route, beside its own and its owner's; None without any.
    """

    scope: Demand
    cost: int = 1
    limit: RouteLimit | None = None


def require_key(
    scope: Demand, *, cost: int = 1, limit: str | None = None, limit_name: str = ""
) -> Callable[[View], View]:
    """Return a decorator that states what a view needs; the view itself stays as it is.

    Put it next to the function, below the decorators of the framework. On a class of views, it holds for each method
    that has no statement of its own.

    Args:
        scope: The scope that a key needs, several that are all needed, or `NO_SCOPE` for any good key.
        cost: The amount that a request draws from the limits, 0 to 10**9.
        limit: The limit that each key has on the route, such as ``10/minute``, as of `KeyRequest` ``rate_limit``. It is
            drawn together with the limits of the key and its owner: from all of them, or from none.
        limit_name: The name that the limit is counted under, up to 255 characters; that of the view when left out.
            Views of one name share the limit.

    Raises:
        ConfigurationError: It stands without its brackets, so that the view takes the place of the scope.
    """
    if callable(scope):
        raise ConfigurationError('require_key must have a scope: write  @require_key("invoices:read")')
    statement = Stated(scope, cost, None if limit is None else RouteLimit(limit, limit_name))

    def mark(view: View) -> View:
        setattr(view, _MARK, statement)
        return view

    return mark


def stated(*views: object, name: str = "") -> Stated | None:
    """Return the statement of the first of several views that has one, or None.

    Args:
        views: A function, a method or a class of views; the most specific first.
        name: The name of a limit that has none; that of the first view when left out.
    """
    for view in views:
        statement = getattr(view, _MARK, None)
        if isinstance(statement, Stated):
            limit = statement.limit
            if limit is None or limit.name:
                return statement
            return statement._replace(limit=limit._replace(name=name or _name(views)))
    return None


def check_stated(admission: Admission, route: str, statement: Stated | None) -> None:
    """Check at start-up what a route states; see `Admission.check_route`.

    Args:
        admission: The admission of the edge.
        route: The route as the framework writes it.
        statement: Its statement, or None.

    Raises:
        ConfigurationError: The route is not exempt, and states no scope, or a malformed one.
    """
    scope, cost, limit = (None, 1, None) if statement is None else statement
    admission.check_route(route, scope, cost, limit)


def stated_view(view: object, method: str) -> Stated | None:
    """Return what a view states for an HTTP method: a function, a class of views, or a function made of such a class.

    Args:
        view: The view.
        method: The HTTP method; ``HEAD`` is answered by ``get`` where a class has no ``head``.
    """
    kind = class_of(view)
    answers = None if kind is None else getattr(kind, method.lower(), None)
    if answers is None and kind is not None and method == "HEAD":
        answers = getattr(kind, "get", None)
    return stated(answers, kind, view, name=name_of(view, method))


def name_of(view: object, method: str) -> str:
    """Return the name that a limit of a view is counted under for an HTTP method; ``HEAD`` counts as ``GET``.

    Args:
        view: The view.
        method: The HTTP method, or the name of a method of a class of views.
    """
    kind = class_of(view)
    return _name((view,)) if kind is None else f"{_name((kind,))}.{'get' if method == 'HEAD' else method.lower()}"


def methods_of(view: object) -> list[str]:
    """Return the HTTP methods of a class of views, but `HEAD` and `OPTIONS`; ``GET`` stands for all of a function.

    Args:
        view: The view.
    """
    kind = class_of(view)
    return [method for method in _METHODS if kind is not None and hasattr(kind, method.lower())] or ["GET"]


def class_of(view: object) -> type | None:
    """Return the class of views that a view is, or is made of; None for a plain function.

    Args:
        view: The view.
    """
    kind: object = view if isinstance(view, type) else getattr(view, "cls", None) or getattr(view, "view_class", None)
    return kind if isinstance(kind, type) else None


def _name(views: Iterable[Any]) -> str:
    """Return the name of the first view that has one: its module, and its place there."""
    return next((f"{each.__module__}.{each.__qualname__}" for each in views if hasattr(each, "__qualname__")), "")
