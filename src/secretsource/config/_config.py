"""``secretsource.toml``, or ``[tool.secretsource]`` of ``pyproject.toml``, as one frozen and validated object.

    text -> tables -> the chosen environment -> its providers, each checked against its driver -> Config

Unknown keys, unknown providers and wrong types are errors that name the file, the line and the nearest right word, and
no value.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

from secretsource._suggest import unknown
from secretsource._traceless import traceless
from secretsource.config._chain import (
    SECRET_KEYS,
    chain_names,
    check_other_sections,
    provider_chain,
    provider_sections,
)
from secretsource.config._file import PROJECT_FILE_NAME
from secretsource.config._section import read_toml
from secretsource.exceptions import InvalidReference
from secretsource.providers._registry import DRIVERS, driver_class
from secretsource.resolver._reference import parse_reference

if TYPE_CHECKING:
    from pathlib import Path

    from secretsource.config._provider import Drivers, ProviderConfig
    from secretsource.config._section import Section

__all__ = ["Config", "SecretConfig", "parse_config"]

_TUNING = ("ttl", "revalidate", "max_stale", "deadline", "negative_ttl", "max_entries", "jitter")
_TOP = ("environment", "environments", "providers", "secrets", *_TUNING)


@dataclass(frozen=True, slots=True)
class SecretConfig:
    """A secret that the application declares.

    Attributes:
        name: What it is asked for by.
        required: Whether a check fails when no provider has it.
        description: What it is for, in a few words.
        locations: Where a provider keeps it, by the provider's name: ``payments/stripe#secret_key``, with field,
            version and stage as in a reference. Other providers use the name.
    """

    name: str
    required: bool = True
    description: str = ""
    locations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says for one environment.

    Attributes:
        file: The file it was read from.
        environment: The environment that was chosen.
        providers: The chain, in order.
        ttl: Age up to which a value is fresh, in seconds.
        revalidate: Seconds past ttl in which the old value is served while one refresh runs; None for one more ttl.
        max_stale: Greatest age at which a value may still be served, in seconds.
        deadline: Time for the whole chain, in seconds.
        negative_ttl: How long an absence is remembered, in seconds.
        max_entries: Most values that are kept at a time.
        jitter: Share of the ttl by which each entry's own may differ, from 0 to below 1.
        secrets: The declared secrets, by name.
        elsewhere: Providers of the file that are not in this chain, each with the environments that have it.
    """

    file: Path | None
    environment: str
    providers: tuple[ProviderConfig, ...] = ()
    ttl: float = 300.0
    revalidate: float | None = None
    max_stale: float = 3600.0
    deadline: float = 5.0
    negative_ttl: float = 10.0
    max_entries: int = 1024
    jitter: float = 0.1
    secrets: Mapping[str, SecretConfig] = field(default_factory=lambda: MappingProxyType({}))
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@traceless
def parse_config(text: str, *, file: Path, environment: str | None = None, drivers: Drivers = driver_class) -> Config:
    """Validate the text of a configuration file.

    Args:
        text: The whole file.
        file: Where it is from; in a ``pyproject.toml`` only ``[tool.secretsource]`` counts.
        environment: Which environment; without it the file's ``environment``, else the only one there is.
        drivers: Finds the driver class of a scheme.

    Raises:
        ProviderNotInstalled: The chosen environment uses a provider whose package is missing.
        ConfigurationError: Something in the file is wrong.
    """
    top = _own_table(read_toml(text, file))
    top.only(_TOP)
    environments = top.section("environments").sections()
    name = _chosen(environment, top, environments)
    configs = {each: _tuned_environment(each, section, top) for each, section in environments.items()}
    sections = provider_sections(top.section("providers"))
    chains = {each: chain_names(section) for each, section in environments.items()}
    named = sorted({*sections, *chain.from_iterable(chains.values())})
    providers = provider_chain(environments[name], sections, drivers)
    check_other_sections(environments[name], sections, drivers)
    secrets = _secrets(top.section("secrets"), named)
    elsewhere = {
        provider: tuple(each for each, names in chains.items() if provider in names)
        for provider in named
        if provider not in chains[name]
    }
    return replace(configs[name], providers=providers, secrets=secrets, elsewhere=MappingProxyType(elsewhere))


def _own_table(root: Section) -> Section:
    if root.file.name != PROJECT_FILE_NAME:
        return root
    own = root.section("tool").section("secretsource")
    if "secretsource" not in root.section("tool").table:
        raise own.wrong("there is no such table: add it, or give the path of another file")
    return own


def _chosen(asked: str | None, top: Section, environments: Mapping[str, Section]) -> str:
    known = sorted(environments)
    if not known:
        raise top.wrong(
            f"no environment is declared: add a table {top.label('environments', 'NAME')} with its providers"
        )
    default = top.text("environment")
    if default is not None and default not in environments:
        raise top.wrong(unknown("environment", default, known), "environment")
    if asked and asked not in environments:
        raise top.wrong(unknown("environment", asked, known), "environments")
    chosen = asked or default or (known[0] if len(known) == 1 else None)
    if chosen is None:
        raise top.wrong(
            f"choose one of the environments {', '.join(known)}: set SECRETSOURCE_ENV, or environment in the file",
            "environments",
        )
    return chosen


def _tuned_environment(name: str, section: Section, top: Section) -> Config:
    """The numbers of one environment: its own, else those of the top of the file, else the defaults."""
    section.only(("providers", *_TUNING))
    config = _tuned(section, _tuned(top, Config(top.file, name)))
    keys: tuple[str, ...] = ("max_stale", "ttl", "revalidate")
    if config.max_stale < config.ttl:
        mistake = "max_stale is less than ttl, so that no value could live to its ttl"
    elif config.revalidate is not None and config.ttl + config.revalidate > config.max_stale:
        mistake = "ttl and revalidate together are more than max_stale"
    else:
        return config
    written = ((part, key) for key in keys for part in (section, top) if key in part.table)
    part, key = next(written)
    raise part.wrong(f"{mistake}: change one of them for environment {name!r}", key)


def _tuned(section: Section, base: Config) -> Config:
    return replace(
        base,
        ttl=section.seconds("ttl", base.ttl),
        revalidate=section.seconds_from_zero("revalidate", 0) if "revalidate" in section.table else base.revalidate,
        max_stale=section.seconds("max_stale", base.max_stale),
        deadline=section.seconds("deadline", base.deadline),
        negative_ttl=section.seconds_from_zero("negative_ttl", base.negative_ttl),
        max_entries=section.whole("max_entries", base.max_entries, least=1),
        jitter=section.share("jitter", base.jitter),
    )


def _secrets(secrets: Section, providers: list[str]) -> Mapping[str, SecretConfig]:
    """The declared secrets, whose further keys are providers that some environment uses."""
    declared: dict[str, SecretConfig] = {}
    for name, section in secrets.sections().items():
        for key in section.table:
            if key in DRIVERS and key not in providers:
                raise section.wrong(f"no environment has the provider {key!r}: add it to the providers of one", key)
        section.only((*SECRET_KEYS, *providers))
        if _mistake(name) or "://" in name:
            raise section.wrong(_mistake(name) or "a secret is declared by its bare name, without '://'")
        declared[name] = SecretConfig(
            name,
            required=section.flag("required", True),
            description=section.text("description") or "",
            locations=MappingProxyType({key: _location(section, key) for key in providers if key in section.table}),
        )
    return MappingProxyType(declared)


def _location(section: Section, provider: str) -> str:
    location = (section.text(provider) or "").removeprefix(f"{provider}://")
    mistake = _mistake(f"{provider}://{location}")
    if mistake:
        raise section.wrong(f"{provider} must say where that provider keeps the secret, but {mistake}", provider)
    if "://" in location:
        raise section.wrong(f"{provider} must say where that provider keeps the secret, not another one", provider)
    return location


def _mistake(reference: str) -> str:
    """What is wrong with a reference; empty when nothing is."""
    try:
        parse_reference(reference)
    except InvalidReference as error:
        return str(error)
    return ""
