"""Every status, outcome and event has a word."""

from __future__ import annotations

import pytest

from secretsource.issuing import EventKind, OwnerEventKind, OwnerStatus, Reason, Status, limits
from secretsource.server.pages.looks.words import (
    EVENTS,
    LIMITS,
    OUTCOMES,
    PERIODS,
    SERIES,
    SHARED,
    STATUSES,
    limit_parts,
    series_of,
)


def test_nothing_is_without_a_word() -> None:
    """A page never fails on a status, an outcome or an event, and shows no word of the program."""
    assert set(STATUSES) == {*Status, *OwnerStatus}
    assert set(OUTCOMES) == {"accepted", *(reason.value for reason in Reason)}
    assert set(EVENTS) == {*EventKind, *OwnerEventKind}


@pytest.mark.parametrize(
    ("outcome", "part"),
    [
        ("accepted", "accepted"),
        ("rate_limited", "limited"),
        ("quota_exceeded", "limited"),
        ("revoked", "refused"),
        ("from a later release", "refused"),
    ],
)
def test_each_outcome_is_in_one_part_of_a_bar(outcome: str, part: str) -> None:
    """An outcome that is not known is a refusal."""
    assert series_of(outcome) == part
    assert part in SERIES


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("minute", ("", 1, "minute")),
        ("10 minutes", ("", 10, "minutes")),
        ("plan day quota", ("plan", 1, "day quota")),
        ("owner 30 days", ("owner", 30, "days")),
        ("route at once", ("route", 1, "at once")),
        ("planet", ("", 1, "planet")),
        ("10 moons", ("", 1, "10 moons")),
    ],
)
def test_the_name_of_a_limit_has_parts(name: str, parts: tuple[str, int, str]) -> None:
    """What it belongs to, how many units, and which; a name that is not known stays whole."""
    assert limit_parts(name) == parts


@pytest.mark.parametrize("whose", ["", *SHARED])
def test_each_limit_has_its_words(whose: str) -> None:
    """Whatever form the rules of a key, an owner, a plan or a route have."""
    units = ("second", "minute", "hour", "day")
    rates = ", ".join(["3 at once", *(f"5/{unit}, 50/7 {unit}s" for unit in units)])
    plan = limits.parse(rates, "5/day, 50/month")
    assert plan is not None
    for rule in plan.rules:
        shared, _, rest = limit_parts(rule.of(whose).name if whose else rule.name)
        assert shared == whose
        assert rest in {*LIMITS, *PERIODS}
