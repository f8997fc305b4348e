"""The results of `check` for the declared secrets, and its verdict on all of them (pure)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from secretsource.cli._terminal.exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli._terminal.sentence import for_a_person, with_site
from secretsource.cli._terminal.urgent import Urgent
from secretsource.providers.base import FailureCode, SecretRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsource.config import SecretConfig
    from secretsource.resolver import Trace

__all__ = ["CheckedSecret", "counted", "exit_code", "grouped", "totals"]

FOUND, NOT_FOUND = "found", "not found"

_PASSING = frozenset(code.value for code in FailureCode if code.retryable)


@dataclass(frozen=True, slots=True)
class CheckedSecret:
    """One declared secret, after the check.

    Attributes:
        secret: The declaration.
        trace: The look-up.
        is_empty: Whether the value that was found has no character.
        sites: The site of each provider, by its name.
    """

    secret: SecretConfig
    trace: Trace
    is_empty: bool = False
    sites: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def fine(self) -> bool:
        """Whether the check passes: the secret is there; or it is optional, and absent or its provider is down."""
        outcome = self.trace.outcome
        return outcome == FOUND or (not self.secret.required and (outcome == NOT_FOUND or outcome in _PASSING))

    @property
    def need(self) -> str:
        """``required`` or ``optional``."""
        return "required" if self.secret.required else "optional"

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table; an outcome that fails the check is red."""
        provider, version, where = self._origin()
        required = "yes" if self.secret.required else "no"
        outcome = self.trace.outcome if self.fine else Urgent(self.trace.outcome)
        return self.secret.name, required, outcome, provider, version or "", self.trace.served or "", where

    def described(self) -> dict[str, Any]:
        """Write the same as a JSON document."""
        provider, version, where = self._origin()
        error = self.trace.error
        return {
            "name": self.secret.name,
            "required": self.secret.required,
            "description": self.secret.description,
            "outcome": self.trace.outcome,
            "provider": provider or None,
            "version": version,
            "served": self.trace.served,
            "where": where or None,
            "empty": self.is_empty,
            "error": None if error is None else for_a_person(error),
        }

    def _origin(self) -> tuple[str, str | None, str]:
        """Return provider, version and place of the answer; for a missing secret, every place that was asked."""
        asked = [step for step in self.trace.steps if isinstance(step.place, SecretRef)]
        places = [with_site(step.reference, self.sites.get(step.provider, "")) for step in asked]
        if self.trace.outcome == NOT_FOUND or not places:
            return "", None, ", ".join(places)
        return asked[-1].provider, asked[-1].version, places[-1]

    def likeness(self) -> str:
        """Return the sentence of the error without the names of this secret, so that equal troubles look equal."""
        sentence = self.trace.error or ""
        own = {self.secret.name, *(step.reference for step in self.trace.steps)}
        own |= {reference.partition("://")[2] for reference in own} - {""}
        for word in sorted(own, key=len, reverse=True):
            sentence = sentence.replace(repr(word), "…").replace(word, "…")
        return sentence


def exit_code(checked: Iterable[CheckedSecret]) -> int:
    """Choose the exit code: a mistake counts most, then a secret that is missing or denied, then an outage."""
    troubles = {one.trace.outcome for one in checked if not one.fine}
    if troubles & {FailureCode.MALFORMED.value, FailureCode.MISCONFIGURED.value}:
        return MISTAKE
    if troubles - _PASSING:
        return MISSING
    return UNAVAILABLE if troubles else 0


def grouped(checked: Iterable[CheckedSecret]) -> list[str]:
    """Join the sentences that a provider says of many names into one, with the names."""
    groups: dict[str, list[CheckedSecret]] = {}
    for one in checked:
        if one.trace.error is not None:
            groups.setdefault(one.likeness(), []).append(one)
    return [_sentence(alike) for alike in groups.values()]


def _sentence(alike: Sequence[CheckedSecret]) -> str:
    first = alike[0]
    error = first.trace.error or ""
    if len(alike) == 1:
        return error
    names = ", ".join(repr(one.secret.name) for one in alike)
    ours = f"secret {first.secret.name!r}"
    before, _, after = error.partition(ours)
    for steps in zip(*(one.trace.steps for one in alike), strict=False):
        if isinstance(steps[0].place, SecretRef):
            after = after.replace(steps[0].reference, ", ".join(dict.fromkeys(step.reference for step in steps)))
    return f"{before}secrets {names}{after.replace(' was not found', ' were not found', 1)}"


def counted(checked: Sequence[CheckedSecret]) -> dict[str, Any]:
    """Count the secrets that were found, and those that were not, by need and outcome."""
    lacking = Counter((one.need, one.trace.outcome) for one in checked if one.trace.outcome != FOUND)
    return {
        "secrets": len(checked),
        "found": len(checked) - lacking.total(),
        "failed": sum(not one.fine for one in checked),
        "required": {outcome: number for (need, outcome), number in lacking.items() if need == "required"},
        "optional": {outcome: number for (need, outcome), number in lacking.items() if need == "optional"},
    }


def totals(checked: Sequence[CheckedSecret]) -> str:
    """Write the counts as one line."""
    count = counted(checked)
    lacking = [
        f"{number} {need} {outcome}" for need in ("required", "optional") for outcome, number in count[need].items()
    ]
    secrets = "secret" if count["secrets"] == 1 else "secrets"
    return ", ".join([f"{count['secrets']} {secrets}: {count['found']} found", *lacking])
