"""Every provider x everything that can become of a secret, through the resolver: one row each, one column each.

AWS is moto over HTTP; Vault is OpenBao; Google Cloud and Azure are servers of ours, on the vendors' wires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.chain.outcomes import CELLS, COLUMNS, PROVIDERS, SERVED, cell, expected, table
from tests.chain.worlds import bao, become_nobody, disable, harness, world
from tests.shells import Shell

from secretsource import AsyncResolver, Resolver
from secretsource.exceptions import ProviderDenied, ProviderError, ProviderResponseError, ProviderUnavailable
from secretsource.providers.base import FailureCode
from secretsource.providers.memory import MemoryProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

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

UNNUMBERED = {"env", "dotenv", "file"}
"""Providers whose old version is in a place of its own, and has no identifier to ask for."""

ERRORS: dict[FailureCode, type[ProviderError]] = {
    **{code: ProviderUnavailable for code in FailureCode if code.retryable},
    **dict.fromkeys((FailureCode.DENIED, FailureCode.DISABLED, FailureCode.DELETED), ProviderDenied),
    FailureCode.MALFORMED: ProviderResponseError,
}


@pytest.fixture(params=[Resolver, AsyncResolver])
def shell(harness: ProviderHarness, clock: FakeClock, request: pytest.FixtureRequest) -> Generator[Shell]:
    """A chain of the provider and of a weaker source, which has every name."""
    weaker = MemoryProvider(dict.fromkeys(("NAME", "OTHER", "ABSENT"), "weaker"), name="next")
    shell = Shell(request.param([harness.provider, weaker], jitter=0, clock=clock, ttl=TTL, max_stale=MAX_STALE))
    yield shell
    shell.end()
    if harness.provider.name in SERVED:
        harness.heal()


@pytest.mark.parametrize(("provider", "column"), CELLS)
def test_cell(
    provider: str,
    column: str,
    harness: ProviderHarness,
    shell: Shell,
    clock: FakeClock,
    record_property: Callable[[str, object], None],
) -> None:
    """What the design says, with nothing kept and past the ttl; a failure serves only a value that it may serve."""
    record_property("cell", cell(provider, column, asynchronous=isinstance(shell.resolver, AsyncResolver)))
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
    word = expected(provider, column)
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


def test_the_table_shows_what_was_found() -> None:
    """A cell has its word when both shells keep to it; one that failed, or was not asked, is no word."""
    results = {cell(*place, asynchronous=kind): "passed" for place in CELLS for kind in (False, True)}
    header, *rows = table(results)[: 1 + len(PROVIDERS)]
    assert header.split("  ")[-1] == "disabled"
    assert [row.split()[0] for row in rows] == PROVIDERS
    assert sum(row.count(" - (") for row in rows) == len(PROVIDERS) * len(COLUMNS) - len(CELLS)
    assert "FAILED" not in str(rows)
    results[cell("vault", "slow", asynchronous=True)] = "failed"
    del results[cell("gcp", "absent", asynchronous=False)]
    told = {row.split()[0]: row for row in table(results)[1 : 1 + len(PROVIDERS)]}
    assert told["vault"].split()[5] == "FAILED"
    assert told["gcp"].split()[1] == "untested"
    assert [name for name, row in told.items() if row not in rows] == ["vault", "gcp"]
