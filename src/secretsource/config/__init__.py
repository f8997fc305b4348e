"""``secretsource.toml``, or ``[tool.secretsource]`` of ``pyproject.toml``, as one frozen and validated object."""

from __future__ import annotations

from secretsource._ground.repository import Nearest, Sighting
from secretsource.config._config import Config, SecretConfig, parse_config
from secretsource.config._file import find_config, find_dotenv, unread_files
from secretsource.config._load import Absence, absence, load_config, load_table
from secretsource.config._provider import ProviderConfig, settings_from_url
from secretsource.config._section import Section
from secretsource.config._settings import Setting, driver_settings

__all__ = [
    "Absence",
    "Config",
    "Nearest",
    "ProviderConfig",
    "SecretConfig",
    "Section",
    "Setting",
    "Sighting",
    "absence",
    "driver_settings",
    "find_config",
    "find_dotenv",
    "load_config",
    "load_table",
    "parse_config",
    "settings_from_url",
    "unread_files",
]
