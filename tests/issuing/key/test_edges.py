"""What peppers, life and updates of keys decide at the very edge of a range."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.exceptions import ConfigurationError, InvalidRequest, InvalidTransition
from secretsource.issuing import PepperSet
from secretsource.issuing._key import lifecycle
from secretsource.issuing._manage import field, request

NOW = 1_000_000.0


def record(**given: Any) -> Any:
    """The record of a request for `acme`."""
    asked: Any = {"owner": "acme", **given}
    return request.draft(asked, NOW)


@pytest.mark.parametrize(
    ("peppers", "says"),
    [
        ("one text and no list", "must be a list of texts"),
        (5, "must be a list of texts"),
        ([5], "must be a list of texts"),
        (["\ud800" * 20], "cannot be written as UTF-8"),
    ],
)
def test_the_fault_of_a_pepper_is_told(peppers: Any, says: str) -> None:
    """In a sentence, and never by the pepper."""
    with pytest.raises(ConfigurationError, match=says):
        PepperSet(peppers)


def test_a_successor_begins_with_its_predecessor_only_in_the_future() -> None:
    """A key that is good from now on has a successor that is good at once."""
    for begins, expected in ((NOW + 5, NOW + 5), (NOW, None), (None, None)):
        old = record()._replace(begins=begins)
        made = lifecycle.rotate(old, "0" * 22, 60.0, NOW)
        assert made.successor.begins == expected


def test_the_end_of_a_rotated_key_moves_forward_only() -> None:
    """To the same end it is no change; to a later one it is refused."""
    old = lifecycle.rotate(record(), "0" * 22, 60.0, NOW).predecessor.record
    assert lifecycle.shorten(old, NOW, 60.0, NOW + 1) is None
    assert lifecycle.shorten(old, NOW, 59.0, NOW + 1) is None
    with pytest.raises(InvalidTransition):
        lifecycle.shorten(old, NOW, 59.5, NOW + 1)
    changed = lifecycle.shorten(old, NOW, 58.0, NOW + 1)
    assert changed is not None
    assert changed.record.overlap_ends == NOW + 59


@pytest.mark.parametrize("name", ["rate_limit", "quota"])
def test_limits_of_an_owner_are_legible_texts(name: str) -> None:
    """As those of a key."""
    with pytest.raises(InvalidRequest, match=name):
        field.rules(5, name)
    assert field.rules(None, name) is None
    assert field.rules("5/minute", name) == "5/minute"
