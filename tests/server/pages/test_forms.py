"""Forms and their safety by themselves: what is read, which cookie is set, and which headers are sent."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from secretsource.server.pages.forms import Form, read_form
from secretsource.server.pages.guard import CookieForm, cookie_form, form_token, is_from_here, matches, page_headers

FORM = "application/x-www-form-urlencoded"


def test_a_form_has_values_words_and_mistakes() -> None:
    """The last of several values is the text; blanks do not count, and the first mistake stays."""
    form = Form([("a", " 1 "), ("a", " 2 "), ("a", "  "), ("b", "x, y\nz")])
    assert (form.text("a"), form.text("b"), form.text("c"), form.text("c", " d ")) == ("", "x, y\nz", "", "d")
    assert (form.texts("a"), form.texts("c")) == (["1", "2"], [])
    assert (form.lines("b"), form.lines("c")) == (["x", "y", "z"], [])
    assert (form.has("a"), form.has("c")) == (True, False)
    form.wrong("a", "first")
    form.wrong("a", "second")
    assert form.errors == {"a": "first"}


@pytest.mark.parametrize(
    ("sent", "field", "place"),
    [
        ({"name": "", "ends": "30"}, "name", "name"),
        ({"name": "", "ends": "30"}, "expires_at", "ends"),
        ({"days": "30"}, "expires_in", "days"),
        ({"expires_at": "x", "ends": "30"}, "expires_at", "expires_at"),
        ({"name": ""}, "scopes", ""),
        ({"name": ""}, "", ""),
    ],
)
def test_a_mistake_has_a_place_in_the_form(sent: dict[str, str], field: str, place: str) -> None:
    """That of the field which the browser sent; the whole form if it sent none for it."""
    assert Form(sent.items()).place_of(field) == place


@pytest.mark.parametrize(
    ("body", "media_type", "is_read"),
    [
        (b"a=1&b=", FORM, True),
        (b"a=1&b=", f" {FORM.upper()} ; charset=utf-8", True),
        (b"", FORM, True),
        (b"a=1", "text/plain", False),
        (b"a=1", "", False),
        (b"a=%ff", FORM, False),
        (b"a=\xc3\xa9", FORM, False),
        (b"a=" + b"x" * 32_766, FORM, True),
        (b"a=" + b"x" * 32_767, FORM, False),
        (urlencode([("a", "1")] * 200).encode(), FORM, True),
        (urlencode([("a", "1")] * 201).encode(), FORM, False),
    ],
)
def test_a_form_is_read_within_bounds(body: bytes, media_type: str, is_read: bool) -> None:
    """32 KiB and 200 fields, in ASCII, of the one media type."""
    assert (read_form(body, media_type) is not None) is is_read


def test_an_empty_field_is_a_field() -> None:
    """So that a choice can be cleared."""
    form = read_form(b"a=1&b=", FORM)
    assert form is not None
    assert (form.text("a"), form.has("b"), form.text("b")) == ("1", True, "")


@pytest.mark.parametrize(
    ("scheme", "host", "expected"),
    [
        ("http", "127.0.0.1:8811", CookieForm("portal", secure=False)),
        ("http", "[::1]", CookieForm("portal", secure=False)),
        ("https", "localhost", CookieForm("__Host-portal", secure=True)),
        ("http", "keys.acme.example", CookieForm("__Host-portal", secure=True)),
        ("http", "[::1", CookieForm("__Host-portal", secure=True)),
    ],
)
def test_a_cookie_is_plain_on_this_machine_alone(scheme: str, host: str, expected: CookieForm) -> None:
    """Elsewhere its name binds it to the host and to TLS."""
    assert cookie_form("portal", scheme, host) == expected


def test_a_cookie_lasts_as_long_as_it_says() -> None:
    """Until the browser ends, unless a life is given."""
    flags = "Path=/; HttpOnly; SameSite=Lax"
    assert CookieForm("p", secure=False).header("v") == f"p=v; {flags}"
    assert CookieForm("p", secure=True).header("v", life=60.9) == f"p=v; {flags}; Secure; Max-Age=60"
    assert CookieForm("p", secure=False).header("", life=0) == f"p=; {flags}; Max-Age=0"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://a:1", "host": "a:1"}, False),
        ({"origin": "http://a:1", "host": "a:1"}, True),
        ({"origin": "http://a:2", "host": "a:1"}, False),
        ({"origin": "null", "host": "a:1"}, False),
        ({"origin": "http://[::1", "host": "a:1"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://", "host": ""}, False),
        ({"host": "a:1"}, False),
        ({}, False),
    ],
)
def test_a_page_of_ours_is_known_by_what_the_browser_says(headers: dict[str, str], expected: bool) -> None:
    """`Sec-Fetch-Site` counts before `Origin`."""
    assert is_from_here(headers) is expected


def test_a_token_is_of_one_cookie_and_one_holder() -> None:
    """Another one of either has another token."""
    tokens = {form_token(cookie, holder) for cookie in "ab" for holder in ("", "acme")}
    assert len(tokens) == 4
    assert all(len(each) == 64 for each in tokens)
    assert matches("é", "é")
    assert not matches(form_token("a", ""), form_token("b", ""))


def test_a_page_is_framed_nowhere_unless_it_is_said() -> None:
    """The older header says the same, where it can."""
    alone, framed = page_headers(()), page_headers(["https://a.example", "https://b.example"])
    assert alone["Content-Security-Policy"].endswith("; frame-ancestors 'none'")
    assert alone["X-Frame-Options"] == "DENY"
    assert framed["Content-Security-Policy"].endswith("; frame-ancestors https://a.example https://b.example")
    assert "X-Frame-Options" not in framed
    assert framed["Cache-Control"] == "no-store"
