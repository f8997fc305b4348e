"""The model of cache, store and news: every state is visited, each rule is needed, and the real cache does the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.model.explore import Exploration, explore
from tests.model.replay import difference, ways
from tests.model.rules import Rule
from tests.model.system import ONE_KEY, TWO_KEYS
from tests.simulation.issuing import faults
from tests.simulation.untraced import untraced

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.model.system import Model

PAGE = Path(__file__).parents[2] / "docs/explanation/why-a-revoked-key-stays-revoked.md"

MODELS = {"one key, two processes": ONE_KEY, "two keys, three processes": TWO_KEYS}

SERVES = {
    Rule.TTL_FROM_BEFORE_THE_READ: (ONE_KEY, "no change is seen later than a ttl"),
    Rule.REVISION_NEVER_BACK: (ONE_KEY, "a process forgets no change that it knows of"),
    Rule.FLOORS: (ONE_KEY, "a process forgets no change that it knows of"),
    Rule.FENCE: (ONE_KEY, "a process forgets no change that it knows of"),
    Rule.NEWS_AFTER_COMMIT: (ONE_KEY, "a process forgets no change that it knows of"),
    Rule.NOTHING_WRITTEN_BACK: (TWO_KEYS, "a revoked key stays revoked in the store"),
    Rule.SECOND_PASS: (TWO_KEYS, "`revoke_all` leaves no successor"),
}
"""What breaks first without a rule, and in which model."""

REAL_FAULTS = (
    faults._floors_are_off,
    faults._the_fence_of_forgotten_floors_is_off,
    faults._a_reading_does_not_say_when_it_began,
    faults._a_revision_goes_back,
    faults._a_later_record_leaves_the_older_entry,
)


@cache
def explored(model: Model) -> Exploration:
    """A model explored to its end, once."""
    with untraced():
        return explore(model)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", MODELS)
def test_every_state_keeps_the_properties(name: str, record_property: Callable[[str, Any], None]) -> None:
    """With all rules in force, no state that can be reached breaks a property; the page gives their number."""
    found = explored(MODELS[name])
    assert found.broken is None
    record_property("measured", f"model, {name}: {len(found.parents)} states, {found.steps} steps")
    assert f"| {name} | {len(found.parents):,} | {found.steps:,} |" in PAGE.read_text()


@pytest.mark.parametrize("rule", Rule, ids=lambda rule: rule.name.lower())
def test_each_rule_is_needed(rule: Rule) -> None:
    """Without it a property breaks; the page names the property, and how many steps lead there at least."""
    model, broken = SERVES[rule]
    found = explore(model.without(rule))
    assert found.broken == broken
    assert f"| {rule.value} | {broken} | {len(found.way(found.last))} |" in PAGE.read_text()


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("name", "every"), [("one key, two processes", 1), ("two keys, three processes", 8)])
def test_the_real_cache_goes_the_ways_of_the_model(name: str, every: int) -> None:
    """At each step of the ways to answers that land, the real caches keep what the model says."""
    model = MODELS[name]
    differences = [difference(model, way) for way in ways(model, explored(model), every)]
    assert len(differences) > 1000
    assert not any(differences), next(filter(None, differences))


@pytest.mark.parametrize("fault", REAL_FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_a_fault_of_the_real_cache_is_seen_beside_the_model(fault: Callable[[], Any]) -> None:
    """A cache that breaks a rule parts from the model somewhere."""
    with fault():
        assert any(difference(ONE_KEY, way) for way in ways(ONE_KEY, explored(ONE_KEY)))
