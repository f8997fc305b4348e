"""What must be installed for a server to start."""

from __future__ import annotations

from importlib.util import find_spec

from secretsource.exceptions import ConfigurationError

__all__ = ["need"]

EXTRA = "secretsource[testing]"


def need(who: str, *modules: str) -> None:
    """Fail with what to install, where a module is missing that ``who`` is made of.

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
