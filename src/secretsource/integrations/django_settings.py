"""Secrets for the settings of a Django project, asked for together.

    # at the end of settings.py
    secrets_into(globals(), {"SECRET_KEY": "SECRET_KEY", "DATABASES.default.PASSWORD": "app/database#password"})

Django and its packages take settings as plain text, so the secrets are read once, when the project starts. In code of
yours, ``get_secret`` follows rotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from secretsource import Resolver, get_secrets
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

__all__ = ["secrets_into"]


def secrets_into(
    settings: MutableMapping[str, Any],
    names: Mapping[str, str] | Iterable[str],
    *,
    resolver: Resolver | None = None,
) -> None:
    """Put secrets into settings; nothing is put anywhere unless all are there.

    Args:
        settings: The settings, such as ``globals()`` of their module.
        names: The name or reference of the secret for each setting; a list for settings that are called as their
            secrets. A dot leads into a dictionary: ``DATABASES.default.PASSWORD``.
        resolver: The resolver to ask; None asks that of `get_secret`.

    Raises:
        SecretNotFound: Some are not there; names all of them.
        ProviderError: A provider could not be asked, or refused.
        ConfigurationError: A setting stands in a dictionary that is not there.
    """
    get_many = get_secrets if resolver is None else resolver.get_many
    found = get_many(names.values() if isinstance(names, Mapping) else names)
    wanted = names if isinstance(names, Mapping) else {name: name for name in found}
    places = [(*_place(settings, setting), found[name]) for setting, name in wanted.items()]
    for place, key, secret in places:
        place[key] = secret


def _place(settings: MutableMapping[str, Any], setting: str) -> tuple[MutableMapping[str, Any], str]:
    """Return the dictionary of a setting, and its key there."""
    *before, key = setting.split(".")
    place: Any = settings
    for each in before:
        place = place.get(each)
        if not hasattr(place, "get"):
            raise ConfigurationError(f"setting {setting!r} must stand in a dictionary, and {each!r} is not one: add it")
    return place, key
