"""The chain of an environment: each word of its ``providers`` is a section, a scheme or a provider URL."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource._ground.suggest import nearest
from secretsource.config._provider import as_in_file, checked_provider, settings_from_url
from secretsource.config._settings import Setting
from secretsource.config._url import is_provider_name, split_provider_url
from secretsource.exceptions import ConfigurationError, ProviderNotInstalled

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from secretsource.config._provider import Drivers, ProviderConfig
    from secretsource.config._section import Section
    from secretsource.providers.base import Provider

SECRET_KEYS = ("required", "description")
"""Keys of a secret's table beside those that are provider names, so no provider can be called so."""


def provider_sections(providers: Section) -> Mapping[str, Section]:
    """Return every ``[providers.NAME]``, by its name."""
    sections = providers.sections()
    for name, section in sections.items():
        if mistake := _name_mistake(name):
            raise section.wrong(mistake)
    return sections


def chain_names(environment: Section) -> list[str]:
    """Return the names of an environment's providers, in order; look at no driver."""
    names: list[str] = []
    for word in environment.texts("providers"):
        with environment.locating("providers"):
            name = split_provider_url(word).name if "://" in word else word
        if mistake := _name_mistake(name):
            raise environment.wrong(mistake, "providers")
        if name in names:
            raise environment.wrong(
                f"two providers are named {name!r}: give one of them a section with a type, or a name in its URL",
                "providers",
            )
        names.append(name)
    if not names:
        raise environment.wrong('there are no providers: add them in order, such as providers = ["env"]', "providers")
    return names


def provider_chain(
    environment: Section, sections: Mapping[str, Section], drivers: Drivers
) -> tuple[ProviderConfig, ...]:
    """Return the providers of an environment, in order, each checked against its driver."""
    return tuple(_provider(word, environment, sections, drivers) for word in environment.texts("providers"))


def check_other_sections(
    environment: Section, sections: Mapping[str, Section], named: Container[str], drivers: Drivers
) -> None:
    """Check the sections that an environment does not use, as far as their drivers are installed.

    Args:
        environment: The environment that was chosen.
        sections: Every ``[providers.NAME]``.
        named: The providers of all environments.
        drivers: Finds the driver class of a scheme.
    """
    used = environment.texts("providers")
    for name, section in sections.items():
        if name not in used:
            try:
                driver = _driver_of(name, section, drivers)
            except ConfigurationError as error:
                if name in named or isinstance(error, ProviderNotInstalled):
                    continue  # the package of another environment, which need not be installed here
                raise
            _from_section(name, section, driver)


def _name_mistake(name: str) -> str | None:
    if not is_provider_name(name):  # not quoted: it may be a URL gone wrong, with a secret in it
        return "a provider's name must have only a-z, 0-9, '-' and '_', and a provider URL must have '://'"
    if name in SECRET_KEYS:
        return f"a provider must not be called {name!r}, because every secret has a key of that name"
    return None


def _provider(word: str, environment: Section, sections: Mapping[str, Section], drivers: Drivers) -> ProviderConfig:
    if word in sections:
        section = sections[word]
        return _from_section(word, section, _driver_of(word, section, drivers))
    near = nearest(word, sections)
    hint = f" (the nearest section is [providers.{near}])" if near else ""
    with environment.locating("providers", hint):
        config = settings_from_url(word, drivers=drivers) if "://" in word else _from_scheme(word, drivers(word))
    return as_in_file(config, drivers(config.type), environment.file, environment.line("providers"))


def _driver_of(name: str, section: Section, drivers: Drivers) -> type[Provider]:
    scheme = section.text("type")
    hint = "" if scheme else ' (a section with a name of its own needs type = "…")'
    with section.locating("type", hint):
        return drivers(scheme or name)


def _from_section(name: str, section: Section, driver: type[Provider]) -> ProviderConfig:
    scheme = section.text("type") or name
    given = {key: value for key, value in section.table.items() if key != "type"}
    config = checked_provider(name, scheme, driver, given, Setting.accept, section.wrong)
    return as_in_file(config, driver, section.file, section.line())


def _from_scheme(scheme: str, driver: type[Provider]) -> ProviderConfig:
    return checked_provider(scheme, scheme, driver, {}, Setting.accept, lambda message, _: ConfigurationError(message))
