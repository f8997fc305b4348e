"""Routes: a request needs what its application will do with it, however its path is written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import NO_SCOPE
from secretsource.server.gateway.routes import Misfit, Need, Routes
from secretsource.server.settings import Route

ROUTES = Routes(
    [
        Route("GET", "/orders", "read"),
        Route("GET", "/orders/*", "read"),
        Route("POST", "/orders/{id}:cancel", ("read", "write"), 3),
        Route("*", "/orders/*", "write"),
        Route("*", "/admin", "admin"),
        Route("*", "/admin/*", "admin"),
        Route("*", "/files/{name}", NO_SCOPE, 0),
    ]
)
OPEN = Routes([Route("*", "/admin/*", "admin")], NO_SCOPE)


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "/orders", Need("read")),
        ("GET", "/orders/", Need("read")),
        ("HEAD", "/orders/7", Need("read")),
        ("GET", "/orders/7/lines/2", Need("read")),
        ("DELETE", "/orders/7", Need("write")),
        ("POST", "/orders/7:cancel", Need(("read", "write"), 3)),
        ("POST", "/orders/7:cancel/8", Need("write")),
        ("PURGE", "/admin/x", Need("admin")),
        ("GET", "/files/a.pdf", Need(NO_SCOPE, 0)),
        ("GET", "/files/a%20b%40c.pdf", Need(NO_SCOPE, 0)),
        ("GET", "/files/%C3%BC", Need(NO_SCOPE, 0)),
        ("GET", "/files/..a", Need(NO_SCOPE, 0)),
    ],
)
def test_the_first_route_decides(method: str, path: str, need: Need) -> None:
    """By method and path; a wildcard takes all below, a name one segment."""
    assert ROUTES.find(method, path) == need


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/files"), ("GET", "/files/a/b"), ("DELETE", "/orders"), ("GET", "/ordersx/7")],
)
def test_a_request_without_a_route_is_refused(method: str, path: str) -> None:
    """Unless a default scope is set."""
    assert ROUTES.find(method, path) is Misfit.NO_ROUTE
    routes = [Route("GET", "/orders/7", "read")]
    assert Routes(routes, "any").find(method, path) == Need("any")
    assert Routes(routes, NO_SCOPE).find(method, path) == Need(NO_SCOPE)


@pytest.mark.parametrize(
    "path",
    [
        "//admin/x", "/x//admin", "/x/../admin/x", "/x/%2e%2e/admin/x", "/x/.%2E/admin/x", "/x/./admin", "/x/.../y",
        "/admin;x=1/y", "/x;/../admin", "/x%3b/y", "/x%2fadmin", "/%2Fadmin/x", "/x%5c..%5cadmin", "\\admin",
        "/x%252e/y", "/x%3Fy", "/x%23y", "/x%00", "/x%0a", "/x%7f", "/x%", "/x%2", "/x%zz", "/x y", "/x\ty", "/ü",
        "/x%ff", "/%c0%af", "/%EF%BC%8Fadmin/x", "/%EF%BC%8E%EF%BC%8E/admin", "/x/%E2%80%A5/y", "/x#y", "/x?y", "",
        "*", "admin/x", "http://shop.example/admin/x", "/x/%20/y", "/x/ /y", "/x[y]", "/" + "a" * 8192,
    ],
)  # fmt: skip
def test_a_path_that_some_reader_divides_otherwise_is_refused(path: str) -> None:
    """Empty segments, dots, parameters, escapes of signs, second escapes, look-alikes, broken UTF-8."""
    assert OPEN.find("GET", path) is Misfit.AMBIGUOUS_PATH


@pytest.mark.parametrize(
    "path",
    ["/Admin/x", "/ADMIN/x", "/adm%69n/x", "/%61dmin/x", "/admin", "/admin./x", "/admin%20/x", "/%EF%BD%81dmin/x"],
)  # fmt: skip
def test_a_path_that_reaches_another_route_for_some_reader_is_refused(path: str) -> None:
    """A reader may ignore case, decode what needs no escape, or drop dots and blanks at the end of a segment."""
    assert OPEN.find("GET", path) is Misfit.AMBIGUOUS_PATH
    assert Routes([], "any").find("GET", path) == Need("any"), "where all readers need the same, it may pass"


def test_an_application_that_decodes_and_heeds_case_is_one_reader() -> None:
    """It serves the second route, which neither the path as sent nor the path in small letters reaches."""
    routes = Routes([Route("*", "/x/b", "weak"), Route("*", "/x/B", "strong"), Route("*", "/x/{name}", "weak")])
    assert routes.find("GET", "/x/%42") is Misfit.AMBIGUOUS_PATH
    assert routes.find("GET", "/x/c") == Need("weak")


@pytest.mark.parametrize("method", ["get", "GET ", "", "G\u00c4T", "GET\r\nX", "A" * 33])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    """A framework might take it for another one."""
    assert OPEN.find(method, "/x") is Misfit.AMBIGUOUS_PATH


_PIECES = st.sampled_from(
    [
        "/",
        "admin",
        "ADMIN",
        "x",
        ".",
        "..",
        ";",
        "%2f",
        "%2e",
        "%61",
        "%C3%BC",
        "%",
        " ",
        "\\",
        "{",
        "%25",
        "?",
        "~",
        "*",
    ]
)


_ANY = st.lists(_PIECES, max_size=8).map("".join)
_NEAR = st.tuples(
    st.sampled_from(["", "/", "./", "x/../", "x/%2e%2e/", "%2e/", "x/..\\", "x;/../", "x/%252e%252e/"]),
    st.sampled_from(["admin", "ADMIN", "%61dmin", "%41dmin", "%2561dmin"]),
    st.sampled_from(["/", "%2f", "\\", "%252f", ";/", " /", "./"]),
    st.sampled_from(["", "x", "x/../y"]) | _ANY,
).map("".join)
"""Paths that some application takes for one in the guarded folder."""


@given((_NEAR | _ANY).map("/".__add__))
def test_no_path_reaches_the_guarded_folder_by_a_weaker_need(path: str) -> None:
    """An application that decodes, ignores case and resolves dots in any order never serves it to another need."""
    from posixpath import normpath
    from urllib.parse import unquote

    found = OPEN.find("GET", path)
    once, twice = unquote(path), unquote(unquote(path))
    for seen in {path, once, twice, once.partition(";")[0], once.replace("\\", "/")}:
        for resolved in {seen, normpath(seen.replace("//", "/"))}:
            if resolved.lower().lstrip("/").startswith("admin/"):
                assert found in {Need("admin"), Misfit.AMBIGUOUS_PATH}


@pytest.mark.parametrize(
    "path",
    ["", "orders", "/a//b", "/a b", "/{id}{name}", "/{id}-{name}", "/*/a", "/a*", "/a;b", "/a%20b", "/{Id}", "/ü"],
)
def test_a_path_of_a_route_has_one_form(path: str) -> None:
    """The sentence names the route."""
    with pytest.raises(ConfigurationError, match="the path of route 2 must be like"):
        Routes([Route("*", "/a", "x"), Route("*", path, "x")])


def test_a_method_and_a_scope_of_a_route_have_one_form() -> None:
    """The sentence names the route, or the default scope."""
    with pytest.raises(ConfigurationError, match="the method of route 1 must be in capitals"):
        Routes([Route("get", "/a", "x")])
    wrong: Any = "a:*"
    with pytest.raises(ConfigurationError, match=r"the scope of route 1 cannot be used: .*'a:\*'"):
        Routes([Route("GET", "/a", wrong)])
    with pytest.raises(ConfigurationError, match="default_scope cannot be used"):
        Routes([], ())


def test_one_scope_in_a_list_is_one_scope() -> None:
    """So that it is found in memory as others are."""
    assert Routes([Route("*", "/a", ["x"])]).find("GET", "/a") == Need("x")


def test_a_path_has_a_longest() -> None:
    """What is longer than a line of a request may be is refused; a thousand answers are kept."""
    assert OPEN.find("GET", "/" + "x" * 8191) == Need(NO_SCOPE)
    assert OPEN.find("GET", "/" + "x" * 8192) is Misfit.AMBIGUOUS_PATH
    assert OPEN.find.cache_parameters()["maxsize"] == 1024


def test_a_root_alone_is_a_path() -> None:
    """And a wildcard at the root takes everything."""
    assert Routes([Route("*", "/", "x")]).find("GET", "/") == Need("x")
    assert Routes([Route("*", "/*", "x")]).find("GET", "/a/b") == Need("x")
