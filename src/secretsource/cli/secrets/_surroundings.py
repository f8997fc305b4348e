"""Make the environment of a command: ours as it was given, with or without the credentials of the providers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from secretsource.resolver import FOLLOW_MARK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secretsource import ProviderHandle
    from secretsource.config import Config

__all__ = ["inherited", "own_credentials"]

COERCED = b"LC_CTYPE"
"""The variable that Python sets for itself and its children where the locale is C (PEP 538)."""

FROM_ENVIRONMENT = f"{FOLLOW_MARK}env://"


def inherited() -> dict[bytes, bytes]:
    """Return the variables that this process was started with, as bytes: the locale may lack characters of a value."""
    if sys.platform == "win32":  # pragma: no cover - variables are text there
        return {os.fsencode(name): value.encode() for name, value in os.environ.items()}
    variables = dict(os.environb)
    if COERCED in variables:
        given = _given()
        if given is not None and COERCED not in given:
            del variables[COERCED]
        elif given is not None:
            variables[COERCED] = given[COERCED]
    return variables


def own_credentials(providers: Iterable[ProviderHandle], config: Config | None) -> frozenset[str]:
    """Name the variables with credentials of the providers: those of their drivers, and those of their settings."""
    settings = [] if config is None else [provider.settings for provider in config.providers]
    referred = [text.removeprefix(FROM_ENVIRONMENT) for text in _texts(settings) if text.startswith(FROM_ENVIRONMENT)]
    return frozenset(referred).union(*(provider.credentials for provider in providers))


def _given() -> Mapping[bytes, bytes] | None:
    """Read the environment as the system gave it to this process; None where the system does not keep it."""
    if sys.platform != "linux":
        return None
    try:
        pairs = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return {name: value for name, mark, value in (pair.partition(b"=") for pair in pairs) if mark}


def _texts(value: object) -> list[str]:
    """List every text in settings, at any depth."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return _texts(list(value.values()))
    return [text for each in value for text in _texts(each)] if isinstance(value, (list, tuple)) else []
