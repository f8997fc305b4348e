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
from typing import TYPE_CHECKING, Any

from secretsource._ground.suggest import unknown
from secretsource._traceless import traceless
from secretsource._tuning import DEFAULTS, NUMBERS, Tuning, conflict_of
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
from secretsource.providers.reference import parse_reference

if TYPE_CHECKING:
    from pathlib import Path

    from secretsource.config._provider import Drivers, ProviderConfig
    from secretsource.config._section import Section

__all__ = ["Config", "SecretConfig", "parse_config"]

_TOP = ("environment", "environments", "providers", "secrets", "server", *NUMBERS)
"""The keys at the top of a file; the service reads the table ``server`` itself (`load_table`)."""


@dataclass(frozen=True, slots=True)
class SecretConfig:
    """A secret that the application declares.

    Attributes:
        name: The name by which applications ask for it.
        required: Whether a check fails when no provider has it.
        description: Its purpose, in a few words.
        locations: Where a provider keeps it, by the provider's name: ``payments/stripe#secret_key``, with field,
            version and stage as in a reference. Other providers use the name.
        line: The line of its table in the file, from 1, for messages.
    """

    name: str
    required: bool = True
    description: str = ""
    locations: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration of one environment.

    Attributes:
        file: The file it was read from.
        environment: The environment that was chosen.
        providers: The chain, in order.
        ttl: Seconds for which an answer is fresh, above 0.
        revalidate: Seconds past the ttl in which the old value is served while one refresh runs; one more ttl
            unless given.
        max_stale: Greatest age in seconds at which a value may be served; at least the ttl.
        deadline: Seconds for one walk of the whole chain, above 0.
        negative_ttl: Seconds for which "not there" is believed.
        max_entries: Most documents remembered, at least 1; the least recently used go first.
        jitter: Largest share, from 0 to below 1, by which a ttl is shortened at random.
        secrets: The declared secrets, by name.
        elsewhere: Providers of the file that are not in this chain, each with the environments that have it.
    """

    file: Path | None
    environment: str
    providers: tuple[ProviderConfig, ...] = ()
    ttl: float = DEFAULTS.ttl
    revalidate: float | None = DEFAULTS.revalidate
    max_stale: float = DEFAULTS.max_stale
    deadline: float = DEFAULTS.deadline
    negative_ttl: float = DEFAULTS.negative_ttl
    max_entries: int = DEFAULTS.max_entries
    jitter: float = DEFAULTS.jitter
    secrets: Mapping[str, SecretConfig] = field(default_factory=lambda: MappingProxyType({}))
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def tuning(self) -> Tuning:
        """The numbers alone."""
        return Tuning(**{name: getattr(self, name) for name in NUMBERS})


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
    top = own_table(read_toml(text, file))
    top.only(_TOP)
    environments = top.section("environments").sections()
    name = _chosen(environment, top, environments)
    configs = {each: _tuned_environment(each, section, top) for each, section in environments.items()}
    sections = provider_sections(top.section("providers"))
    chains = {each: chain_names(section) for each, section in environments.items()}
    named = sorted({*sections, *chain.from_iterable(chains.values())})
    providers = provider_chain(environments[name], sections, drivers)
    check_other_sections(environments[name], sections, {*chain.from_iterable(chains.values())}, drivers)
    secrets = _secrets(top.section("secrets"), named)
    elsewhere = {
        provider: tuple(each for each, names in chains.items() if provider in names)
        for provider in named
        if provider not in chains[name]
    }
    return replace(configs[name], providers=providers, secrets=secrets, elsewhere=MappingProxyType(elsewhere))


def own_table(root: Section) -> Section:
    if root.file.name != PROJECT_FILE_NAME:
        return root
    own = root.section("tool").section("secretsource")
    if "secretsource" not in root.section("tool").table:
        raise own.wrong("the table is missing: add it, or give the path of another file")
    return own


def _chosen(asked: str | None, top: Section, environments: Mapping[str, Section]) -> str:
    known = sorted(environments)
    if not known:
        raise top.wrong(
            f"the file must declare an environment: add a table {top.label('environments', 'NAME')} with its providers"
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
    """Return an environment with its numbers: its own, else those of the top of the file, else the defaults."""
    section.only(("providers", *NUMBERS))
    config = _tuned(section, _tuned(top, Config(top.file, name)))
    conflict = conflict_of(config.tuning._asdict())
    if not conflict:
        return config
    written = (
        (part, key) for key in ("max_stale", "ttl", "revalidate") for part in (section, top) if key in part.table
    )
    part, key = next(written)
    raise part.wrong(f"for environment {name!r}, {conflict}", key)


def _tuned(section: Section, base: Config) -> Config:
    """Return the same configuration with the numbers that a table has."""
    given: dict[str, Any] = {}
    for name, number in NUMBERS.items():
        if name in section.table:
            value: Any = section.table[name]
            if mistake := number.mistake(value):
                raise section.wrong(mistake, name)
            given[name] = value if number.range.whole else float(value)
    return replace(base, **given)


def _secrets(secrets: Section, providers: list[str]) -> Mapping[str, SecretConfig]:
    """Return the declared secrets, whose further keys are providers that some environment uses."""
    declared: dict[str, SecretConfig] = {}
    for name, section in secrets.sections().items():
        for key in section.table:
            if key in DRIVERS and key not in providers:
                raise section.wrong(f"no environment has the provider {key!r}: add it to the providers of one", key)
        section.only((*SECRET_KEYS, *providers))
        if _mistake(name) or "://" in name:
            raise section.wrong(_mistake(name) or "a secret must be declared by its bare name, without '://'")
        declared[name] = SecretConfig(
            name,
            required=section.flag("required", True),
            description=section.text("description") or "",
            locations=MappingProxyType({key: _location(section, key) for key in providers if key in section.table}),
            line=section.line(),
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
    """Return the mistake in a reference; empty for a correct one."""
    try:
        parse_reference(reference)
    except InvalidReference as error:
        return str(error)
    return ""
