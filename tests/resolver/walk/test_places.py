"""An error names the place that was asked: the reference, and where its provider is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource import Resolver
from secretsource.exceptions import ResolveError
from secretsource.providers.base import Failed, FailureCode, NotFound
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from pathlib import Path

    from secretsource.providers.base import Outcome, SecretRef


class Abroad(ScriptedProvider):
    """Keeps names below a path of its own, at a site."""

    @property
    def site(self) -> str:
        """A host and a mount."""
        return "https://eu.example, mount kv"

    def locate(self, name: str) -> SecretRef | NotFound:
        """Below ``prod``."""
        return super().locate(f"prod/{name}")


def sentence(resolver: Resolver, name: str, field: str | None = None) -> str:
    """What a failed look-up says."""
    with pytest.raises(ResolveError) as caught:
        resolver.get(name, field=field)
    return str(caught.value)


def at(outcome: Outcome, name: str = "A") -> str:
    """What is said of an outcome at that provider."""
    return sentence(Resolver([Abroad({"prod/A": outcome}, name="abroad")]), name)


def test_an_absence() -> None:
    """Reference and site stand before what the provider said."""
    said = at(NotFound("gone"))
    assert said.startswith(
        "secret 'A' was not found at 'abroad' (abroad://prod/A, https://eu.example, mount kv: gone); "
    )


def test_a_failure() -> None:
    """They stand behind the provider's name."""
    said = at(Failed(FailureCode.DENIED, "no"))
    assert said.startswith(
        "cannot get secret 'A' from provider 'abroad' (abroad://prod/A, https://eu.example, mount kv): no; "
    )


@pytest.mark.parametrize(
    ("reason", "added"),
    [
        ("nothing at eu.example", " (abroad://prod/A)"),
        ("nothing at prod/A", " (https://eu.example, mount kv)"),
        ("no prod/A at eu.example", ""),
    ],
)
def test_nothing_is_said_twice(reason: str, added: str) -> None:
    """What the provider said of the place is left to it."""
    said = at(Failed(FailureCode.UNAVAILABLE, reason))
    assert said.startswith(f"cannot get secret 'A' from provider 'abroad'{added}: {reason}; ")


def test_a_reference_is_its_own_place() -> None:
    """Whoever wrote the whole of it knows it; the site is still said."""
    said = at(NotFound(), "abroad://prod/A")
    assert said.startswith("secret 'abroad://prod/A' was not found at 'abroad' (https://eu.example, mount kv); ")


def test_a_file(tmp_path: Path) -> None:
    """A `.env` is named where it has no such name, and where a field is not in its value."""
    file = tmp_path / ".env"
    file.write_text("A={}\n")
    resolver = Resolver([f"dotenv://{file}"])
    assert f"'dotenv' ({file}); " in sentence(resolver, "B")
    assert f"'dotenv' ({file}: the document has no field 'x'); " in sentence(resolver, "A", field="x")


def test_a_prefix() -> None:
    """The variable that was looked for is named, not only the secret."""
    assert "not found at 'env' (env://APP_NONE); " in sentence(Resolver(["env://?prefix=APP_"]), "NONE")
