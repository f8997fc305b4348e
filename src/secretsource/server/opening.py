"""Open what a serving process stands on: its settings, the store, the peppers and the limiter."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from secretsource import get_secret
from secretsource.config import load_table
from secretsource.exceptions import ConfigurationError, SecretNotFound
from secretsource.issuing import AsyncApiKeys, KeyFormat
from secretsource.resolver import FOLLOW_MARK
from secretsource.server.rights import ROOT_PREFIX
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import ServerSettings, read_settings

if TYPE_CHECKING:
    from secretsource.issuing import Settings

__all__ = ["PEPPER", "key_settings", "load_settings", "open_service", "resolved"]

PEPPER = "SECRETSOURCE_PEPPER"


def load_settings() -> ServerSettings:
    """Read the table ``[server]`` of the configuration that is in force; without one, take every default.

    The variable ``SECRETSOURCE_CONFIG`` names the file, and ``SECRETSOURCE_STORE`` the store unless the file does.

    Raises:
        ConfigurationError: The file or a setting is wrong.
    """
    table = load_table("server")
    settings, store = read_settings(table), os.environ.get("SECRETSOURCE_STORE")
    is_named = table is not None and "store" in table.table
    return replace(settings, store=store) if store and not is_named else settings


def resolved(setting: str) -> str:
    """Return a setting, looked up if it is a reference such as ``ref+vault://kv/app#store``.

    Args:
        setting: The text in the file.

    Raises:
        ResolveError: The provider does not have it, or could not be asked.
    """
    return get_secret(setting) if setting.startswith(FOLLOW_MARK) else setting


def key_settings(settings: ServerSettings) -> Settings:
    """Return the settings of the keys; root keys have a prefix beside those of the customers."""
    prefixes = (*settings.prefixes, ROOT_PREFIX) if settings.prefixes else ()
    given: Settings = {
        "format": KeyFormat(prefixes=prefixes, environments=settings.environments),
        "ttl": settings.ttl,
        "note_clients": settings.note_clients,
        "imported": settings.imported,
    }
    if settings.limiter is not None:
        given["limiter"] = resolved(settings.limiter)
    return given


async def open_service(settings: ServerSettings) -> Service:
    """Open the keys by the settings; the peppers are the secret ``SECRETSOURCE_PEPPER``, and are followed.

    Args:
        settings: The settings.

    Raises:
        ConfigurationError: A setting cannot work, or there is no pepper.
        ResolveError: A provider of a setting or of the peppers could not be asked.
    """
    await asyncio.to_thread(_check_pepper)
    keys = await AsyncApiKeys.open(resolved(settings.store), **key_settings(settings))
    return Service(keys, settings, RootKeys(keys))


def _check_pepper() -> None:
    """Check that there is a pepper: without it, the service would refuse every key, and issue keys that are weak."""
    try:
        get_secret(PEPPER)
        return
    except SecretNotFound:
        pass
    raise ConfigurationError(f"there is no pepper: run  secretsource serve --init, or set {PEPPER}")
