"""The numbers of a resolver by themselves: their ranges, their mistakes, and which of them conflict."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource._tuning import CENTURY, DEFAULTS, DURATION, NUMBERS, SHARE, conflict_of

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("ttl", 0, ""),
        ("ttl", NAN, ""),
        ("ttl", "5", ", not str"),
        ("ttl", None, ", not NoneType"),
        ("ttl", True, ", not bool"),
    ],
)
def test_a_mistake_says_what_the_number_must_be(name: str, value: Any, kind: str) -> None:
    """And the type of a value that is no number; never the value."""
    assert NUMBERS[name].mistake(value) == f"{name} must be {DURATION.form}{kind}"


@pytest.mark.parametrize(("name", "value"), [("ttl", CENTURY), ("revalidate", None), ("jitter", 0), ("max_entries", 1)])
def test_a_right_number_has_no_mistake(name: str, value: Any) -> None:
    """Up to both ends of its range; None where nothing is the default."""
    assert NUMBERS[name].mistake(value) == ""


def test_a_share_is_below_one() -> None:
    """Numbers just below it are in the range, and it is not."""
    assert SHARE.holds(0.999)
    assert not SHARE.holds(1.0)
    assert not SHARE.holds(1.5)


def test_each_default_is_that_of_its_name() -> None:
    """The one that is used."""
    assert {name: number.default for name, number in NUMBERS.items()} == DEFAULTS._asdict()


@pytest.mark.parametrize(
    ("ttl", "revalidate", "max_stale", "says"),
    [
        (5.0, None, 5.0, ""),
        (5.0, 5.0, 10.0, ""),
        (5.0, None, 4.0, "max_stale (4 s) must be at least ttl (5 s)"),
        (5.0, 6.0, 10.0, "must be at most max_stale (10 s)"),
    ],
)
def test_numbers_that_conflict(ttl: float, revalidate: float | None, max_stale: float, says: str) -> None:
    """Each is right by itself; together they would mean nothing."""
    found = conflict_of({"ttl": ttl, "revalidate": revalidate, "max_stale": max_stale})
    assert (says in found) if says else found == ""
