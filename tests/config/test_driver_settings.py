"""A driver's settings are what its constructor takes and a configuration file can write."""

from __future__ import annotations

import sys
import typing
from collections.abc import Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, Optional

import pytest

from secretsource._ground.sentinels import UNSET
from secretsource.config._settings import Setting, driver_settings
from secretsource.providers._registry import DRIVERS, driver_class
from secretsource.providers.base import Provider

if TYPE_CHECKING:
    from os import PathLike

    from vendor_sdk import Client  # pyright: ignore[reportMissingImports]

    from secretsource.providers.base import Outcome, SecretRef


class Base(Provider):
    """A driver without settings."""

    scheme = "base"

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        raise NotImplementedError


class Many(Base):
    """A driver with every kind of parameter."""

    def __init__(
        self,
        text: str,
        /,
        url: str,
        *rest: str,
        name: str | None = None,
        optional: str | None = None,
        old_style: Optional[int] = None,  # noqa: UP045
        path: str | PathLike[str] | None = None,
        auth: Client | Mapping[str, object] | None = None,
        nothing: None = None,
        client: Client | None = None,
        attribute: typing.NoSuchName | None = None,  # type: ignore[name-defined]  # pyright: ignore[reportAttributeAccessIssue]
        called: 1 = 1,  # type: ignore[valid-type]  # pyright: ignore[reportGeneralTypeIssues, reportInvalidTypeForm]
        anything: Any = None,
        blob: bytes = b"",
        numbers: tuple[int, ...] = (),
        by_number: Mapping[int, str] | None = None,
        several: list[str] | None = None,
        sequence: Sequence[str] = (),
        size: Client | int | str = 0,
        word: Literal["a", b"b"] = "a",
        **more: str,
    ) -> None:
        super().__init__(name=name)


def test_settings_are_the_plain_keyword_parameters() -> None:
    """Clients, bytes and lists of numbers are left out; a member of a union that cannot be resolved hides no other."""
    assert list(driver_settings(Many)) == [
        "url",
        "optional",
        "old_style",
        "path",
        "auth",
        "several",
        "sequence",
        "size",
    ]


def test_setting_has_its_plain_type_and_default() -> None:
    """None and classes are taken out of the type; a parameter without default is required."""
    settings = driver_settings(Many)
    assert settings["url"] == Setting("url", str, UNSET)
    assert settings["url"].required
    assert settings["path"] == Setting("path", str, None)
    assert not settings["path"].required
    assert settings["old_style"].type is int
    assert settings["auth"].type == Mapping[str, object]
    assert [settings["size"].accept(value) for value in (1, "1", 1.0)] == [1, "1", UNSET]


def test_inherited_constructor_counts() -> None:
    """A driver without a constructor of its own has the settings of its parent; the contract's has none."""

    class Heir(Many):
        pass

    assert driver_settings(Heir) == driver_settings(Many)
    assert driver_settings(Base) == {}


def test_annotations_that_were_evaluated_already() -> None:
    """A module without postponed annotations gives the same settings."""

    def build(self: Provider, a: Any = 1, b: Any = None, c: Any = "x", d: Any = None, e: Any = 0) -> None:
        raise NotImplementedError

    build.__annotations__ = {
        "a": int | None,
        "b": Mapping[str, str],
        "c": Literal["x", "y"],
        "d": "not a type",
        "e": None,
    }
    driver = type("Evaluated", (Base,), {"__init__": build})
    assert {name: setting.type for name, setting in driver_settings(driver).items()} == {
        "a": int,
        "b": Mapping[str, str],
        "c": Literal["x", "y"],
    }


def test_wrapped_constructor() -> None:
    """A decorated constructor is read in the module it was written in."""

    class Wrapped(Base):
        __init__ = wraps(Many.__init__)(lambda self, *args, **kwargs: None)

    assert driver_settings(Wrapped) == driver_settings(Many)


@pytest.mark.parametrize("scheme", [scheme for scheme, driver in DRIVERS.items() if driver.package is None])
def test_settings_of_our_own_drivers_have_words(scheme: str) -> None:
    """Each setting of a built-in driver has a type that can be said and a default of that type or none."""
    for setting in driver_settings(driver_class(scheme)).values():
        assert setting.wanted
        assert setting.required or setting.default is None or setting.accept(setting.default) == setting.default


FITTING: list[tuple[object, object, object]] = [
    (str, "a", "a"),
    (str, "ref+file:///run/secrets/a", "ref+file:///run/secrets/a"),
    (int, 5, 5),
    (float, 5, 5.0),
    (float, 0.5, 0.5),
    (float, sys.float_info.max, sys.float_info.max),
    (bool, False, False),
    (Literal["a", 1], 1, 1),
    (tuple[str, ...], ["a"], ("a",)),
    (list[str], ["a"], ["a"]),
    (Sequence[str], [], ()),
    (Mapping, {"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}),
    (Mapping[str, str], {"a": "b"}, {"a": "b"}),
    (Mapping[str, "str | bytes"], {"a": 1}, {"a": 1}),
    (Mapping[str, int | None], {"a": 1}, {"a": 1}),
    (dict, {"a": 1}, {"a": 1}),
    (dict[str, Any], {"a": 1}, {"a": 1}),
    (bool | str, "true", "true"),
]


@pytest.mark.parametrize(("kind", "value", "fitted"), FITTING)
def test_value_that_fits(kind: object, value: object, fitted: object) -> None:
    """A TOML value becomes what the driver's annotation asks for, and exactly that type."""
    accepted = Setting("s", kind).accept(value)
    assert accepted == fitted
    assert type(accepted) is type(fitted)


UNFIT: list[tuple[object, object]] = [
    (str, 1),
    (int, True),
    (int, 1.0),
    (int, "1"),
    (float, True),
    (float, "1"),
    (float, float("nan")),
    (float, float("inf")),
    (float, 10**400),
    (bool, 1),
    (bool, "true"),
    (Literal["a", 1], "b"),
    (Literal["a", 1], True),
    (tuple[str, ...], "a"),
    (list[str], ["a", 1]),
    (Mapping, "a"),
    (Mapping[str, str], {"a": 1}),
    (Mapping[str, str], {"a": 1, "b": "c"}),
    (Mapping[str, int | None], {"a": "1"}),
    (bool | str, 1),
]


@pytest.mark.parametrize(("kind", "value"), UNFIT)
def test_value_that_does_not_fit(kind: object, value: object) -> None:
    """Nothing is converted by guess: true is no number, a number no string, and numbers are finite."""
    assert Setting("s", kind).accept(value) is UNSET


READ: list[tuple[object, str, object]] = [
    (str, "true", "true"),
    (str, "", ""),
    (bool, "true", True),
    (bool, "false", False),
    (bool, "yes", UNSET),
    (bool | str, "yes", "yes"),
    (str | bool, "true", True),
    (int, "-5", -5),
    (int, "5.0", UNSET),
    (int, "1_000", UNSET),
    (int, "9" * 5000, UNSET),
    (float, "5", 5.0),
    (float, "0.25", 0.25),
    (float, "nan", UNSET),
    (float, "1e400", UNSET),
    (Literal["a", 1, True], "a", "a"),
    (Literal["a", 1, True], "1", 1),
    (Literal["a", 1, True], "true", True),
    (Literal["a", 1, True], "b", UNSET),
    (tuple[str, ...], "a, b", ("a", "b")),
    (tuple[str, ...], "", ()),
    (list[str], "a", ["a"]),
    (Mapping[str, str], "a", UNSET),
]


@pytest.mark.parametrize(("kind", "text", "value"), READ)
def test_text_of_a_url(kind: object, text: str, value: object) -> None:
    """Text is read by the type of the setting, and refused where it is not written like that type."""
    read = Setting("s", kind).read(text)
    assert read == value
    assert type(read) is type(value)


WORDS: list[tuple[object, str]] = [
    (str, "a string"),
    (int, "a whole number"),
    (float, "a finite number"),
    (bool | str, "true or false or a string"),
    (Literal["a", 1, True], "one of 'a', 1, true"),
    (Sequence[str], "a list of strings"),
    (Mapping[str, str], "a table of strings"),
    (dict, "a table"),
]


@pytest.mark.parametrize(("kind", "words"), WORDS)
def test_type_in_words(kind: object, words: str) -> None:
    """Errors and the reference name a type in the words of a configuration file."""
    assert Setting("s", kind).wanted == words
