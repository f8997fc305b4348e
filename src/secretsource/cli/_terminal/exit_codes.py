"""The exit codes of the commands, and the code of each error.

A command that ``run`` started ends with its own code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import (
    ConfigurationError,
    Conflict,
    InvalidReference,
    InvalidRequest,
    ProviderResponseError,
    ProviderUnavailable,
    StoreError,
)

if TYPE_CHECKING:
    from secretsource.exceptions import SecretSourceError

__all__ = [
    "CLOSED_PIPE",
    "DEFECT",
    "INTERRUPTED",
    "MISSING",
    "MISTAKE",
    "NOT_A_COMMAND",
    "NOT_EXECUTABLE",
    "PARTLY",
    "UNAVAILABLE",
    "code_of",
]

MISSING = 1
"""A secret is missing or may not be read; a key is missing or rejected."""

MISTAKE = 2
"""The arguments, the configuration or the stored value are wrong; another attempt does not help."""

UNAVAILABLE = 3
"""A provider or a store did not answer; another attempt may succeed."""

PARTLY = 4
"""An import rejected some of its rows, and stored all others."""

DEFECT = 70
"""A mistake in this program (sysexits.h ``EX_SOFTWARE``)."""

NOT_EXECUTABLE = 126
"""``run`` could not start the command that it found; the code that shells use."""

NOT_A_COMMAND = 127
"""``run`` did not find the command; the code that shells use."""

INTERRUPTED = 130
"""Ctrl-C; the code that shells use: 128 + SIGINT."""

CLOSED_PIPE = 141
"""The reader of the output is gone; the code that shells use: 128 + SIGPIPE."""

_CODES: tuple[tuple[type[SecretSourceError], int], ...] = (
    (ConfigurationError, MISTAKE),
    (Conflict, MISTAKE),
    (InvalidReference, MISTAKE),
    (InvalidRequest, MISTAKE),
    (ProviderResponseError, MISTAKE),
    (ProviderUnavailable, UNAVAILABLE),
    (StoreError, UNAVAILABLE),
)


def code_of(error: SecretSourceError) -> int:
    """Return the exit code for an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), MISSING)
