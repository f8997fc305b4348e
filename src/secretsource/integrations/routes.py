"""The statement of a route: the scope that its keys need, and the cost of a request. It stays on the view itself.

    @app.get("/invoices")
    @require_key("invoices:read")
    def invoices(): ...

An edge reads it with `stated`, and refuses a route without one when the application starts; see
`Admission.check_route`. So a route that you forget is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing import Admission, Demand

    View = TypeVar("View")

__all__ = ["Stated", "check_stated", "require_key", "stated"]

_MARK = "__secretsource_stated__"


class Stated(NamedTuple):
    """The statement of a route.

    Attributes:
        scope: The scope that a key needs, several that are all needed, or `NO_SCOPE`.
        cost: The amount that a request draws from the key's limits, 0 to 10**9.
    """

    scope: Demand
    cost: int = 1


def require_key(scope: Demand, *, cost: int = 1) -> Callable[[View], View]:
    """Return a decorator that states what a view needs; the view itself stays as it is.

    Put it next to the function, below the decorators of the framework. On a class of views, it holds for each method
    that has no statement of its own.

    Args:
        scope: The scope that a key needs, several that are all needed, or `NO_SCOPE` for any good key.
        cost: The amount that a request draws from the key's limits, 0 to 10**9.
    """
    statement = Stated(scope, cost)

    def mark(view: View) -> View:
        setattr(view, _MARK, statement)
        return view

    return mark


def stated(*views: object) -> Stated | None:
    """Return the statement of the first of several views that has one, or None.

    Args:
        views: A function, a method or a class of views; the most specific first.
    """
    for view in views:
        statement = getattr(view, _MARK, None)
        if isinstance(statement, Stated):
            return statement
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
    scope, cost = (None, 1) if statement is None else statement
    admission.check_route(route, scope, cost)


def stated_by_class(kind: type | None, method: str) -> tuple[object, ...]:
    """Return the method of a class of views that answers an HTTP method, and the class; for `stated`.

    Args:
        kind: The class, or None for a plain function.
        method: The HTTP method; ``HEAD`` is answered by ``get`` where the class has no ``head``.
    """
    if kind is None:
        return ()
    name = method.lower()
    answers = getattr(kind, name, None) or (getattr(kind, "get", None) if name == "head" else None)
    return (answers, kind)
