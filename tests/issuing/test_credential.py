"""Step 0: which text of a request is the key."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.issuing import Reason, Rejected, credential

KEY = "sk_live_key"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"AUTHORIZATION": f"BEARER   {KEY} "},
        {"X-API-Key": KEY},
        {"x-api-key": f" {KEY}\t"},
        [(b"authorization", b"Bearer " + KEY.encode())],
        [(b"X-Api-Key", KEY.encode())],
        [("Accept", "*/*"), ("x-api-key", KEY)],
    ],
    ids=str,
)
def test_one_key_is_taken(headers: Any) -> None:
    """From either header, in any case, with space around it, as text and as bytes."""
    assert credential(headers) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        {},
        [],
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"X-API-Key": ""},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer{KEY}"},
        {"Authorization": KEY},
        {"Cookie": KEY, "X-API-Key-2": KEY, "Proxy-Authorization": f"Bearer {KEY}"},
        [(b":path", b"/?api_key=" + KEY.encode()), (b"referer", b"https://x/?access_token=" + KEY.encode())],
    ],
    ids=str,
)
def test_what_is_no_key_is_none(headers: Any) -> None:
    """Nothing, an empty header, another scheme, and every place that a key does not belong to."""
    assert credential(headers) is None


def test_another_scheme_leaves_the_other_header_alone() -> None:
    """A proxy may want an Authorization of its own, however long it is."""
    assert credential({"Authorization": "Negotiate " + "A" * 8000, "X-API-Key": KEY}) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {KEY}"), ("X-API-Key", KEY)],
        [("X-API-Key", KEY), ("x-api-key", KEY), ("X-API-KEY", "")],
        [(b"authorization", b"Bearer " + KEY.encode()), (b"authorization", b"bearer  " + KEY.encode())],
        [("X-API-Key", ""), ("Authorization", f"Bearer {KEY}")],
    ],
    ids=str,
)
def test_the_same_key_twice_is_one_key(headers: Any) -> None:
    """Two headers, or one header twice, with the same key, or with nothing in one of them."""
    assert credential(headers) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {KEY}"), ("X-API-Key", "other")],
        [("X-API-Key", "other"), ("Authorization", f"Bearer {KEY}")],
        [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer other")],
        [(b"x-api-key", KEY.encode()), ("X-API-Key", "other")],
        [("X-API-Key", KEY), ("X-API-Key", KEY.upper())],
    ],
    ids=str,
)
def test_two_different_keys_are_ambiguous(headers: Any) -> None:
    """Nobody guesses which of them was meant."""
    rejected = credential(headers)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is Reason.AMBIGUOUS
    assert rejected.answer.status == 400


def test_512_characters_are_taken_and_513_are_not() -> None:
    """The longest credential is the longest that a check reads."""
    assert credential({"X-API-Key": "k" * 512}) == "k" * 512
    assert credential({"Authorization": "Bearer " + "k" * 512}) == "k" * 512
    for headers in ({"X-API-Key": "k" * 513}, {"Authorization": "Bearer " + "k" * 513}, {"X-API-Key": "k" * 10**7}):
        rejected = credential(headers)
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.MALFORMED


def test_what_is_too_long_is_not_read() -> None:
    """Not even decoded: its length is all that is asked of it."""

    class Unreadable(bytes):
        def decode(self, *_: Any, **__: Any) -> str:
            raise AssertionError("it was read")

    rejected = credential([(b"x-api-key", Unreadable(b"k" * 513))])
    assert isinstance(rejected, Rejected)


def test_any_byte_is_text() -> None:
    """A header may hold what is no UTF-8; it is no key, and no crash."""
    assert credential([(b"x-api-key", b"\xff\x00")]) == "\xff\x00"
