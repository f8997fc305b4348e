"""``secretsource check``: whether every declared secret can be had, and where; never its value."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from secretsource.cli._dotenv_safety import dotenv_files, dotenv_warnings
from secretsource.cli._exit_codes import MISSING, MISTAKE, UNAVAILABLE
from secretsource.cli._options import Json
from secretsource.cli._output import say, show_table, warn, write_json
from secretsource.cli._wiring import Wiring, declared_secrets
from secretsource.exceptions import ResolveError
from secretsource.providers.base import FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from secretsource import Resolver
    from secretsource.config import SecretConfig
    from secretsource.resolver._trace import Trace

__all__ = ["check"]

COLUMNS = ("name", "required", "outcome", "provider", "version", "served", "where")

FOUND, NOT_FOUND = "found", "not found"

THREADS = 8
"""How many secrets are asked for at a time."""


def check(context: typer.Context, as_json: Json = False) -> None:
    """Check every declared secret, without showing a value.

    Shows which provider has it, and where. Fails when a required secret is missing, or when a provider refuses or
    cannot be asked for any of them. Warns when the .env file is tracked by git, not ignored by it, or open to other
    users of the machine.
    """
    wiring = Wiring.of(context)
    config = wiring.config()
    secrets = declared_secrets(config, purpose="to check")
    with wiring.resolver() as resolver:
        findings = _findings(resolver, secrets)
    warnings = [warning for file in dotenv_files(config) for warning in dotenv_warnings(file)]
    code = exit_code(findings)
    if as_json:
        document = [finding.described() for finding in findings]
        write_json({"ok": code == 0, "secrets": document, "warnings": warnings})
    else:
        show_table(COLUMNS, [finding.row() for finding in findings])
        for finding in findings:
            if not finding.fine and finding.trace.error is not None:
                say("error", finding.trace.error)
        for warning in warnings:
            warn(warning)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one declared secret."""

    secret: SecretConfig
    trace: Trace

    @property
    def fine(self) -> bool:
        """Whether the application can live with it: it is there, or it is not required and simply absent."""
        return self.trace.outcome == FOUND or (self.trace.outcome == NOT_FOUND and not self.secret.required)

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        provider, version, where = self._origin()
        required = "yes" if self.secret.required else "no"
        return (
            self.secret.name, required, self.trace.outcome, provider, version or "", self.trace.served or "", where
        )  # fmt: skip

    def described(self) -> dict[str, Any]:
        """The same as a JSON document."""
        provider, version, where = self._origin()
        return {
            "name": self.secret.name,
            "required": self.secret.required,
            "description": self.secret.description,
            "outcome": self.trace.outcome,
            "provider": provider or None,
            "version": version,
            "served": self.trace.served,
            "where": where or None,
            "error": self.trace.error,
        }

    def _origin(self) -> tuple[str, str | None, str]:
        """Provider, version and place of the answer; nothing for one that all providers said is not there."""
        if self.trace.outcome == NOT_FOUND:
            return "", None, ""
        decisive = self.trace.steps[-1]
        return decisive.provider, decisive.version, decisive.reference


def exit_code(findings: Iterable[Finding]) -> int:
    """What stands most in the way: a mistake, then a secret that is missing or denied, then an outage."""
    troubles = {finding.trace.outcome for finding in findings if not finding.fine}
    if troubles & {FailureCode.MALFORMED.value, FailureCode.MISCONFIGURED.value}:
        return MISTAKE
    if troubles - {code.value for code in FailureCode if code.retryable}:
        return MISSING
    return UNAVAILABLE if troubles else 0


def _findings(resolver: Resolver, secrets: Mapping[str, SecretConfig]) -> Sequence[Finding]:
    """One finding per secret: asked for in batches where a provider has them, then each for its own trace."""
    with suppress(ResolveError):  # the traces say which, and why
        resolver.get_many(secrets, default=None)
    with ThreadPoolExecutor(THREADS) as pool:
        return [Finding(*pair) for pair in zip(secrets.values(), pool.map(resolver.explain, secrets), strict=True)]
