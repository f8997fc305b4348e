"""Every status, outcome and event has a word."""

from __future__ import annotations

import pytest

from secretsource.issuing import EventKind, OwnerEventKind, OwnerStatus, Reason, Status
from secretsource.server.pages.looks.words import EVENTS, OUTCOMES, SERIES, STATUSES, series_of


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
