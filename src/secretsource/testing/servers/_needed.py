"""The modules that a server needs."""

from __future__ import annotations

from importlib.util import find_spec

from secretsource.exceptions import ConfigurationError

__all__ = ["need"]

EXTRA = "secretsource[testing]"


def need(who: str, *modules: str) -> None:
    """Fail with the extra to install, if a module that ``who`` needs is missing.

    Raises:
        ConfigurationError: A module is missing.
    """
    for module in modules:
        if not _is_there(module):
            raise ConfigurationError(f"{who} needs {module}, which is not installed: run  pip install '{EXTRA}'")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:  # the package above it
        return False
