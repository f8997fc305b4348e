"""Every provider x everything that can become of a secret, through the resolver: one row each, one column each.

AWS is moto over HTTP; Vault is OpenBao; Google Cloud and Azure are servers of ours, on the vendors' wires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.chain.worlds import PROVIDERS, SERVED, bao, become_nobody, disable, harness, world
from tests.shells import Shell

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ProviderDenied, ProviderError, ProviderResponseError, ProviderUnavailable
from secretsource.providers.base import FailureCode
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing import FakeClock, ProviderHarness

__all__ = ["bao", "become_nobody", "harness", "world"]

TTL, MAX_STALE = 100.0, 1000.0
PATIENCE = 0.5

FAULTS = {
    "denied": "deny",
    "throttled": "throttle",
    "unavailable": "down",
    "timeout": "hang",
    "malformed": "break_response",
}

COLUMNS: dict[str, str] = {
    "absent": "next",
    "denied": "denied",
    "throttled": "throttled",
    "down": "unavailable",
    "slow": "timeout",
    "malformed": "malformed",
    "new version": "second",
    "old version": "first",
    "deleted": "next",
    "disabled": "disabled",
}
"""What is expected of each provider in a column: who answers, which value is given, or the code of the failure."""

EXCEPTIONS = {
    ("aws", "deleted"): "deleted",  # it can be restored
    ("vault", "deleted"): "deleted",  # it can be undeleted
    ("vault", "disabled"): "deleted",  # a destroyed version is the nearest that Vault has
}

LOCAL, OWN = "a local file system has no such fault", "the process reads its own memory"
NO_SWITCH = "a secret here has no switch"
FOOTNOTES: dict[tuple[str, str], str] = {
    **{(own, column): OWN for own in ("env", "memory") for column in (*list(COLUMNS)[1:6], "disabled")},
    **{(local, column): LOCAL for local in ("dotenv", "file") for column in ("throttled", "down", "slow")},
    **{(provider, "disabled"): NO_SWITCH for provider in ("dotenv", "file", "aws")},
}
"""Why a provider cannot have an outcome."""

UNNUMBERED = {"env", "dotenv", "file"}
"""Providers whose old version is in a place of its own, and has no identifier to ask for."""

ERRORS: dict[FailureCode, type[ProviderError]] = {
    **{code: ProviderUnavailable for code in FailureCode if code.retryable},
    **dict.fromkeys((FailureCode.DENIED, FailureCode.DISABLED, FailureCode.DELETED), ProviderDenied),
    FailureCode.MALFORMED: ProviderResponseError,
}

CELLS = [(provider, column) for provider in PROVIDERS for column in COLUMNS if (provider, column) not in FOOTNOTES]


@pytest.fixture(params=[Resolver, AsyncResolver])
def shell(harness: ProviderHarness, clock: FakeClock, request: pytest.FixtureRequest) -> Generator[Shell]:
    """A chain of the provider and of a weaker source, which has every name."""
    weaker = MemoryProvider(dict.fromkeys(("NAME", "OTHER", "ABSENT"), "weaker"), name="next")
    shell = Shell(request.param([harness.provider, weaker], jitter=0, clock=clock, ttl=TTL, max_stale=MAX_STALE))
    yield shell
    if harness.provider.name in SERVED:
        harness.heal()  # before the loop ends, so that a connection that hung can be given up on both sides
    shell.end()


@pytest.mark.parametrize(("provider", "column"), CELLS)
def test_cell(provider: str, column: str, harness: ProviderHarness, shell: Shell, clock: FakeClock) -> None:
    """What the design says, with nothing kept and past the ttl; a failure serves only a value that it may serve."""
    harness.put("NAME", "first")
    harness.put("OTHER", "first")
    assert told(shell, "NAME") == "first"
    if column == "old version":
        assert older_versions(harness, shell) == ["first"] * 2
        return
    if column == "absent":
        assert told(shell, "ABSENT") == "next"
        return
    happen(harness, provider, column)
    clock.advance(TTL * 3)
    if column == "slow":
        shell.engine.deadline = PATIENCE
    word = EXCEPTIONS.get((provider, column), COLUMNS[column])
    assert [told(shell, "OTHER"), told(shell, "NAME")] == [word, "first, stale" if may_be_stale(word) else word]


def happen(harness: ProviderHarness, provider: str, column: str) -> None:
    """Bring about a column for both names."""
    if column == "malformed":
        harness.break_response("broken")
    elif COLUMNS[column] in FAULTS:
        getattr(harness, FAULTS[COLUMNS[column]])()
    else:
        for name in ("NAME", "OTHER"):
            if column == "new version":
                harness.rotate(name, "second")
            elif column == "disabled":
                disable(harness, name)
            else:
                harness.delete(name)


def older_versions(harness: ProviderHarness, shell: Shell) -> list[str]:
    """The version before a new one: beside it, and by its identifier where there is one."""
    first = shell.get("NAME").version
    harness.rotate("NAME", "second")
    shell.invalidate("NAME")
    beside = shell.get_set("NAME")
    assert beside.current == "second"
    assert beside.previous is not None
    by_identifier = beside.previous if harness.provider.name in UNNUMBERED else shell.get("NAME", version=first)
    return [str(beside.previous), str(by_identifier)]


def told(shell: Shell, name: str) -> str:
    """What a read came to: a value, the next provider's turn, or the code of a failure of the right class."""
    try:
        secret = shell.get(name)
    except ProviderError as error:
        return error.code.value if type(error) is ERRORS[error.code] else repr(error)
    if secret.provider == "next":
        return "next"
    return f"{secret}, stale" if secret.served == "stale" else str(secret)


def may_be_stale(word: str) -> bool:
    """Whether a word is the code of a failure that may pass by itself."""
    return word in {code.value for code in FailureCode if code.retryable}


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The table as it is tested, for whoever runs this test with ``-rP``; each dash has a footnote."""
    notes = list(dict.fromkeys(FOOTNOTES.values()))
    print(f"{'':10}" + "".join(f"{column:13}" for column in COLUMNS))
    for provider in PROVIDERS:
        cells = [
            EXCEPTIONS.get((provider, column), COLUMNS[column])
            if (provider, column) in CELLS
            else f"- ({notes.index(FOOTNOTES[provider, column]) + 1})"
            for column in COLUMNS
        ]
        print(f"{provider:10}" + "".join(f"{cell:13}" for cell in cells))
    for number, note in enumerate(notes, 1):
        print(f"({number}) {note}")
    print("throttled, unavailable and timeout: ProviderUnavailable, or the old value, stale, past its ttl")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(PROVIDERS) + len(notes) + 1
    print("\n".join(lines))
