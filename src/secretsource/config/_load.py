"""From the file that is in force, or the one that is named, to the configuration of one environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from secretsource._ground.namedtuple import NamedTuple
from secretsource._ground.repository import Nearest
from secretsource._traceless import traceless
from secretsource.config._config import own_table, parse_config
from secretsource.config._file import find_config, nowhere, read_config
from secretsource.config._section import read_toml
from secretsource.exceptions import ConfigurationError
from secretsource.providers._registry import driver_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.config._config import Config
    from secretsource.config._provider import Drivers
    from secretsource.config._section import Section

__all__ = ["Absence", "absence", "load_config", "load_table"]


class Absence(NamedTuple):
    """The reason why no configuration is in force.

    Attributes:
        file: The file that says nothing of providers; None if there is no file.
        reason: The reason, as one clause.
        remedy: The next step, as one clause.
    """

    file: str | None
    reason: str
    remedy: str


@traceless
def load_config(
    path: str | os.PathLike[str] | None = None,
    *,
    environment: str | None = None,
    environ: Mapping[str, str] | None = None,
    drivers: Drivers = driver_class,
) -> Config | None:
    """Find, read and validate the configuration; None without a file, unless an environment was asked for.

    A file that has the table ``[server]`` alone says nothing of providers, and counts as none.

    Args:
        path: The file; without it ``SECRETSOURCE_CONFIG``, else the nearest ``secretsource.toml`` or ``pyproject.toml``
            with ``[tool.secretsource]`` from the working directory up to the root of its repository. Above the
            working directory, a file counts only where no other user could have put it.
        environment: Which environment; without it ``SECRETSOURCE_ENV``, else what the file says.
        environ: Environment variables, in place of those of the process.
        drivers: Finds the driver class of a scheme.

    Raises:
        ProviderNotInstalled: The chosen environment uses a provider whose package is missing.
        ConfigurationError: The file cannot be read, or something in it is wrong; or an environment was asked for, and
            there is no file.
    """
    variables = os.environ if environ is None else environ
    wanted = environment or variables.get("SECRETSOURCE_ENV") or None
    search = _search(path, variables)
    if search.path is not None:
        file = Path(search.path)
        text = read_config(file)
        if wanted is None and _says_nothing_of_providers(text, file):
            return None
        return parse_config(text, file=file, environment=wanted, drivers=drivers)
    if wanted is None:
        return None
    source = "" if environment else " of SECRETSOURCE_ENV"
    raise ConfigurationError(
        f"environment {wanted!r}{source} has no configuration file: {nowhere(search)}; "
        "run  secretsource init, or name the file with SECRETSOURCE_CONFIG"
    )


def absence(path: str | os.PathLike[str] | None = None) -> Absence:
    """Return why `load_config` finds no configuration.

    Args:
        path: The file, as for `load_config`.
    """
    search = _search(path, os.environ)
    if search.path is None:
        return Absence(None, nowhere(search), "run  secretsource init ")
    return Absence(search.path, f"{search.path} has the table [server] alone", "add a table [environments.NAME] to it")


@traceless
def load_table(
    name: str, path: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] | None = None
) -> Section | None:
    """Read one table of the configuration, for a part of the package that knows its keys.

    Args:
        name: The table, such as ``server``.
        path: The file, as for `load_config`.
        environ: Environment variables, in place of those of the process.

    Returns:
        The table, empty if the file does not have it; None without a file.

    Raises:
        ConfigurationError: The file cannot be read, is not TOML, or the name is not that of a table.
    """
    search = _search(path, os.environ if environ is None else environ)
    if search.path is None:
        return None
    file = Path(search.path)
    return own_table(read_toml(read_config(file), file)).section(name)


def _says_nothing_of_providers(text: str, file: Path) -> bool:
    return "server" in text and [*own_table(read_toml(text, file)).table] == ["server"]


def _search(path: str | os.PathLike[str] | None, variables: Mapping[str, str]) -> Nearest:
    named = path or variables.get("SECRETSOURCE_CONFIG")
    return Nearest(str(named), ()) if named else find_config()
