"""The exit codes of every command, and which error of our tree ends in which.

A command that ``run`` has started ends with a code of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import (
    ConfigurationError,
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
"""A secret is not there, or may not be read; a key is not there, or is rejected."""

MISTAKE = 2
"""What was asked, the configuration, or what is stored has a mistake that asking again does not mend."""

UNAVAILABLE = 3
"""A provider or a store could not be asked; asking again later may succeed."""

PARTLY = 4
"""An import is at its end: some of its rows were rejected, and all others are stored."""

DEFECT = 70
"""A mistake of this program itself (sysexits.h ``EX_SOFTWARE``)."""

NOT_EXECUTABLE = 126
"""``run`` found the command and could not start it, as shells say it."""

NOT_A_COMMAND = 127
"""``run`` did not find the command, as shells say it."""

INTERRUPTED = 130
"""Ctrl-C, as shells say it: 128 + SIGINT."""

CLOSED_PIPE = 141
"""The reader of our output went away, as shells say it: 128 + SIGPIPE."""

_CODES: tuple[tuple[type[SecretSourceError], int], ...] = (
    (ConfigurationError, MISTAKE),
    (InvalidReference, MISTAKE),
    (InvalidRequest, MISTAKE),
    (ProviderResponseError, MISTAKE),
    (ProviderUnavailable, UNAVAILABLE),
    (StoreError, UNAVAILABLE),
)


def code_of(error: SecretSourceError) -> int:
    """The exit code for an error of ours."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), MISSING)
