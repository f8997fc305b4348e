"""Every number that a user may rely on, in one table: to change one is a decision, and never an accident."""

from __future__ import annotations

import dataclasses
import inspect
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.docs.markdown import sections

from secretsource import AsyncResolver, Resolver, configure
from secretsource._tuning import NUMBERS as OF_A_RESOLVER
from secretsource._tuning import Tuning
from secretsource.config import Config, parse_config
from secretsource.exceptions import ConfigurationError
from secretsource.providers import reference
from secretsource.resolver import _assembly, _call, _crew
from secretsource.resolver._assembly import checked, first_engine
from secretsource.resolver._engine import background, engine, shortcuts
from secretsource.resolver._walk import cache, chain, refresh

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULTS: dict[str, Any] = {
    "ttl": 300.0,
    "revalidate": None,
    "max_stale": 3600.0,
    "deadline": 5.0,
    "negative_ttl": 10.0,
    "max_entries": 1024,
    "jitter": 0.1,
}

NUMBERS: list[tuple[object, str, float]] = [
    (refresh, "AHEAD", 0.8),
    (refresh, "LEASE_SHARE", 2 / 3),
    (refresh, "FIRST_PAUSE", 1.0),
    (refresh, "LONGEST_PAUSE", 10.0),
    (shortcuts, "HOT_SECONDS", 1.0),
    (cache, "MAX_READERS", 1024),
    (_call, "PATIENCE", 0.25),
    (chain, "MAX_FOLLOWED", 8),
    (reference, "MAX_NAME", 512),
    (reference, "MAX_REFERENCE", 4096),
    (engine, "FROZEN_SECONDS", 5.0),
    (background, "MAX_THREADS", 32),
    (background, "IDLE_SECONDS", 5.0),
    (_crew, "MAX_AT_ONCE", 32),
    (_assembly, "SETTING_TIMEOUT", 5.0),
]


@pytest.mark.parametrize(("owner", "name", "number"), NUMBERS, ids=[name for _, name, _ in NUMBERS])
def test_a_number(owner: object, name: str, number: float) -> None:
    """Each is what the documentation says."""
    assert getattr(owner, name) == number


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default(name: str) -> None:
    """A resolver that is given nothing, and a file that says nothing, have the same numbers."""
    assert signature(Resolver.__init__).parameters[name].default == DEFAULTS[name]
    assert getattr(Config(None, ""), name) == DEFAULTS[name]


def test_the_default_resolver() -> None:
    """So does the one that nobody configured."""
    engine = first_engine()
    assert engine.state.cache.tuning == checked(Tuning(**DEFAULTS)) == Tuning()
    assert (engine.deadline, engine.state.cache.max_entries) == (DEFAULTS["deadline"], DEFAULTS["max_entries"])


def in_file(numbers: dict[str, Any]) -> None:
    words = {name: f'"{value}"' if isinstance(value, str) else str(value).lower() for name, value in numbers.items()}
    lines = ["[environments.x]", 'providers = ["env"]', *(f"{name} = {word}" for name, word in words.items())]
    parse_config("\n".join(lines), file=Path("secretsource.toml"))


WAYS: dict[str, Callable[[dict[str, Any]], object]] = {
    "Resolver": lambda numbers: Resolver(["env"], **numbers),
    "AsyncResolver": lambda numbers: AsyncResolver(["env"], **numbers),
    "configure": lambda numbers: configure(["env"], **numbers),
    "a file": in_file,
}
WRONG: list[dict[str, Any]] = [
    {"ttl": 0}, {"ttl": "5m"}, {"revalidate": -0.1}, {"max_stale": True}, {"deadline": float("inf")},
    {"deadline": 3_153_600_001}, {"negative_ttl": float("nan")}, {"max_entries": 0}, {"max_entries": 2.0},
    {"jitter": 1}, {"ttl": 7200}, {"ttl": 300, "revalidate": 5000},
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("numbers", WRONG, ids=str)
def test_a_number_is_wrong_everywhere(numbers: dict[str, Any], way: str) -> None:
    """What one way of setting a number refuses, every other refuses too, with the same sentence."""
    with pytest.raises(ConfigurationError) as caught:
        WAYS[way](numbers)
    with pytest.raises(ConfigurationError) as expected:
        checked(Tuning(**numbers))
    assert str(caught.value).endswith(str(expected.value))


@pytest.mark.parametrize("way", WAYS)
def test_the_bounds_are_right_everywhere(way: str) -> None:
    """The bounds themselves are allowed, as far as a range includes them."""
    least = {"revalidate": 0, "negative_ttl": 0, "max_entries": 1, "jitter": 0, "ttl": 0.001, "deadline": 0.001}
    most = {"max_stale": 3_153_600_000, "ttl": 3_153_600_000, "deadline": 3_153_600_000, "jitter": 0.999}
    WAYS[way]({**least, "max_stale": 0.001})
    WAYS[way](most)
    with pytest.raises(ConfigurationError, match="deadline must be"):
        WAYS[way]({**most, "deadline": 3_153_600_001})
    configure(None)


@pytest.mark.parametrize(("of", "section"), [(Resolver, "Args"), (AsyncResolver, "Args"), (Config, "Attributes")])
def test_a_number_means_the_same_everywhere(of: type, section: str) -> None:
    """Each docstring says of a number what the table says that the documentation is made of."""
    said = sections(inspect.getdoc(of) or "")[section]
    assert {name: said[name].replace("\n", " ") for name in OF_A_RESOLVER} == {
        name: number.meaning.replace("\n", " ") for name, number in OF_A_RESOLVER.items()
    }


def test_each_number_is_in_the_table() -> None:
    """No number can be set that the table does not know."""
    assert list(Tuning._fields) == list(OF_A_RESOLVER)
    assert {field.name for field in dataclasses.fields(Config)} > set(OF_A_RESOLVER)
    assert set(signature(Resolver).parameters) - {"providers", "clock"} == set(OF_A_RESOLVER)


def public(of: type) -> dict[str, Any]:
    """The public methods of a class, and its constructor."""
    methods = inspect.getmembers(of, inspect.isroutine)
    return {name: method for name, method in methods if name == "__init__" or not name.startswith("_")}


def test_the_twins_are_called_alike() -> None:
    """`Resolver` and `AsyncResolver` have the same methods, with the same arguments and defaults."""
    ours, theirs = public(Resolver), public(AsyncResolver)
    assert set(theirs) - set(ours) == {"of"}
    for name, method in ours.items():
        shown = [(p.name, p.kind, p.default) for p in signature(method).parameters.values()]
        assert shown == [(p.name, p.kind, p.default) for p in signature(theirs[name]).parameters.values()], name
