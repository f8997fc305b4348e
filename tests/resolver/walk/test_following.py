"""Values of the form ``ref+scheme://…`` are followed to where they point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from secretsource.exceptions import InvalidReference, ProviderDenied, ProviderResponseError, ProviderUnavailable
from secretsource.providers._registry import known_schemes
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.resolver._walk.chain import MAX_FOLLOWED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.shells import Shell, ShellKind

    from secretsource.providers.base import Outcome
    from secretsource.testing import FakeClock

    NewShell = Callable[..., Shell]
    Environ = Callable[..., None]


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Environ:
    """Sets variables for one test."""

    def put(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


def test_followed(environ: Environ, kind: ShellKind, new_shell: NewShell) -> None:
    """The value comes from the other end, and says so."""
    environ(NAME="ref+scripted://kept/here")
    secret = new_shell("env", kind.provider({"kept/here": "v"})).get("NAME")
    assert (secret, secret.name, secret.provider, secret.served) == ("v", "NAME", "scripted", "live")


def test_a_provider_outside_of_the_chain(environ: Environ, new_shell: NewShell, tmp_path: Path) -> None:
    """A reference may name a driver that the chain does not have."""
    (tmp_path / "token").write_text("from a file")
    environ(NAME=f"ref+file://{tmp_path}/token")
    shell = new_shell("env")
    secret = shell.get("NAME")
    assert (secret, secret.provider) == ("from a file", "file")
    assert [provider.name for provider in shell.engine.providers()] == ["env", "file"]


def test_the_field_of_the_reference_and_the_callers_inside(
    environ: Environ, kind: ShellKind, new_shell: NewShell
) -> None:
    """``#field`` selects first, ``field=`` inside of what it selected."""
    environ(NAME="ref+scripted://doc#outer", WHOLE="ref+scripted://doc")
    shell = new_shell("env", kind.provider({"doc": '{"outer": {"inner": "v"}}'}))
    assert shell.get("NAME") == '{"inner":"v"}'
    assert shell.get("NAME", field="inner") == "v"
    assert shell.get("WHOLE#/outer/inner") == "v"
    assert shell.get("WHOLE#outer", field="inner") == "v"


def test_the_stage_of_the_reference(environ: Environ, kind: ShellKind, new_shell: NewShell) -> None:
    """Version and stage are part of where it points."""
    environ(NAME="ref+scripted://key?stage=blue")
    provider = kind.provider({"key": "current", SecretRef("scripted", "key", stage="blue"): "blue"})
    assert new_shell("env", provider).get("NAME") == "blue"


def test_through_several(environ: Environ, new_shell: NewShell) -> None:
    """One variable may point to another, up to a depth."""
    depth = MAX_FOLLOWED
    environ(**{f"V{i}": f"ref+env://V{i + 1}" for i in range(1, depth)}, **{f"V{depth}": "v"})
    assert new_shell("env").get("V1") == "v"


def test_too_deep(environ: Environ, new_shell: NewShell) -> None:
    """Beyond the depth it is an error that says so."""
    environ(**{f"V{i}": f"ref+env://V{i + 1}" for i in range(1, MAX_FOLLOWED + 1)}, **{f"V{MAX_FOLLOWED + 1}": "v"})
    with pytest.raises(ProviderResponseError, match=f"more than {MAX_FOLLOWED} places"):
        new_shell("env").get("V1")


def test_a_circle(environ: Environ, new_shell: NewShell) -> None:
    """References that lead back are an error that shows the way."""
    environ(A="ref+env://B", B="ref+env://A")
    with pytest.raises(ProviderResponseError, match="in a circle: env://A -> env://B -> env://A"):
        new_shell("env").get("A")


def test_dangling(environ: Environ, kind: ShellKind, new_shell: NewShell) -> None:
    """A reference to nothing is an error, not an absence: no weaker source and no default steps in."""
    environ(NAME="ref+scripted://gone")
    shell = new_shell("env", kind.provider({"NAME": "weaker"}))
    with pytest.raises(ProviderResponseError, match="env://NAME -> scripted://gone leads to a secret that is not"):
        shell.get("NAME", default="d")


def test_a_field_that_is_not_there(environ: Environ, kind: ShellKind, new_shell: NewShell) -> None:
    """Nor is a reference to a missing field an absence."""
    environ(NAME="ref+scripted://doc#missing")
    with pytest.raises(ProviderResponseError, match="leads to a secret that is not there"):
        new_shell("env", kind.provider({"doc": "{}"})).get("NAME")


def test_a_failure_at_the_other_end(environ: Environ, kind: ShellKind, new_shell: NewShell) -> None:
    """It is the other end's failure, by name and code."""
    environ(NAME="ref+scripted://key")
    with pytest.raises(ProviderDenied, match="from provider 'scripted'") as caught:
        new_shell("env", kind.provider({"key": Failed(FailureCode.DENIED)})).get("NAME")
    assert (caught.value.provider, caught.value.name) == ("scripted", "NAME")


def test_an_outage_at_the_other_end(environ: Environ, kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
    """The old value is served as for any other name."""
    environ(NAME="ref+scripted://key")
    shell = new_shell("env", kind.provider({"key": ["v", Failed(FailureCode.TIMEOUT)]}), ttl=100, revalidate=0)
    assert shell.get("NAME") == "v"
    clock.advance(100)
    assert shell.get("NAME").served == "stale"


def test_an_absence_at_the_other_end_and_then_an_outage(
    environ: Environ, kind: ShellKind, new_shell: NewShell, clock: FakeClock
) -> None:
    """That nothing was there once, and nobody can be asked now, is an outage."""
    environ(NAME="ref+scripted://key")
    provider = kind.provider({})
    shell = new_shell("env", provider, negative_ttl=10)
    with pytest.raises(ProviderResponseError):
        shell.get("NAME")
    provider.answer("key", Failed(FailureCode.TIMEOUT))
    clock.advance(10)
    with pytest.raises(ProviderUnavailable):
        shell.get("NAME")


@pytest.mark.parametrize("target", [Failed(FailureCode.TIMEOUT), NotFound()])
def test_an_old_reference_to_an_old_absence(
    target: Outcome, kind: ShellKind, new_shell: NewShell, clock: FakeClock
) -> None:
    """While a reference cannot be asked for anew, it is not known where it leads: an outage, and no mistake in it."""
    pointers = kind.provider({"NAME": "ref+scripted://key"}, follows=True, name="pointers")
    provider = kind.provider({})
    shell = new_shell(pointers, provider, ttl=100, revalidate=0, negative_ttl=10)
    with pytest.raises(ProviderResponseError, match="leads to a secret that is not there"):
        shell.get("NAME")
    pointers.answer("NAME", Failed(FailureCode.UNAVAILABLE))
    provider.answer("key", target)
    clock.advance(100)
    with pytest.raises(ProviderUnavailable) as caught:
        shell.get("NAME")
    assert caught.value.provider == ("scripted" if isinstance(target, Failed) else "pointers")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("ref+", "it names no provider"),
        ("ref+s3cr3t", "it names no provider"),
        ("ref+://s3cr3t", "must start with a provider name"),
        ("ref+aws:// s3cr3t", "a space"),
        ("ref+env://", "must have a location"),
        ("ref+env://s3cr3t#", "without a field"),
        ("ref+evn://s3cr3t", "unknown provider 'evn': did you mean 'env'"),
        ("ref+env://s3cr3t?vresion=s3cr3t", "unknown option of a reference 'vresion': did you mean 'version'"),
    ],
)
def test_malformed(value: str, reason: str, environ: Environ, new_shell: NewShell) -> None:
    """What cannot be followed is an error that says why and does not show the value."""
    environ(NAME=value)
    with pytest.raises(ProviderResponseError, match=r"starts with 'ref.' but cannot be followed") as caught:
        new_shell("env").get("NAME")
    assert reason in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_only_local_sources_point(kind: ShellKind, new_shell: NewShell) -> None:
    """A manager's value of that form is just a value: who may write there may not redirect readers."""
    shell = new_shell(kind.provider({"NAME": "ref+env://HOME"}))
    assert shell.get("NAME") == "ref+env://HOME"


def test_a_dotenv_file_points_too(new_shell: NewShell, kind: ShellKind, tmp_path: Path) -> None:
    """As the environment does, and the answer is kept by the provider at the other end."""
    (tmp_path / ".env").write_text("NAME=ref+scripted://key\n")
    shell = new_shell(f"dotenv://{tmp_path}/.env", kind.provider({"key": "v"}))
    assert [shell.get("NAME").served for _ in range(2)] == ["live", "fresh"]


def test_a_version_is_asked_of_the_name(environ: Environ, kind: ShellKind, new_shell: NewShell) -> None:
    """The environment has no versions, so another provider is asked for one."""
    environ(NAME="ref+scripted://other")
    shell = new_shell("env", kind.provider({SecretRef("scripted", "NAME", version="1"): "first"}))
    assert shell.get("NAME", version="1") == "first"


def test_an_option_that_the_provider_knows(kind: ShellKind, new_shell: NewShell) -> None:
    """What a driver declares may stand in a reference, or behind a name, and is part of the place."""

    class Mounted(kind.provider):  # type: ignore[misc, name-defined]
        options = frozenset({"mount"})

    provider = Mounted({SecretRef("scripted", "NAME", options=(("mount", "kv"),)): "v", "NAME": "other"})
    shell = new_shell("env", provider)
    assert shell.get("NAME?mount=kv") == shell.get("scripted://NAME?mount=kv") == "v"
    assert shell.get("NAME") == "other"
    assert provider.calls == 2


def test_an_option_that_nobody_knows(kind: ShellKind, new_shell: NewShell) -> None:
    """A misspelt ``version`` gets nothing, instead of the current version."""
    shell = new_shell(kind.provider({"NAME": "v"}))
    for name in ("NAME?verison=1", "scripted://NAME?verison=1"):
        with pytest.raises(InvalidReference, match="'verison': did you mean 'version'"):
            shell.get(name)


@pytest.mark.parametrize("value", ["secretref+vault://s3cr3t", "secretref+s3cr3t"])
def test_the_form_of_another_tool(value: str, environ: Environ, new_shell: NewShell) -> None:
    """It is not the secret, and the error says what to write."""
    environ(NAME=value)
    with pytest.raises(ProviderResponseError, match=r"another tool; write ref\+provider://place") as caught:
        new_shell("env").get("NAME")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("value", ["'ref+vault://s3cr3t'", " ref+vault://s3cr3t", "REF+vault://s3cr3t"])
def test_a_pointer_that_a_tool_has_wrapped(value: str, environ: Environ, new_shell: NewShell) -> None:
    """The text of a pointer is no secret: ``docker --env-file`` keeps quotes, and hands leave blanks."""
    environ(NAME=value)
    with pytest.raises(ProviderResponseError, match="a blank, a quote or a capital before") as caught:
        new_shell("env").get("NAME")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["ref+abc", "ref+env://OTHER", "ref+ref+abc", "secretref+vault://x", "ref+", "'ref+env://OTHER'"]
)
def test_a_value_that_really_begins_so(text: str, environ: Environ, new_shell: NewShell) -> None:
    """With one mark more in front it is the value itself, each time and after a refusal."""
    environ(NAME="ref+" + text if text != "ref+" else "ref+ref+")
    shell = new_shell("env")
    secret = shell.get("NAME")
    assert [secret, shell.get("NAME"), shell.reject(secret)] == [text] * 3


def test_a_document_that_really_begins_so(kind: ShellKind, new_shell: NewShell) -> None:
    """A kept value too, which can be told from a newer one when it is refused."""
    provider = kind.provider({"NAME": ["ref+ref+one", "ref+ref+two"]}, follows=True)
    shell = new_shell(provider)
    secret = shell.get("NAME")
    assert (secret, shell.reject(secret), provider.calls) == ("ref+one", "ref+two", 2)


def test_an_unknown_provider(environ: Environ, new_shell: NewShell) -> None:
    """The error lists all that are known, beside the nearest."""
    environ(ONE="ref+vaullt://x", OTHER="ref+zzzzzz://x")
    shell = new_shell("env")
    listed = re.escape("known are " + ", ".join(sorted(known_schemes())))
    for name in ("ONE", "OTHER"):
        with pytest.raises(ProviderResponseError, match=listed):
            shell.get(name)


def test_a_pointer_is_believed_for_its_own_time(kind: ShellKind, new_shell: NewShell, clock: FakeClock) -> None:
    """Not as long as what it points at: where it points may change meanwhile."""
    front = kind.provider({"NAME": [Found("ref+back://one", max_age=10), "ref+back://two"]}, name="front", follows=True)
    back = kind.provider({"one": "1", "two": "2"}, name="back")
    shell = new_shell(front, back, ttl=100)
    assert shell.get("NAME") == "1"
    clock.advance(11)
    assert shell.get("NAME") == "2"


def test_rotation_of_a_pointer(kind: ShellKind, new_shell: NewShell) -> None:
    """The name is told of when its pointer changes, though it reads a field of what is behind it."""
    front = kind.provider({"NAME": ["ref+back://one#f", "ref+back://two#f"]}, name="front", follows=True)
    back = kind.provider({"one": '{"f": "1"}', "two": '{"f": "2"}'}, name="back")
    shell = new_shell(front, back)
    heard: list[tuple[str, str]] = []
    shell.on_rotate(lambda event: heard.append((event.name, event.provider)))
    shell.get("NAME")
    assert shell.get("NAME", fresh=True) == "2"
    shell.until(lambda: heard)
    assert heard == [("NAME", "front")]


def test_rotation_behind_a_pointer(kind: ShellKind, new_shell: NewShell) -> None:
    """And when the field changes that it leads to; not when another field does."""
    front = kind.provider({"NAME": "ref+back://doc#f"}, name="front", follows=True)
    back = kind.provider({"doc": ['{"f": 1, "g": 1}', '{"f": 1, "g": 2}', '{"f": 2, "g": 2}']}, name="back")
    shell = new_shell(front, back)
    heard: list[tuple[str, str]] = []
    shell.on_rotate(lambda event: heard.append((event.name, event.provider)))
    for value in ("1", "1", "2"):
        assert shell.get("NAME", fresh=True) == value
    shell.until(lambda: heard)
    assert heard == [("NAME", "back")]
