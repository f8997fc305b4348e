"""The fields of a key in a form: what is offered is read, and each mistake is told beside its field."""

from __future__ import annotations

import pytest

from secretsource.server.pages.customer.fields import (
    KEPT,
    NEVER,
    OVERLAPS,
    ends_of,
    lives,
    read_key,
    read_longer,
    read_overlap,
)
from secretsource.server.pages.customer.standing import Offer
from secretsource.server.pages.forms import Form

DAY = 86400
NOW = 1_000_000.0
OFFER = Offer(("live",), ("a:read", "a:write"), None)


def form(**fields: str | list[str]) -> Form:
    """A form with these fields."""
    return Form(
        (name, each) for name, value in fields.items() for each in ([value] if isinstance(value, str) else value)
    )


@pytest.mark.parametrize(
    ("most", "days"),
    [
        (None, [30, 90, 180, 365]),
        (400 * DAY, [30, 90, 180, 365, 400]),
        (365 * DAY, [30, 90, 180, 365]),
        (40.9 * DAY, [30, 40]),
        (30 * DAY, [30]),
        (7 * DAY, [7]),
        (60.0, [1]),
    ],
)
def test_the_longest_life_that_is_allowed_is_offered(most: float | None, days: list[int]) -> None:
    """Those below it, too, and none above it."""
    assert lives(most) == days


def test_a_good_form_is_read() -> None:
    """Networks stand on lines or behind commas; blanks around a name do not count."""
    sent = form(name=" Worker ", scopes=["a:read", "a:write"], networks="203.0.113.7\n2001:db8::/32, 10.0.0.0/8")
    assert read_key(sent, OFFER, (), str) == {
        "name": "Worker",
        "scopes": ["a:read", "a:write"],
        "networks": ["203.0.113.7", "2001:db8::/32", "10.0.0.0/8"],
    }
    assert sent.errors == {}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, {"name": "Give the key a name, so that you know it again."}),
        (
            {"name": "x" * 256},
            {"name": "The name must be at most 255 characters, on one line, without an API key in it."},
        ),
        ({"name": "a\tb"}, {"name": "The name must be at most 255 characters, on one line, without an API key in it."}),
        ({"scopes": []}, {"scopes": "Choose what the key may do."}),
        ({"scopes": ["a:read", "b:read"]}, {"scopes": "Choose from the list."}),
        (
            {"networks": "10.0.0.0/99"},
            {"networks": "Write addresses or networks such as 203.0.113.0/24, one on each line."},
        ),
        ({"networks": " ".join(f"10.0.0.{each}" for each in range(101))}, {"networks": "Give at most 100 networks."}),
    ],
)
def test_a_mistake_stands_beside_its_field(fields: dict[str, str | list[str]], wrong: dict[str, str]) -> None:
    """And no other field is told of."""
    given: dict[str, str | list[str]] = {"name": "Worker", "scopes": ["a:read"], "networks": "", **fields}
    sent = form(**given)
    read = read_key(sent, OFFER, (), str)
    assert sent.errors == wrong
    assert isinstance(read["networks"], list)


def test_the_bounds_are_within() -> None:
    """255 characters and 100 networks are read."""
    sent = form(name="x" * 255, scopes="a:read", networks=" ".join(f"10.0.0.{each}" for each in range(100)))
    assert len(read_key(sent, OFFER, (), str)["networks"]) == 100
    assert sent.errors == {}


def test_a_key_without_a_choice_of_scopes_has_none() -> None:
    """Where nothing is offered and nothing held, an empty choice is no mistake; what is held has to be chosen."""
    none, kept, dropped = (form(name="Worker", scopes=scopes) for scopes in ([], ["old:read"], []))
    nothing = OFFER._replace(scopes=())
    assert read_key(none, nothing, (), str)["scopes"] == []
    assert read_key(kept, nothing, ["old:read"], str)["scopes"] == ["old:read"]
    read_key(dropped, nothing, ["old:read"], str)
    assert (none.errors, kept.errors) == ({}, {})
    assert dropped.errors == {"scopes": "Choose what the key may do."}


@pytest.mark.parametrize(
    ("chosen", "most", "ends"),
    [
        ("30", None, {"expires_at": NOW + 30 * DAY}),
        (NEVER, None, {"expires_at": None}),
        (KEPT, None, {}),
        ("40", 40.5 * DAY, {"expires_at": NOW + 40 * DAY}),
        ("1", 3600.0, {"expires_at": NOW + 3600}),
    ],
)
def test_an_end_is_read(chosen: str, most: float | None, ends: dict[str, float | None]) -> None:
    """In days from now, never past the longest life; an end that stays is no argument."""
    sent = form(ends=chosen)
    assert ends_of(sent, OFFER._replace(max_life=most), NOW, str) == ends
    assert sent.errors == {}


@pytest.mark.parametrize(("chosen", "most"), [("31", None), ("", None), (NEVER, 30 * DAY), ("90", 30 * DAY)])
def test_an_end_that_is_not_offered_is_told(chosen: str, most: float | None) -> None:
    """It is no argument."""
    sent = form(ends=chosen)
    assert ends_of(sent, OFFER._replace(max_life=most), NOW, str) == {}
    assert sent.errors == {"ends": "Choose from the list."}


def test_an_overlap_is_one_of_the_list() -> None:
    """Any other is told, and counts as none."""
    assert OVERLAPS == (0, 3600, DAY, 7 * DAY, 30 * DAY)
    good, bad = form(overlap="3600"), form(overlap="3601")
    assert (read_overlap(good, str), good.errors) == (3600, {})
    assert (read_overlap(bad, str), bad.errors) == (0, {"overlap": "Choose from the list."})


def test_an_overlap_is_only_put_off() -> None:
    """A time that ends before the present end is told; an equal one, and a key that does not rotate, pass."""
    for ends, errors in (
        (NOW + 3601, {"overlap": "The old key works for longer already: choose a longer time."}),
        (NOW + 3600, {}),
        (None, {}),
    ):
        asked = form(overlap="3600")
        assert (read_longer(asked, ends, NOW, str), asked.errors) == (3600, errors)
    wrong = form(overlap="3601")
    read_longer(wrong, NOW + 9999, NOW, str)
    assert wrong.errors == {"overlap": "Choose from the list."}
