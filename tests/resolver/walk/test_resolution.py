"""Questions, steps and results of a walk, as they begin."""

from __future__ import annotations

import pytest

from secretsource._ground.clock import Instant
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.resolver._walk.resolution import Ask, Reply, Request, Resolution, Step, word_of
from secretsource.resolver._walk.route import Route
from secretsource.testing import ScriptedProvider

REF, OTHER = SecretRef("scripted", "A"), SecretRef("scripted", "B")
NOW = Instant(5.0, 7.0)


def test_a_question_asks_for_nothing_special() -> None:
    """What is remembered may answer it, and so may any call; its name counts as a reader."""
    assert Request("A", REF) == ("A", REF, (), False, False, True, 0)
    route = Route(ScriptedProvider())
    assert Ask(route, REF) == (route, REF, None, None, False, 0)
    assert Reply(NotFound(), NOW).entry is None


def test_a_step_names_its_place() -> None:
    """As a reference, or as the text that it is; without an answer it took no time."""
    assert Step("scripted", REF, "found").reference == "scripted://A"
    assert Step("env", "A", "not found") == ("env", "A", "not found", "", None, 0.0, None)
    assert Step("env", "A", "not found").reference == "A"


def test_a_walk_begins_where_its_question_points() -> None:
    """Or where it is told to; until it ends, nothing is found."""
    request = Request("A", REF)
    assert Resolution(request, NOW).ref is REF
    result = Resolution(request, NOW, OTHER)
    assert (result.ref, result.at, result.served, result.outcome) == (OTHER, NOW, "live", NotFound())
    assert (result.steps, result.due, result.used, result.doubt, result.route) == ([], [], [], None, None)
    found = Found("v")
    assert result.ended(found, REF) is result
    assert (result.outcome, result.ref) == (found, REF)


@pytest.mark.parametrize(
    ("outcome", "word"),
    [(Found("v"), "found"), (NotFound(), "not found"), (Failed(FailureCode.THROTTLED), FailureCode.THROTTLED.value)],
)
def test_an_outcome_has_one_word(outcome: Found | NotFound | Failed, word: str) -> None:
    """For traces and events."""
    assert word_of(outcome) == word
