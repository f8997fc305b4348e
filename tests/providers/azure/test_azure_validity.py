"""What becomes of a secret before its ``nbf`` and after its ``exp``: the policy, cell by cell, and its hints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from secretsource.providers._azure.validity import Ruling, Validity, rule

NOW = 1_700_000_000.0
EXPIRED = "it expired at 2023-11-14T22:13:10Z"
EARLY = "it is not valid before 2023-11-14T22:13:30Z"

CELLS: list[tuple[Any, Validity, Ruling]] = [
    ("ignore", Validity(), Ruling()),
    ("ignore", Validity(expires=NOW + 10), Ruling()),
    ("ignore", Validity(expires=NOW - 10), Ruling()),
    ("ignore", Validity(not_before=NOW + 10), Ruling()),
    ("warn", Validity(), Ruling()),
    ("warn", Validity(expires=NOW + 10), Ruling(rotates_at=NOW + 10)),
    ("warn", Validity(expires=NOW - 10), Ruling(EXPIRED)),
    ("warn", Validity(not_before=NOW + 10), Ruling(EARLY)),
    ("warn", Validity(not_before=NOW + 10, expires=NOW + 20), Ruling(EARLY, rotates_at=NOW + 20)),
    ("warn", Validity(not_before=NOW - 20), Ruling()),
    ("refuse", Validity(), Ruling()),
    ("refuse", Validity(expires=NOW + 10), Ruling(expires_at=NOW + 10)),
    ("refuse", Validity(expires=NOW - 10), Ruling(EXPIRED, refused=True, expires_at=NOW - 10)),
    ("refuse", Validity(not_before=NOW + 10), Ruling(EARLY, refused=True)),
    ("refuse", Validity(not_before=NOW - 20, expires=NOW + 10), Ruling(expires_at=NOW + 10)),
    ("refuse", Validity(not_before=NOW + 10, expires=NOW - 10), Ruling(EXPIRED, refused=True, expires_at=NOW - 10)),
]


@pytest.mark.parametrize(("on_expired", "validity", "ruling"), CELLS)
def test_policy(on_expired: Any, validity: Validity, ruling: Ruling) -> None:
    """Each policy, each case of the two dates."""
    assert rule(on_expired, validity, NOW) == ruling


@pytest.mark.parametrize(("date", "flaw"), [(NOW, True), (NOW + 0.001, False)])
def test_expiry_is_the_first_moment_of_no_validity(date: float, flaw: bool) -> None:
    """A secret is expired at the very second of its expiry."""
    assert (rule("refuse", Validity(expires=date), NOW).flaw is not None) is flaw


@pytest.mark.parametrize(("date", "flaw"), [(NOW, False), (NOW + 0.001, True)])
def test_not_before_is_the_first_moment_of_validity(date: float, flaw: bool) -> None:
    """A secret is valid at the very second of its beginning."""
    assert (rule("refuse", Validity(not_before=date), NOW).flaw is not None) is flaw


def test_dates_of_azure() -> None:
    """azure's client gives aware dates, or None."""
    assert Validity.between(None, None) == Validity()
    assert Validity.between(datetime.fromtimestamp(1, UTC), datetime.fromtimestamp(2, UTC)) == Validity(1.0, 2.0)
