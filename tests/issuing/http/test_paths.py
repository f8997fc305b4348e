"""Which paths need no key: those that are plainly one of them, for every reader."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.issuing._http.paths import Paths, routed

PATHS = Paths(["/health", "/static/*", "/static/open/*", "/"], "exempt")


@pytest.mark.parametrize(
    "path",
    ["/", "/health", "/static/", "/static/a.css", "/static/css/a.css", "/static/css/", "/static/a..b/..c/d..",
     "/static/naïve.png", "/static/日本語/図.png", "/static/a b.txt", "/static/x=1&y,z", "/static/open/a"],
)  # fmt: skip
def test_plain_paths_need_no_key(path: str) -> None:
    """Exact ones, and all that is below a folder."""
    assert PATHS.has(path)


@pytest.mark.parametrize(
    "dots", ["..", ".", "...", "", " ..", ".. ", " ", ". .", "．．", "․․", "‥", "…", ".\u200b.", "..\u00ad"]
)
@pytest.mark.parametrize("below", ["/static/{}/admin", "/static/a/{}/b", "/static/{}/"])
def test_a_segment_of_dots_needs_a_key(dots: str, below: str) -> None:
    """However it is spelt, for some reader goes up there."""
    assert not PATHS.has(below.format(dots))


@pytest.mark.parametrize(
    "sign",
    [
        *"\\;%?#",
        "\t",
        "\n",
        "\0",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
        "\ud800",
        "／",
        "＼",
        "；",
        "％",
        "？",
        "＃",
        "﹨",
    ],
    ids=ascii,
)
def test_what_some_reader_takes_for_a_sign_needs_a_key(sign: str) -> None:
    """A backslash, an escape, a parameter, a control; also as a look-alike that is folded."""
    for path in (f"/static/..{sign}admin", f"/static/a{sign}", f"/static/{sign}", f"/static/a/{sign}../../admin"):
        assert not PATHS.has(path)


@pytest.mark.parametrize(
    "path", ["", "health", "/healthy", "/health/", "//health", "/HEALTH", "/static", "/staticx", "/x/static/a"]
)
def test_other_paths_need_a_key(path: str) -> None:
    """Nothing is near enough."""
    assert not PATHS.has(path)


@pytest.mark.parametrize("path", ["", "health", "*", "/*", "/a*", "/*/b", "/a/*/*"])
def test_a_path_that_may_be_misread_is_refused_at_the_start(path: str) -> None:
    """Nothing exempts all paths."""
    with pytest.raises(ConfigurationError, match="optional path"):
        Paths([path], "optional")
    text: Any = "/health"
    with pytest.raises(ConfigurationError, match="one text"):
        Paths(text, "optional")


@pytest.mark.parametrize(
    ("path", "root_path", "expected"),
    [
        ("/health", "", "/health"),
        ("/api/health", "/api", "/health"),
        ("/api/health", "/api/", "/health"),
        ("/api", "/api", ""),
        ("/health", "/api", "/health"),
        ("/apihealth", "/api", "/apihealth"),
        ("/api/v1/api/health", "/api/v1", "/api/health"),
        ("/health", "/", "/health"),
    ],
)
def test_a_path_is_routed_without_what_it_is_mounted_under(path: str, root_path: str, expected: str) -> None:
    """As frameworks do, whether or not the server has put it before the path."""
    assert routed(path, root_path) == expected


def test_a_route_is_covered_by_its_own_text_or_below_a_folder() -> None:
    """A route may hold signs that a path may not, because it is written by the application."""
    paths = Paths(["/health", "/static/*"], "exempt")
    assert [paths.covers(route) for route in ("/health", "/static/", "/static/<path:x>", "/static/(?P<x>.*)$")] == [
        True
    ] * 4
    assert [paths.covers(route) for route in ("/", "/health/", "/static", "/{any}", "")] == [False] * 5


def test_a_set_of_paths_is_true_when_it_has_any() -> None:
    """Exact paths, folders, or both."""
    assert [bool(Paths(paths, "exempt")) for paths in ([], ["/a"], ["/a/*"], ["/a", "/b/*"])] == [
        False,
        True,
        True,
        True,
    ]


def test_each_folder_counts() -> None:
    """A path that is below one of several folders is in the set, whatever the others say of it."""
    paths = Paths(["/a/*", "/a/b/*"], "exempt")
    assert paths.has("/a/b/c")
    assert paths.has("/a/c")


def test_the_nearer_folder_counts_too() -> None:
    """A sign in the folder's own name was written by you, and not by a client."""
    assert Paths(["/a/*", "/a/;x/*"], "exempt").has("/a/;x/c")
