"""The statement of a route, and its check at the start."""

from __future__ import annotations

from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.integrations.routes import Stated, check_stated, methods_of, require_key, stated, stated_view
from secretsource.issuing import NO_SCOPE, Admission, RouteLimit

if TYPE_CHECKING:
    from secretsource.issuing import ApiKeys


@require_key("invoices:read", cost=2)
def view() -> str:
    """A view that states its scope."""
    return "invoices"


class Invoices:
    """A class of views."""

    @require_key("invoices:write")
    def post(self) -> None: ...

    def get(self) -> None: ...


def test_a_statement_stays_on_the_view() -> None:
    """The view is the same function; decorators that wrap it properly pass the statement on."""

    @wraps(view)
    def wrapping() -> str:
        return view()

    assert (view(), stated(view)) == ("invoices", Stated("invoices:read", 2))
    assert stated(wrapping) == stated(None, partial(view), view) == Stated("invoices:read", 2)
    assert stated(len, None, object()) is None
    assert stated() is None


def test_a_statement_without_its_brackets() -> None:
    """The view would take the place of the scope, and the decorator that of the view."""
    with pytest.raises(ConfigurationError, match=r"must have a scope: write  @require_key\("):
        require_key(view)  # type: ignore[arg-type]


def test_a_method_of_a_class_comes_before_the_class() -> None:
    """`HEAD` is answered by `get` where the class has no `head`; a function may be made of the class."""
    kind: Any = require_key(NO_SCOPE)(Invoices)
    assert stated_view(kind, "POST") == Stated("invoices:write")
    for method in ("GET", "HEAD", "DELETE"):
        assert stated_view(kind, method) == Stated(NO_SCOPE)

    def made() -> None: ...

    vars(made)["view_class"] = Invoices
    assert stated_view(made, "POST") == Stated("invoices:write")
    assert stated_view(view, "POST") == Stated("invoices:read", 2)
    assert (methods_of(kind), methods_of(made), methods_of(view)) == (["GET", "POST"], ["GET", "POST"], ["GET"])


def test_head_is_what_get_states() -> None:
    """A class that answers `HEAD` by `get` needs no statement of its own for it."""

    class Half:
        @require_key("invoices:read")
        def get(self) -> None: ...

    assert stated_view(Half, "HEAD") == Stated("invoices:read")
    assert stated_view(Half, "POST") is None


@pytest.mark.parametrize(
    ("scope", "cost", "said"),
    [
        (None, 1, "must state the scope that its keys need: write NO_SCOPE"),
        ("", 1, "cannot be checked: scope '' cannot be demanded"),
        ("invoices:*", 1, "cannot be checked: scope 'invoices:*' cannot be demanded"),
        ([], 1, "cannot be checked: an empty demand"),
        ("invoices:read", -1, "cannot be checked: its cost must be a whole number from 0 to 1000000000, not -1"),
        ("invoices:read", "1", "not '1'"),
    ],
)
def test_a_route_that_cannot_be_checked_is_refused(keys: ApiKeys, scope: Any, cost: Any, said: str) -> None:
    """The error names the route, and what to write."""
    with pytest.raises(ConfigurationError) as caught:
        Admission(keys, scope=None).check_route("/invoices/{number}", scope, cost)
    assert str(caught.value).startswith("route '/invoices/{number}' ")
    assert said in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("route", ["/health", "/static/", "/static/{path:path}", "/static/<path:name>", "/static/.*$"])
def test_an_exempt_route_needs_no_statement(keys: ApiKeys, route: str) -> None:
    """Also one that the framework writes with a placeholder, or as a regular expression."""
    admission = Admission(keys, scope=None, exempt=["/health", "/static/*"])
    check_stated(admission, route, None)
    for scope in ("invoices:read", ["invoices:read", "invoices:pay"], NO_SCOPE):
        check_stated(admission, route, Stated(scope, 0))
    with pytest.raises(ConfigurationError):
        admission.check_route(f"x{route}", None)


@pytest.mark.parametrize("route", ["/", "", "/healthy", "/static", "/{path:path}", "static/x"])
def test_every_other_route_needs_one(keys: ApiKeys, route: str) -> None:
    """A route that only begins like an exempt one is closed."""
    with pytest.raises(ConfigurationError, match="must state the scope"):
        Admission(keys, scope=None, exempt=["/health", "/static/*"]).check_route(route, None)


class Base:
    """A class of views, as of a framework."""

    def get(self) -> None: ...

    def post(self) -> None: ...


def limited(view: Any, method: str = "GET") -> str:
    """The name that the limit of a view is counted under."""
    found = stated_view(view, method)
    assert found is not None
    assert found.limit is not None
    return found.limit.name


def test_each_view_has_a_limit_of_its_own() -> None:
    """Its name is that of the view, the same in every process; classes count by method, and `HEAD` as `GET`."""

    def view() -> None: ...

    made: Any = [type(name, (Base,), {}) for name in ("One", "Two")]
    one, two = map(require_key(NO_SCOPE, limit="10/minute"), made)
    require_key(NO_SCOPE, limit="10/minute")(view)
    assert limited(view) == limited(view, "POST") == f"{__name__}.{view.__qualname__}"
    assert limited(one) == limited(one, "HEAD") == f"{__name__}.One.get"
    assert len({limited(each, method) for each in (one, two) for method in ("GET", "POST")}) == 4
    assert stated(partial(view), view) == Stated(NO_SCOPE, 1, RouteLimit("10/minute", limited(view)))


def test_views_of_one_name_share_a_limit() -> None:
    """As `limit_name` says; it also tells apart what a factory makes."""
    for view in (type("One", (Base,), {}), lambda: None):
        assert limited(require_key(NO_SCOPE, limit="10/minute", limit_name="shared")(view)) == "shared"


def test_a_limit_that_cannot_work_ends_the_start(keys: ApiKeys) -> None:
    """The error names the route, and the form of a limit."""
    marked = require_key(NO_SCOPE, limit="10/min")(partial(view))
    with pytest.raises(ConfigurationError, match=r"route '/exports' cannot be checked: .* must have 1 to 255"):
        check_stated(Admission(keys, scope=None), "/exports", stated(marked))
    with pytest.raises(ConfigurationError, match=r"route '/exports' cannot be checked: rate limit '10/min' is not"):
        check_stated(Admission(keys, scope=None), "/exports", stated(marked, name="exports"))
