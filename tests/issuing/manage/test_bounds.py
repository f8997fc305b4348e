"""The bounds of what a request may hold: the last value that is taken, and the first that is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from secretsource._ground.clock import LAST_INSTANT
from secretsource.exceptions import InvalidRequest
from secretsource.issuing._manage import field, request

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_000_000.0
MOST = 1000 * 365 * 86400.0
OVERHEAD = len(json.dumps({"a": ""}))
DIGITS = 10**255

CHECKS: dict[str, tuple[Callable[[Any], object], list[Any], list[Any]]] = {
    "text": (lambda given: field.text(given, "name"), ["x" * 255], ["x" * 256]),
    "seconds": (lambda given: field.seconds(given, "overlap"), [MOST, -MOST], [MOST + 1, -MOST - 1]),
    "instant": (lambda given: field.instant(given, "at"), [0, 0.5, LAST_INSTANT], [-0.5, LAST_INSTANT * 2]),
    "named": (lambda given: field.named(given, "owner"), [0, DIGITS - 1], [-1, DIGITS]),
    "number": (lambda given: field.number(given, "limit", 2, 5), [2, 5], [1, 6]),
    "metadata": (
        field.metadata,
        [{"a": "x" * (4096 - OVERHEAD)}, {"a": ["", {"b": 1}]}],
        [{"a": "x" * (4097 - OVERHEAD)}, {"a": ["", "\0"]}, {"a": {"\0": 1}}],
    ),
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_last_value_is_taken_and_the_next_is_not(check: str) -> None:
    """At both ends of a range."""
    read, taken, refused = CHECKS[check]
    for value in taken:
        read(value)
    for value in refused:
        with pytest.raises(InvalidRequest):
            read(value)


def test_the_id_of_an_owner_is_public() -> None:
    """In its only spelling, from a name or a number."""
    assert (field.owner_id(" acme "), field.owner_id(7)) == ("acme", "7")


def test_a_length_counts_from_the_day_a_key_is_good() -> None:
    """An end by ``expires_in`` is that much later than ``not_before``."""
    asked: Any = {"owner": "acme", "not_before": NOW + 100, "expires_in": 10}
    assert request.draft(asked, NOW).expires == NOW + 110


@pytest.mark.parametrize("expires", [NOW + 50, NOW + 100])
def test_a_key_ends_after_the_day_it_is_good(expires: float) -> None:
    """An end that is in the future, and not after ``not_before``, is refused."""
    asked: Any = {"owner": "acme", "not_before": NOW + 100, "expires_at": expires}
    with pytest.raises(InvalidRequest, match="before it is good"):
        request.draft(asked, NOW)


@pytest.mark.parametrize("given", [(5, NOW, False), (5, None, True), (None, NOW, True)])
def test_a_successor_ends_once(given: tuple[Any, Any, bool]) -> None:
    """By one argument of three."""
    with pytest.raises(InvalidRequest, match="ends once"):
        request.successor_end(*given)


def test_each_end_of_a_successor() -> None:
    """By a length over 0, by an instant, or by that of the old key."""
    assert request.successor_end(1, None, False)[:] == (None, 1.0, False)
    assert request.successor_end(None, NOW, False)[:] == (NOW, None, False)
    assert request.successor_end(None, None, True)[:] == (None, None, True)
    for length in (0, -1):
        with pytest.raises(InvalidRequest, match="over 0 seconds"):
            request.successor_end(length, None, False)
