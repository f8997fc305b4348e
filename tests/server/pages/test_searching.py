"""The text of a search for keys."""

from __future__ import annotations

import pytest

from secretsource.server.pages.operator.searching import Display, is_key_id, read_display


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sk_live_7Qm2…", Display("sk", "live", "7Qm2")),
        ("sk_live_7Qm2...", Display("sk", "live", "7Qm2")),
        ("sk_live_7Qm2", Display("sk", "live", "7Qm2")),
        ("sk_live_", Display("sk", "live", "")),
        ("acme2_test_" + "a" * 22 + "b" * 32, Display("acme2", "test", "a" * 22)),
        ("sk_live", None),
        ("Sk_live_7Qm2", None),
        ("sk_l_7Qm2", None),
        ("sk_live_7Qm2 x", None),
        ("worker 7", None),
        ("", None),
    ],
)
def test_the_beginning_of_a_key_is_read(text: str, expected: Display | None) -> None:
    """As pages and logs show it; a longer text, as of a whole key, is cut to the id."""
    assert read_display(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("a" * 22, True), ("a" * 21, False), ("a" * 23, False), ("-" * 22, False)]
)
def test_an_id_is_known_by_its_form(text: str, expected: bool) -> None:
    """22 letters and digits."""
    assert is_key_id(text) is expected
