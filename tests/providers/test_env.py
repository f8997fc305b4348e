"""What is particular to secrets in the environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.providers.env import EnvProvider

if TYPE_CHECKING:
    from typing import Literal

REF = SecretRef("env", "TOKEN")


def fetch(provider: EnvProvider, location: str) -> Found | NotFound | Failed:
    return provider.fetch(SecretRef("env", location), timeout=1)


def test_prefix_goes_before_a_bare_name() -> None:
    """A bare name gets the prefix."""
    provider = EnvProvider("MYAPP_", {"MYAPP_TOKEN": "mine", "TOKEN": "yours"})
    ref = provider.locate("TOKEN")
    assert ref == SecretRef("env", "MYAPP_TOKEN")
    outcome = fetch(provider, "MYAPP_TOKEN")
    assert isinstance(outcome, Found)
    assert outcome.value == "mine"


def test_prefix_stays_out_of_a_reference() -> None:
    """The location of a reference is the whole name of the variable."""
    outcome = fetch(EnvProvider("MYAPP_", {"MYAPP_TOKEN": "mine", "TOKEN": "yours"}), "TOKEN")
    assert isinstance(outcome, Found)
    assert outcome.value == "yours"


def test_the_name_of_the_instance_is_in_its_references() -> None:
    """Two sections of one scheme are told apart by their names."""
    assert EnvProvider(name="env-legacy").locate("TOKEN") == SecretRef("env-legacy", "TOKEN")


@pytest.mark.parametrize("name", ["", "A=B", "A\0B", "A\ud800B"])
def test_impossible_names_are_not_found(name: str) -> None:
    """A name that no variable can have is NotFound, whether it is located or asked for outright."""
    provider = EnvProvider()
    assert isinstance(provider.locate(name), NotFound)
    assert isinstance(fetch(provider, name), NotFound)


def test_names_beyond_ascii_are_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable may have any name that is text."""
    monkeypatch.setenv("SCHLÜSSEL", "there")
    assert isinstance(fetch(EnvProvider(), "SCHLÜSSEL"), Found)


@pytest.mark.parametrize("ref", [REF._replace(version="3"), REF._replace(stage="AWSPREVIOUS")])
def test_versions_are_not_found(ref: SecretRef) -> None:
    """A version or stage is somebody else's: the chain moves on to a provider that keeps them."""
    outcome = EnvProvider(environ={"TOKEN": "there"}).fetch(ref, timeout=1)
    assert isinstance(outcome, NotFound)


@pytest.mark.skipif(sys.platform == "win32", reason="the environment of Windows is text")
def test_bytes_that_are_no_text_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are not UTF-8 are refused, with a reason that does not show them."""
    monkeypatch.setenv("TOKEN", "caf\udce9-canary")
    outcome = fetch(EnvProvider(), "TOKEN")
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MALFORMED
    assert "UTF-8" in str(outcome.remedy)
    assert "canary" not in repr(outcome)


def test_the_environment_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver asks each time, and a value may point elsewhere."""
    provider = EnvProvider()
    assert provider.max_age == 0
    assert provider.follows
    monkeypatch.setenv("TOKEN", "one")
    assert isinstance(fetch(provider, "TOKEN"), Found)
    monkeypatch.delenv("TOKEN")
    assert isinstance(fetch(provider, "TOKEN"), NotFound)


@pytest.mark.parametrize(("empty", "there"), [("value", True), ("absent", False)])
def test_an_empty_variable(empty: Literal["value", "absent"], there: bool) -> None:
    """It is an empty value, or an absence where that is set, and then it says why."""
    outcome = fetch(EnvProvider(environ={"TOKEN": ""}, empty=empty), "TOKEN")
    assert isinstance(outcome, Found) is there
    assert there or outcome == NotFound("the variable is empty")


def test_previous_is_a_second_variable() -> None:
    """The value before a rotation is in ``NAME_PREVIOUS``."""
    before = EnvProvider().previous(SecretRef("env", "MYAPP_TOKEN"), Found("now"))
    assert before == SecretRef("env", "MYAPP_TOKEN_PREVIOUS")
