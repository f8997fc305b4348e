"""One provider as it is configured, by a section or by a URL, checked against what its driver can be set to."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from secretsource._ground.sentinels import UNSET
from secretsource._ground.suggest import unknown
from secretsource._traceless import traceless
from secretsource.config._settings import Setting, driver_settings
from secretsource.config._url import split_provider_url
from secretsource.exceptions import ConfigurationError
from secretsource.providers._registry import driver_class

if TYPE_CHECKING:
    from pathlib import Path

    from secretsource.providers.base import Provider

    Drivers: TypeAlias = Callable[[str], type[Provider]]
    Reader: TypeAlias = Callable[[Setting, Any], object]
    Complaint: TypeAlias = Callable[[str, str], ConfigurationError]

Reaction: TypeAlias = Literal["stop", "next"]
_REACTIONS = ("on_denied", "on_unavailable")
_STRIP_NEWLINE = Setting("strip_newline", bool, False)
_TRUST = "trust_address"
"""The setting of drivers that have credentials of the environment, and an address to send them to."""


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """A provider of the chain, with settings that its driver takes.

    Attributes:
        name: The instance's name.
        type: The driver's scheme.
        settings: Keyword arguments for the driver; text that starts with ``ref+`` still points elsewhere.
        on_denied: The step of the chain after this provider refuses.
        on_unavailable: The step of the chain after this provider could not be reached.
        strip_newline: Whether one line end is taken off the end of each text; a driver may have a setting of its own.
        file: The file that says so, for messages.
        line: The line in it, from 1.
    """

    name: str
    type: str
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    on_denied: Reaction = "stop"
    on_unavailable: Reaction = "stop"
    strip_newline: bool = False
    file: Path | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)


def as_in_file(config: ProviderConfig, driver: type[Provider], file: Path, line: int | None) -> ProviderConfig:
    """Return a provider that a file describes; credentials from elsewhere go to no address of the file.

    Otherwise, a person who can place a file where the program looks for one gets them sent to a server of their own.
    """
    settings = dict(config.settings)
    if _TRUST in driver_settings(driver):
        settings.setdefault(_TRUST, False)
    return replace(config, settings=MappingProxyType(settings), file=file, line=line)


@traceless
def settings_from_url(url: str, *, drivers: Drivers = driver_class) -> ProviderConfig:
    """Read a provider URL such as ``aws://?region=eu-west-1`` or ``file:///run/secrets``.

    Args:
        url: ``scheme://path?key=value&key=value``. The path fills the driver's main setting; values are read by the
            type of their setting: ``true``, ``5``, ``a,b``. ``name``, ``on_denied`` and ``on_unavailable`` may stand
            there too.
        drivers: Finds the driver class of a scheme.

    Raises:
        ProviderNotInstalled: The driver's package is missing.
        ConfigurationError: The URL, its scheme or a setting in it is wrong.
    """
    name, scheme, path, query = split_provider_url(url)
    driver = drivers(scheme)
    given = dict(query)
    if path:
        main = driver.url_setting
        if main is None:
            raise ConfigurationError(f"provider {scheme!r} has no setting for a path: write its settings after '?'")
        if main in given:
            raise ConfigurationError(f"setting {main!r} is given twice in the URL '{scheme}://…': once by the path")
        given[main] = path

    def wrong(message: str, _: str) -> ConfigurationError:
        return ConfigurationError(f"in the URL '{scheme}://…', {message}")

    return checked_provider(name, scheme, driver, given, Setting.read, wrong)


def checked_provider(
    name: str, scheme: str, driver: type[Provider], given: Mapping[str, object], read: Reader, wrong: Complaint
) -> ProviderConfig:
    """Check the settings of a provider, and return it.

    Args:
        name: The instance's name.
        scheme: The driver's scheme.
        driver: The driver's class.
        given: Settings and reactions as they were written.
        read: Turns what was written into what the driver wants; `UNSET` when it does not fit.
        wrong: Makes the error from a message and the key it is about.
    """
    settings = driver_settings(driver)
    chosen: dict[str, object] = {}
    known = {_STRIP_NEWLINE.name: _STRIP_NEWLINE, **settings}
    for key in [key for key in given if key not in _REACTIONS]:
        if key not in known:
            raise wrong(unknown("setting", key, [*known, *_REACTIONS]), key)
        chosen[key] = read(known[key], given[key])
        if chosen[key] is UNSET:
            raise wrong(f"setting {key!r} must be {known[key].wanted}", key)
    for key, setting in settings.items():
        if setting.required and key not in chosen:
            raise wrong(f"provider {name!r} needs the setting {key!r}, which must be {setting.wanted}", key)
    strip_newline = _STRIP_NEWLINE.name not in settings and bool(chosen.pop(_STRIP_NEWLINE.name, False))
    return ProviderConfig(
        name,
        scheme,
        MappingProxyType(chosen),
        strip_newline=strip_newline,
        on_denied=_reaction(given, "on_denied", wrong),
        on_unavailable=_reaction(given, "on_unavailable", wrong),
    )


def _reaction(given: Mapping[str, object], key: str, wrong: Complaint) -> Reaction:
    word = given.get(key, "stop")
    if word == "stop":
        return "stop"
    if word == "next":
        return "next"
    raise wrong(f"{key} must be 'stop' or 'next'", key)
