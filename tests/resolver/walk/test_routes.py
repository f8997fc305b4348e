"""Which providers a reference reaches, in which order, and what is said of those that it does not reach."""

from __future__ import annotations

from typing import Any

import pytest

from secretsource.exceptions import ConfigurationError, InvalidReference
from secretsource.providers.base import Failed, FailureCode, NotFound, SecretRef
from secretsource.resolver._walk.route import Chain, Overlay, Route, nowhere
from secretsource.testing import ScriptedProvider


class Regional(ScriptedProvider):
    """Knows the option ``region``, and follows pointers or not."""

    options = frozenset({"region"})


ONE, OTHER, TEST = (Route(Regional({"A": "1"}, name=name)) for name in ("one", "other", "test"))


def chain(overlay: Overlay | None = None, **more: Any) -> Chain:
    """Two providers, and perhaps one before or in place of them."""
    routes = {"one": ONE, "other": OTHER}
    return Chain((ONE, OTHER), routes.__getitem__, dict(routes), overlay=overlay, **more)


@pytest.mark.parametrize(("max_age", "direct"), [(0, True), (0.0, True), (1, False), (60.0, False), (None, False)])
def test_only_what_may_not_be_kept_is_asked_directly(max_age: float | None, direct: bool) -> None:
    """An answer with any life is remembered."""
    provider = ScriptedProvider({})
    provider.max_age = max_age
    assert Route(provider).direct is direct


def test_a_name_has_its_own_place_or_that_of_the_provider() -> None:
    """A place of the configuration comes first, and only for its name."""
    place = SecretRef("one", "elsewhere")
    route = ONE._replace(places={"A": place})
    assert route.locate("A") is place
    assert route.locate("B") == ONE.provider.locate("B") == SecretRef("one", "B")
    assert ONE.locate("A") == SecretRef("one", "A")


def test_a_mark_too_many_is_taken_off_where_pointers_are_followed() -> None:
    """Elsewhere the text is the value."""
    assert ONE.provider.follows is False
    assert ONE.read("ref+ref+env://A") == "ref+ref+env://A"
    follower = ScriptedProvider({})
    follower.follows = True
    assert Route(follower).read("ref+ref+env://A") == "ref+env://A"
    assert Route(follower).read("plain") == "plain"


def test_the_overlay_answers_for_its_own_name_alone() -> None:
    """Another name is looked up among the others."""
    covered = chain(Overlay(TEST))
    assert covered.route("test") is TEST
    assert covered.route("one") is ONE
    assert chain().route("other") is OTHER
    with pytest.raises(KeyError):
        chain().route("test")


def test_an_overlay_stands_before_the_others_or_in_their_place() -> None:
    """``only`` reaches nothing else, whatever a reference names."""
    named, bare = SecretRef("other", "A"), SecretRef("", "A")
    assert chain().candidates(bare) == (ONE, OTHER)
    assert chain().candidates(named) == (OTHER,)
    assert chain(Overlay(TEST)).candidates(bare) == (TEST, ONE, OTHER)
    assert chain(Overlay(TEST)).candidates(named) == (TEST, OTHER)
    assert Overlay(TEST).only is False
    assert chain(Overlay(TEST, only=True)).candidates(named) == (TEST,)


def test_an_option_must_be_known_to_a_provider_that_is_asked() -> None:
    """A misspelt one would silently get the current version in its place."""
    known = SecretRef("one", "A", options=(("region", "eu"),))
    assert chain().candidates(known) == (ONE,)
    assert chain().knowing(known, (ONE,)) == (ONE,)
    for option in ("regoin", "verson"):
        with pytest.raises(InvalidReference, match=option):
            chain().candidates(SecretRef("one", "A", options=((option, "x"),)))
    assert chain().knowing(SecretRef("one", "A", options=(("version", "1"), ("stage", "s"))), ()) == ()


@pytest.mark.parametrize(
    ("elsewhere", "absence"),
    [
        (None, "not in the chain, so none of your settings hold for it"),
        ({"third": ("prod",)}, "not in the chain, so none of your settings hold for it"),
        ({"far": ()}, "configured, but in the chain of no environment"),
        ({"far": ("prod",)}, "in the chain of environment 'prod' only"),
        ({"far": ("prod", "test")}, "in the chain of environments 'prod', 'test' only"),
    ],
)
def test_where_a_provider_is_instead_of_in_the_chain(elsewhere: Any, absence: str) -> None:
    """The sentence is empty for a provider that is asked."""
    assert chain(elsewhere=elsewhere).absence("far") == absence
    assert chain(elsewhere=elsewhere).absence("one") == ""
    assert chain(Overlay(TEST), elsewhere=elsewhere).absence("test") == ""
    assert chain(Overlay(TEST), elsewhere=elsewhere).absence("far") == absence
    assert chain(elsewhere={"test": ()}).absence("test") != ""


def test_a_provider_of_another_environment_is_named() -> None:
    """The error says where it is."""
    with pytest.raises(ConfigurationError, match=r"'far' is in the chain of environment 'prod' only: add it"):
        chain(elsewhere={"far": ("prod",)}).know("far")
    chain().know("one")
    chain().know("aws")


def test_nothing_is_asked_where_nothing_may_be() -> None:
    """The error says what the test has to give."""
    with pytest.raises(ConfigurationError, match=r"'aws' is not asked inside override\(only=True\): give the test"):
        nowhere("aws")


def test_an_absent_place_stays_one() -> None:
    """A provider that can hold no such name says why."""

    class Narrow(ScriptedProvider):
        def locate(self, name: str) -> SecretRef | NotFound:
            return NotFound(f"no {name} here")

    assert Route(Narrow({})).locate("x") == NotFound("no x here")


DENIAL, OUTAGE, FAULT = Failed(FailureCode.DENIED), Failed(FailureCode.UNAVAILABLE), Failed(FailureCode.MISCONFIGURED)


@pytest.mark.parametrize(
    ("on_denied", "on_unavailable", "passed"),
    [
        ("stop", "stop", []),
        ("next", "stop", [DENIAL]),
        ("stop", "next", [OUTAGE]),
        ("next", "next", [DENIAL, OUTAGE]),
    ],
)
def test_a_failure_is_passed_over_where_that_is_set(on_denied: Any, on_unavailable: Any, passed: list[Failed]) -> None:
    """A denial and an outage each by a setting of their own, and a mistake of the wiring never."""
    route = ONE._replace(on_denied=on_denied, on_unavailable=on_unavailable)
    assert [failed for failed in (DENIAL, OUTAGE, FAULT) if route.passes(failed)] == passed
