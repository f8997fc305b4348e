"""The fields of the forms of operators."""

from __future__ import annotations

import pytest

from secretsource.server.api.plans import PlanBody
from secretsource.server.pages.forms import Form
from secretsource.server.pages.looks.reader import reader_for
from secretsource.server.pages.operator.fields import number, read, seconds

READER = reader_for(now=0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("90", 90 * 86400), ("0.5", 43200), ("1,5", 129600), ("36500", 36500 * 86400), (" 7 ", 604800)],
)
def test_days_are_read(text: str, expected: float | None) -> None:
    """With a point or a comma; an empty field asks for nothing."""
    form = Form([("days", text)])
    assert seconds(form, "days", "wrong") == expected
    assert form.errors == {}


@pytest.mark.parametrize("text", ["soon", "0", "-1", "36501", "nan", "inf", "1e9"])
def test_what_is_no_number_of_days_is_noted(text: str) -> None:
    """The sentence stands at the field."""
    form = Form([("days", text)])
    assert seconds(form, "days", "wrong") is None
    assert form.errors == {"days": "wrong"}


@pytest.mark.parametrize(
    ("text", "expected", "is_wrong"),
    [("", None, False), ("0", 0, False), ("999999999", 999999999, False), ("1000000000", None, True),
     ("-1", None, True), ("1.5", None, True), ("²", None, True)],
)  # fmt: skip
def test_whole_numbers_are_read(text: str, expected: int | None, is_wrong: bool) -> None:
    """Digits alone."""
    form = Form([("many", text)])
    found = number(form, "many", "wrong")
    assert ("many" in form.errors) is is_wrong
    assert is_wrong or found == expected


def test_mistakes_stand_at_their_fields() -> None:
    """Each mistake that a model finds, and none of the values; a form that is wrong already is not read."""
    form = Form()
    assert read(form, PlanBody, {"rate_limit": "canary", "max_keys": 0, "other": 1}, READER) is None
    assert set(form.errors) == {"rate_limit", "max_keys", "other"}
    assert not form.errors["rate_limit"].startswith("Value error")
    assert read(form, PlanBody, {}, READER) is None
    good = Form()
    assert read(good, PlanBody, {"max_keys": 3}, READER) == PlanBody.model_validate({"max_keys": 3})
    assert good.errors == {}
