"""What is expected of every provider in every case, and the table of what was found.

It needs no provider, so that the end of a run can show the table in a process that has tested nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CELLS", "COLUMNS", "PROVIDERS", "SERVED", "cell", "expected", "table"]

PROVIDERS = ["env", "dotenv", "file", "memory", "aws", "aws-ssm", "vault", "gcp", "azure"]
SERVED = PROVIDERS[4:]
"""Those behind a network."""

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
    **{(provider, "disabled"): NO_SWITCH for provider in ("dotenv", "file", "aws", "aws-ssm")},
}
"""Why a provider cannot have an outcome."""

CELLS = [(provider, column) for provider in PROVIDERS for column in COLUMNS if (provider, column) not in FOOTNOTES]

SHELLS = ("sync", "async")


def expected(provider: str, column: str) -> str:
    """The word in a cell."""
    return EXCEPTIONS.get((provider, column), COLUMNS[column])


def cell(provider: str, column: str, *, asynchronous: bool) -> str:
    """What one test of a cell is called in the report of a run."""
    return f"{provider}/{column}/{SHELLS[asynchronous]}"


def table(results: Mapping[str, str]) -> list[str]:
    """The table, as far as it was tested.

    Args:
        results: What `cell` calls a test, to "passed" or "failed".

    Returns:
        A line of columns, one for each provider, and one for each footnote.
    """
    notes = list(dict.fromkeys(FOOTNOTES.values()))
    lines = [f"{'':10}" + "".join(f"{column:13}" for column in COLUMNS).rstrip()]
    for provider in PROVIDERS:
        cells = [
            f"- ({notes.index(FOOTNOTES[provider, column]) + 1})"
            if (provider, column) in FOOTNOTES
            else _found(provider, column, results)
            for column in COLUMNS
        ]
        lines.append(f"{provider:10}" + "".join(f"{one:13}" for one in cells).rstrip())
    return [
        *lines,
        *(f"({number}) {note}" for number, note in enumerate(notes, 1)),
        "each by threads and by tasks; next: the next provider answers; first, second: the value of that version",
        "throttled, unavailable and timeout: ProviderUnavailable, or past its ttl the old value, stale",
    ]


def _found(provider: str, column: str, results: Mapping[str, str]) -> str:
    """The word that both shells were found to keep to, or that one was not, or has not been asked."""
    found = {results.get(cell(provider, column, asynchronous=kind), "untested") for kind in (False, True)}
    return expected(provider, column) if found == {"passed"} else "FAILED" if "failed" in found else "untested"
