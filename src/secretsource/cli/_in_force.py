"""Say which configuration is in force, and why others are not."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secretsource.cli._terminal.output import say, warn
from secretsource.config import absence, find_config, find_dotenv, unread_files

if TYPE_CHECKING:
    from secretsource.cli._arguments.choice import Choice
    from secretsource.config import Config, Sighting

__all__ = ["InForce"]


_SILENT = logging.NullHandler()
"""Keeps the log of passed-over files away from standard error, because `InForce` says the same."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The configuration files around the working directory.

    Attributes:
        config: The configuration in force; None where the environment alone names the providers.
        silent: The file that says nothing of providers, as one clause; empty without such a file.
        unread: Configurations that are not read, because another one is in force.
        passed_over: Files that are ignored, each with the reason.
    """

    config: Config | None
    silent: str
    unread: tuple[Path, ...]
    passed_over: tuple[Sighting, ...]

    @classmethod
    def of(cls, choice: Choice) -> InForce:
        """Look at the options of the command and at its working directory."""
        logging.getLogger("secretsource").addHandler(_SILENT)
        config = choice.config()
        is_named = choice.path is not None or bool(os.environ.get("SECRETSOURCE_CONFIG"))
        passed_over = (() if is_named else find_config().passed_over) + find_dotenv().passed_over
        if config is None:
            none = absence(choice.path)
            return cls(None, none.reason if none.file else "", (), passed_over)
        return cls(config, "", () if config.file is None else tuple(unread_files(config.file)), passed_over)

    def tell(self) -> None:
        """Write it on standard error, because a program may read standard output."""
        config = self.config
        if config is None:
            because = f", because {self.silent}" if self.silent else ""
            say("configuration", f"none{because}: the chain follows from the variables of the environment")
        else:
            say("configuration", f"{config.file}, environment {config.environment!r}")
            for file in self.unread:
                table = ", whose [tool.secretsource] counts only without it" if file.name == "pyproject.toml" else ""
                say("note", f"{config.file} is in force, and not {file}{table}")
        for seen in self.passed_over:
            warn(seen.notice)

    def described(self) -> dict[str, Any]:
        """Write the same as a JSON document."""
        config = self.config
        return {
            "file": None if config is None else str(config.file),
            "environment": None if config is None else config.environment,
            "not_read": [str(file) for file in self.unread],
            "passed_over": [{"file": seen.path, "reason": seen.doubt} for seen in self.passed_over],
        }
