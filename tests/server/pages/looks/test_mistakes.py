"""Each refusal that a form can meet has words, by its kind and its field."""

from __future__ import annotations

import pytest

from secretsource.exceptions import (
    Conflict,
    InvalidRequest,
    InvalidTransition,
    PlanExceeded,
    PlanNotFound,
    RepeatDiffers,
    RepeatTooSoon,
)
from secretsource.server.api.owners import OwnerBody
from secretsource.server.api.plans import PlanBody
from secretsource.server.api.root_keys import NewRootKey
from secretsource.server.pages.looks.mistakes import INVALID, MISTAKES, kinds_of, words_for
from secretsource.server.pages.looks.reader import reader_for
from secretsource.server.problems import Problem

FIELDS = {*OwnerBody.model_fields, *PlanBody.model_fields, *NewRootKey.model_fields} - {
    "metadata", "credits", "rotate_every"
}  # fmt: skip
"""The fields of the forms of operators; none of them asks for metadata, credits, or how often a key must rotate."""
GERMAN = reader_for("de", now=0.0)


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_each_field_of_a_form_has_words(field: str) -> None:
    """An error of the library and one of its model have the same words, unless the model knows more."""
    words = words_for(kinds_of(InvalidRequest("x", field=field)), field)
    assert words is not None
    assert words_for(["value_error", INVALID], field) == words


@pytest.mark.parametrize(
    "error",
    [
        PlanExceeded("globex", "Free", "allows 2 keys"),
        PlanExceeded("globex", "Free", "lacks it", field="scopes"),
        PlanExceeded("globex", "Free", "lacks it", field="environment"),
        PlanExceeded("globex", "Free", "lacks it", field="a later field"),
        PlanNotFound("Free"),
        RepeatDiffers("x"),
        RepeatTooSoon("x"),
        Conflict("x", revision=2),
        InvalidTransition("x"),
        Problem(403, "beyond_caller", "x"),
    ],
)
def test_each_refusal_is_told_in_german(error: Exception) -> None:
    """Nothing of the English sentence is shown, and no language is marked."""
    said = GERMAN.refusal(error)
    assert "lang=" not in said
    assert str(error) not in said
    assert said != reader_for("en", now=0.0).refusal(error)


def test_the_nearest_kind_counts() -> None:
    """A plan says that it lacks a scope, not that the scope is misspelled; an empty list of scopes is told so."""
    assert (
        words_for(kinds_of(PlanExceeded("o", "p", "x", field="scopes")), "scopes") == MISTAKES["PlanExceeded", "scopes"]
    )
    assert words_for(["too_short", INVALID], "scopes") == MISTAKES["too_short", "scopes"]
    assert words_for(["too_short", INVALID], "name") == MISTAKES[INVALID, "name"]


@pytest.mark.parametrize(
    "error", [InvalidRequest("a <b> of later", field="new"), Problem(409, "new", "a <b> of later")]
)
def test_a_refusal_without_words_is_marked_as_english(error: Exception) -> None:
    """A screen reader then speaks it in English; in an English page there is nothing to mark."""
    assert GERMAN.refusal(error) == '<span lang="en" dir="ltr">A &lt;b&gt; of later.</span>'
    assert reader_for("en", now=0.0).refusal(error) == "A <b> of later."
