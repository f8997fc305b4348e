"""The accent of the host can be read in both themes, and so can every text of ours."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.server.pages.looks.colours import ACCENT, DARK, LIGHT, contrast, read_colour, theme

STYLE = files("secretsource.server.pages").joinpath("static/pages.css").read_text()
COLOURS = st.integers(0, 0xFFFFFF).map(lambda each: f"#{each:06x}")
GROUNDS = ("page", "card", "soft", "good-soft", "warn-soft", "bad-soft")
OWN_GROUND = {"good": ("good-soft", "card"), "warn": ("warn-soft", "card"), "bad": ("bad-soft", "card")}


def variables(style: str) -> list[dict[str, str]]:
    """The colours of the light theme and of the dark one, written with six digits."""
    blocks = re.findall(r":root\{(.*?)\}", style, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})\b", block)) for block in blocks]
    return [
        {name: f"#{''.join(2 * each for each in code[1:])}" if len(code) == 4 else code for name, code in one.items()}
        for one in found
    ]


def between(one: str, other: str) -> float:
    return contrast(read_colour(one), read_colour(other))


BRIGHT, DIM = variables(STYLE)


@pytest.mark.parametrize("colours", [BRIGHT, DIM], ids=["light", "dark"])
def test_every_text_can_be_read_on_its_ground(colours: dict[str, str]) -> None:
    """The contrast is at least 4.5, for dim text and for each status, too; a part of a chart has at least 3."""
    for text, ground in product(("ink",), GROUNDS):
        assert between(colours[text], colours[ground]) >= 4.5, (text, ground)
    for ground in ("page", "card", "soft"):
        assert between(colours["dim"], colours[ground]) >= 4.5, ("dim", ground)
    for text, grounds in OWN_GROUND.items():
        assert all(between(colours[text], colours[ground]) >= 4.5 for ground in grounds), text
    for part in ("limited", "refused"):
        assert between(colours[part], colours["card"]) >= 3, part


@given(COLOURS)
def test_any_accent_can_be_read_in_both_themes(accent: str) -> None:
    """Whatever colour a host has, text in it and text on it have a contrast of 4.5 on every ground."""
    for given_by_host, ours in zip(variables(theme(accent)), (BRIGHT, DIM), strict=True):
        for ground in GROUNDS:
            assert between(given_by_host["accent"], ours[ground]) >= 4.5, ground
        assert between(given_by_host["accent-ink"], given_by_host["accent"]) >= 4.5


def test_an_accent_that_can_be_read_stays() -> None:
    """A colour is changed only where it must be."""
    light, dark = variables(theme(ACCENT))
    assert light["accent"] == ACCENT
    assert dark["accent"] != ACCENT
    assert variables(theme("#8fb0ff"))[1]["accent"] == "#8fb0ff"


@pytest.mark.parametrize("written", ["2f5bd7", "#2f5bd", "#2f5bd7;}", "red", ""])
def test_a_colour_has_one_form(written: str) -> None:
    """Nothing else reaches the style sheet."""
    with pytest.raises(ValueError, match="must be written as"):
        theme(written)


def test_an_accent_is_compared_with_the_hardest_ground() -> None:
    """The darkest light one, and the lightest dark one of the style sheet."""
    assert min((read_colour(BRIGHT[each]) for each in GROUNDS), key=lambda each: contrast(each, (0, 0, 0))) == LIGHT
    assert max((read_colour(DIM[each]) for each in GROUNDS), key=lambda each: contrast(each, (0, 0, 0))) == DARK


@pytest.mark.parametrize(
    ("accent", "light", "dark"),
    [
        ("#2f5bd7", "--accent:#2f5bd7;--accent-ink:#ffffff", "--accent:#708ee4;--accent-ink:#000000"),
        ("#ffcc00", "--accent:#806600;--accent-ink:#ffffff", "--accent:#ffcc00;--accent-ink:#000000"),
        ("#808080", "--accent:#6a6a6a;--accent-ink:#ffffff", "--accent:#929292;--accent-ink:#000000"),
    ],
)
def test_an_accent_is_moved_no_further_than_it_must_be(accent: str, light: str, dark: str) -> None:
    """In steps of a sixty-fourth."""
    assert theme(accent) == f":root{{{light}}}\n@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#777777", "#ffffff", 4.478089), ("#0a0a0a", "#000000", 1.060705), ("#0b0b0b", "#000000", 1.066931),
        ("#ff0000", "#00ff00", 2.913938), ("#0000ff", "#000000", 2.444),
    ],
)  # fmt: skip
def test_each_part_of_a_colour_has_its_weight(one: str, other: str, expected: float) -> None:
    """Green the most and blue the least; dark parts are nearly linear."""
    assert between(one, other) == pytest.approx(expected, abs=1e-6)


def test_contrast_is_that_of_wcag() -> None:
    """Black on white has 21, and a colour on itself 1, in either order."""
    assert between("#000000", "#ffffff") == between("#ffffff", "#000000") == pytest.approx(21)
    assert between(ACCENT, ACCENT) == 1
