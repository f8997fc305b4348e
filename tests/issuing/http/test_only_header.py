"""The short way to a key: of a request with a single header for keys, in the usual form."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.issuing._http.credential import Places, first

KEY = "sk_live_key"
BEARER = ("Authorization", f"Bearer {KEY}")
LONGEST = "x" * 512


@pytest.mark.parametrize(
    ("credentials", "headers", "header"),
    [
        (Places(), [BEARER], "Authorization"),
        (Places(), [("Accept", "*/*"), ("X-API-Key", f" {KEY}\t")], "X-API-Key"),
        (Places(), [(b"x-api-key", KEY.encode())], "X-API-Key"),
        (Places(["X-Key"]), [("x-key", KEY), BEARER], "X-Key"),
    ],
)
def test_the_usual_request_needs_no_more(credentials: Places, headers: Any, header: str) -> None:
    """One header with one key; others do not matter."""
    assert credentials.only(headers) == (KEY, (("Vary", header),))


def test_the_longest_text_is_taken() -> None:
    """512 characters; one more has the long way, which says why it is refused."""
    assert Places().only([("X-API-Key", LONGEST)]) == (LONGEST, (("Vary", "X-API-Key"),))
    assert Places().only([("X-API-Key", LONGEST + "x")]) is None


@pytest.mark.parametrize(
    ("credentials", "headers"),
    [
        (Places(), []),
        (Places(), [("X-API-Key", " ")]),
        (Places(), [("X-API-Key", "schlüssel")]),
        (Places(), [("Authorization", f"Basic {KEY}")]),
        (Places(), [BEARER, ("X-API-Key", KEY)]),
        (Places(["Authorization: Bearer", "Authorization: Token"]), [BEARER]),
    ],
)
def test_any_other_request_has_the_long_way(credentials: Places, headers: Any) -> None:
    """Without a key, with two, of another form, or where one header may hold several kinds."""
    assert credentials.only(headers) is None


def test_one_text_is_not_judged() -> None:
    """Only where two differ, one of them may be another system's."""

    def could_be(text: str) -> bool:
        raise AssertionError(text)

    assert Places().take([BEARER], could_be).key == KEY


def test_the_first_value_of_a_header() -> None:
    """By its name in any case; another header of that length is another one."""
    headers = [("X-Other", "no"), ("x-Token", "one"), ("X-Token", "two")]
    assert first(headers, "x-token") == "one"
    assert first([(b"X-Token", b"one")], "x-token") == "one"
    assert first(headers, "x-absent") is None
