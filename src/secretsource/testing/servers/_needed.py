"""The modules that a server needs; several servers may start at once."""

from __future__ import annotations

from importlib.util import find_spec

from secretsource._ground.imports import in_turn, load
from secretsource.exceptions import ConfigurationError

__all__ = ["need"]

EXTRA = "secretsource[testing]"


def need(who: str, *modules: str) -> None:
    """Import the modules that ``who`` needs; if one is missing, fail with the extra to install.

    Raises:
        ConfigurationError: A module is missing.
    """
    missing = in_turn(lambda: next((module for module in modules if not _is_there(module)), None))
    if missing is not None:
        raise ConfigurationError(f"{who} needs {missing}, which is not installed: run  pip install '{EXTRA}'")
    load(*modules)


def _is_there(module: str) -> bool:
    """Return whether a module can be found; a search imports the package above the module, so it needs a turn."""
    try:
        return find_spec(module) is not None
    except ImportError:  # the package above it
        return False
