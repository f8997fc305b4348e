"""Our `NamedTuple` makes what `typing.NamedTuple` makes."""

from __future__ import annotations

import copy
import pickle
import typing
from inspect import signature

import pytest

from secretsource._ground.namedtuple import NamedTuple as OurNamedTuple
from secretsource.providers.base import NotFound, SecretRef


class Ours(OurNamedTuple):
    """A place."""

    name: str
    depth: int = 3

    @property
    def deep(self) -> bool:
        """Whether it is far down."""
        return self.depth > 2

    @classmethod
    def top(cls, name: str) -> Ours:
        return cls(name, 0)

    def __str__(self) -> str:
        return f"{self.name} at {self.depth}"


class Theirs(typing.NamedTuple):
    """A place."""

    name: str
    depth: int = 3


def test_fields_defaults_and_bases_are_those_of_typing() -> None:
    """Fields, defaults, annotations, bases, module and signature are the same."""
    assert Ours._fields == Theirs._fields
    assert Ours._field_defaults == Theirs._field_defaults
    assert Ours.__annotations__.keys() == Theirs.__annotations__.keys()
    assert Ours.__bases__ == Theirs.__bases__ == (tuple,)
    assert Ours.__module__ == __name__
    assert str(signature(Ours)) == "(name: 'str', depth: 'int' = 3)"
    assert typing.get_type_hints(Ours) == typing.get_type_hints(Theirs) == {"name": str, "depth": int}


def test_what_the_class_body_adds_is_kept() -> None:
    """Docstring, property, class method and special methods of the body are there."""
    assert Ours.__doc__ == "A place."
    assert Ours("a").deep
    assert Ours.top("a") == ("a", 0)
    assert str(Ours("a")) == "a at 3"
    assert repr(Ours("a")) == "Ours(name='a', depth=3)"


def test_a_tuple_with_names_is_a_tuple() -> None:
    """It compares, hashes, unpacks, is replaced, copied and pickled as a tuple."""
    place = Ours("a", 1)
    name, depth = place
    assert (name, depth) == place == Ours(depth=1, name="a")
    assert hash(place) == hash(("a", 1))
    assert place._replace(depth=2) == Ours("a", 2)
    assert copy.deepcopy(place) == place
    assert pickle.loads(pickle.dumps(SecretRef("env", "A"))) == SecretRef("env", "A")


def test_it_is_not_changed_and_has_no_room_for_more() -> None:
    """Fields are read-only, and there is no dict for others."""
    with pytest.raises(AttributeError):
        NotFound().reason = "late"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        SecretRef("env", "A").extra = 1  # type: ignore[attr-defined]


def test_a_missing_field_is_an_error() -> None:
    """A field without a default must be given."""
    with pytest.raises(TypeError, match="name"):
        Ours()  # type: ignore[call-arg]
