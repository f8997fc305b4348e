"""What the log says of look-ups: one line for a kind of trouble at a provider, at most once a minute."""

from __future__ import annotations

import sys
from subprocess import run
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from tests.shells import Shell

from secretsource import Resolver
from secretsource.exceptions import ProviderDenied, ProviderError, SecretNotFound
from secretsource.providers.base import Failed, FailureCode
from secretsource.resolver._engine.notices import EVERY
from secretsource.testing import FakeClock, ScriptedProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.shells import ShellKind

    NewShell = Callable[..., Shell]

DOWN = Failed(FailureCode.UNAVAILABLE, "s3cr3t reason")
DENIED = Failed(FailureCode.DENIED, "s3cr3t reason")
UNKNOWN = Failed(FailureCode.UNAUTHENTICATED, "s3cr3t reason")

STALE_LINE = "provider 'scripted' cannot be asked (unavailable): old values are served, until they reach max_stale"
DENIED_LINE = "provider 'scripted' refuses a secret (denied): its old value is not served any more"
WIRING_LINE = "provider 'scripted' cannot be used as it is set up (unauthenticated): run  secretsource doctor"


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged since the last look, each a warning of ours."""
    assert {(record.name, record.levelname) for record in caplog.records} <= {("secretsource", "WARNING")}
    said = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return said


def pass_denials(shell: Shell) -> None:
    """Let the chain go on behind a provider that refuses."""
    chain = shell.engine.chain
    shell.engine._chain = chain._replace(routes=tuple(route._replace(on_denied="next") for route in chain.routes))


def test_an_old_value(kind: ShellKind, new_shell: NewShell, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """Serving it is logged once a minute for all names of a provider, whatever the name and the failure say."""
    shell = new_shell(kind.provider({"A": ["s3cr3t", DOWN], "B": ["s3cr3t", DOWN]}), ttl=100, revalidate=0)
    assert [shell.get(name).served for name in "AB"] == ["live", "live"]
    assert lines(caplog) == []
    clock.advance(101)
    assert [shell.get(name).served for name in "ABA"] == ["stale"] * 3
    assert lines(caplog) == [STALE_LINE]
    clock.advance(EVERY - 0.1)
    assert shell.get("B").served == "stale"
    assert lines(caplog) == []
    clock.advance(0.2)
    assert shell.get("B").served == "stale"
    assert lines(caplog) == [STALE_LINE]


def test_a_refusal(kind: ShellKind, new_shell: NewShell, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """A look-up that ends on one is logged; with a default too, since a default is for what is not there."""
    shell = new_shell(kind.provider({"A": ["s3cr3t", DENIED]}), ttl=100, revalidate=0)
    shell.get("A")
    clock.advance(101)
    for how in ({}, {"default": "x"}, {"fresh": True}):
        with pytest.raises(ProviderDenied):
            shell.get("A", **how)
    assert lines(caplog) == [DENIED_LINE]


@pytest.mark.parametrize("code", [FailureCode.DISABLED, FailureCode.DELETED])
def test_what_somebody_ended(
    code: FailureCode, kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture
) -> None:
    """A secret that was disabled or deleted is refused, and logged as that."""
    with pytest.raises(ProviderDenied):
        new_shell(kind.provider({"A": Failed(code)})).get("A")
    assert lines(caplog) == [DENIED_LINE.replace("denied", code.value)]


@pytest.mark.parametrize("code", [FailureCode.MISCONFIGURED, FailureCode.UNAUTHENTICATED])
def test_a_fault_of_the_wiring(
    code: FailureCode, kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and where to look."""
    with pytest.raises(ProviderError):
        new_shell(kind.provider({"A": Failed(code)})).get("A")
    assert lines(caplog) == [WIRING_LINE.replace("unauthenticated", code.value)]


def test_behind_a_provider_that_refuses(kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture) -> None:
    """Where the chain goes on, a denial means "not there"; credentials that are not accepted are a fault even so."""
    shell = new_shell(
        kind.provider({"A": DENIED, "B": UNKNOWN}), kind.provider({"A": "s3cr3t", "B": "s3cr3t"}, name="second")
    )
    pass_denials(shell)
    assert shell.get("A") == "s3cr3t"
    assert lines(caplog) == []
    assert shell.get("B") == "s3cr3t"
    assert lines(caplog) == [WIRING_LINE]


def test_many_at_once(kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture) -> None:
    """What is missing behind such a fault is logged as well."""
    shell = new_shell(kind.provider({"A": [UNKNOWN], "B": [UNKNOWN]}))
    pass_denials(shell)
    with pytest.raises(SecretNotFound):
        shell.get_many(["A", "B"])
    assert lines(caplog) == [WIRING_LINE]


def test_each_provider_and_kind_has_its_line(
    kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is in trouble does not hide another, nor another trouble of its own."""
    shell = new_shell(kind.provider({"A": DENIED, "B": UNKNOWN}), kind.provider({"A": DENIED}, name="other"))
    for name in ("A", "B", "other://A", "A"):
        with pytest.raises(ProviderDenied):
            shell.get(name)
    assert lines(caplog) == [DENIED_LINE, WIRING_LINE, DENIED_LINE.replace("scripted", "other")]


def test_a_pointer_that_leads_nowhere(
    new_shell: NewShell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a fault of whoever wrote it, at the provider that has it; its text is not logged."""
    monkeypatch.setenv("A", "ref+s3cr3t")
    with pytest.raises(ProviderError):
        new_shell("env").get("A")
    assert lines(caplog) == [WIRING_LINE.replace("scripted", "env").replace("unauthenticated", "misconfigured")]


def test_the_site_is_told(
    kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the provider asks stands behind its name."""
    provider = kind.provider({"A": DENIED})
    monkeypatch.setattr(type(provider), "site", "eu-west-1", raising=False)
    with pytest.raises(ProviderDenied):
        new_shell(provider).get("A")
    assert lines(caplog) == [DENIED_LINE.replace("'scripted'", "'scripted' (eu-west-1)")]


def test_what_is_not_logged(kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture) -> None:
    """A value, an absence, an outage that is raised, and what `explain` finds out for a person."""
    shell = new_shell(kind.provider({"A": "a", "C": DOWN, "D": DENIED, "E": Failed(FailureCode.MALFORMED)}))
    assert (shell.get("A"), shell.get("B", default=None)) == ("a", None)
    for name in "CE":
        with pytest.raises(ProviderError):
            shell.get(name)
    assert shell.explain("D").outcome == "denied"
    assert lines(caplog) == []


def test_a_quiet_resolver(kind: ShellKind, new_shell: NewShell, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged where the program says it in another way."""
    shell = new_shell(kind.provider({"A": DENIED}))
    shell.resolver.silence()
    with pytest.raises(ProviderDenied):
        shell.get("A")
    assert lines(caplog) == []


class Overtaken(dict[tuple[str, str], float]):
    """A look into it is overtaken by another thread, if that is possible."""

    def __init__(self, other: Thread) -> None:
        super().__init__()
        self._other = other

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key, default)
        if self._other.ident is None:
            self._other.start()
            self._other.join(0.1)
        return found


def test_the_rate_holds_for_all_threads(caplog: pytest.LogCaptureFixture) -> None:
    """Two that meet one trouble at the same moment have one line."""
    resolver = Resolver([ScriptedProvider({"A": DENIED})], clock=FakeClock())

    def ask() -> None:
        with pytest.raises(ProviderDenied):
            resolver.get("A")

    other = Thread(target=ask)
    resolver._engine.notices._due = Overtaken(other)
    ask()
    other.join()
    assert lines(caplog) == [DENIED_LINE]


def test_logging_is_loaded_for_a_line_only() -> None:
    """A program that never meets trouble does not pay for its import."""
    program = (
        "import os, sys; from secretsource import Resolver; from secretsource.exceptions import ProviderError\n"
        "os.environ.update(GOOD='a', BAD='ref+nowhere'); resolver = Resolver(['env', 'memory'])\n"
        "resolver.get('GOOD'); resolver.get('NONE', default=None); print('logging' in sys.modules)\n"
        "try: resolver.get('BAD')\n"
        "except ProviderError: print('logging' in sys.modules)\n"
    )
    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "True"]
