"""`strip_newline`: one line end is taken off whatever a provider answers, at one place for all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.shells import NewShell, ShellKind

from secretsource import AsyncResolver, Resolver
from secretsource.config import parse_config, settings_from_url
from secretsource.exceptions import ConfigurationError
from secretsource.providers.base import BatchProvider, Found, NotFound
from secretsource.resolver._assembly import chain_of, wired
from secretsource.testing import ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from secretsource.providers.base import Outcome, SecretRef

VALUES = [
    ("token\n", "token"),
    ("token\r\n", "token"),
    ("token\n\n", "token\n"),
    ("token", "token"),
    (" token \n", " token "),
    ("token\r", "token\r"),
    ("\n", ""),
]


class Fields(BatchProvider):
    """Answers a mapping, alone and in a batch."""

    scheme = "fields"

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        return Found({"one": f"{ref.location}\n", "two": 2}, version="v")

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Mapping[SecretRef, Outcome]:
        return {ref: self.fetch(ref, timeout=timeout) for ref in refs}


@pytest.mark.parametrize(("stored", "read"), VALUES, ids=repr)
@pytest.mark.parametrize("strips", [True, False])
def test_texts(stored: str, read: str, strips: bool, kind: ShellKind, new_shell: NewShell) -> None:
    """One line end goes where it is set, live and from memory; nothing does where it is not."""
    provider = kind.provider({"KEY": stored})
    provider.strip_newline = strips
    shell = new_shell(provider)
    assert [str(shell.get("KEY")) for _ in range(2)] == [read if strips else stored] * 2


def test_bytes_stay(kind: ShellKind, new_shell: NewShell) -> None:
    """A binary value has no line end that an editor put there."""
    provider = kind.provider({"KEY": b"\xff\n"})
    provider.strip_newline = True
    assert new_shell(provider).get("KEY").as_bytes() == b"\xff\n"


def test_fields_and_batches() -> None:
    """Each field that is text loses its own, also where several secrets are asked for at once."""
    provider = Fields()
    provider.strip_newline = True
    resolver = Resolver([provider])
    assert resolver.get_many(["A#one", "B#one"]) == {"A#one": "A", "B#one": "B"}
    assert (resolver.get("A", field="two"), resolver.get("A#one").version) == ("2", "v")
    assert asyncio.run(AsyncResolver([provider]).get("C#one")) == "C"


@pytest.mark.parametrize("scheme", ["env", "dotenv", "memory", "aws", "vault", "gcp", "azure", "aws-ssm"])
def test_every_provider_has_the_setting(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider URL may say so, and it is off otherwise; only the provider of files has another default."""
    monkeypatch.setenv("AZURE_KEY_VAULT_URL", "https://unused.vault.azure.net")
    (off,), (on,) = wired([f"{scheme}://?"]).routes, wired([f"{scheme}://?strip_newline=true"]).routes
    assert (off.provider.strip_newline, on.provider.strip_newline) == (False, True)
    assert "strip_newline" not in settings_from_url(f"{scheme}://?strip_newline=true").settings


def test_in_a_file(tmp_path: Path) -> None:
    """A section may say so, and another type than true or false is a mistake."""
    text = '[environments.x]\nproviders = ["memory"]\n[providers.memory]\nsecrets = { A = "a\\n" }\nstrip_newline = '
    config = parse_config(text + "true", file=tmp_path / "x.toml")
    (route,) = chain_of(config).routes
    assert Resolver([route.provider]).get("A") == "a"
    with pytest.raises(
        ConfigurationError, match=r"line 5, in \[providers.memory\]: setting 'strip_newline' must be true"
    ):
        parse_config(text + '"yes"', file=tmp_path / "x.toml")


def test_a_setting_that_is_a_reference(tmp_path: Path) -> None:
    """What a setting refers to is had as its provider is set to give it."""
    text = (
        '[environments.x]\nproviders = ["memory", "env"]\n[providers.env]\nprefix = "ref+memory://A"\n'
        '[providers.memory]\nsecrets = { A = "APP_\\n" }\nstrip_newline = true\n'
    )
    _, route = chain_of(parse_config(text, file=tmp_path / "x.toml")).routes
    assert getattr(route.provider.locate("X"), "location", None) == "APP_X"


def test_nothing_else_of_an_answer_changes() -> None:
    """Version, dates, lease, the age it may have come along, and the default field; an absence is an absence."""
    whole: dict[str, Any] = {"version": "1", "expires_at": 9e9, "rotates_at": 8e9, "max_age": 5.0}
    provider = ScriptedProvider(
        {"A": Found("a\n", **whole), "B": NotFound("no"), "C": Found({"v": "v", "x": "c\n"}, default_field="v")}
    )
    provider.strip_newline = True
    resolver = Resolver([provider])
    secret = resolver.get("A")
    assert (secret, secret.version, secret.expires_at is not None) == ("a", "1", True)
    assert resolver.get("B", default=None) is None
    assert resolver.get("scripted://C#v", field="x") == "c"
