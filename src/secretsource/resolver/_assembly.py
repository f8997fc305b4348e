"""From words to a chain: provider names, URLs and objects, a configuration file, or the evidence of the environment.

Wiring constructs drivers, which does no I/O and loads no SDK. Only a setting that is itself a reference
(``secret_id = "ref+file:///run/secrets/id"``) is looked up, and that happens when the chain is first used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from secretsource._ground.clock import SYSTEM_CLOCK
from secretsource._ground.flow import run
from secretsource._ground.repository import folders, mentions
from secretsource._ground.suggest import unknown
from secretsource._traceless import traceless
from secretsource._tuning import DEFAULTS, NUMBERS, conflict_of
from secretsource.exceptions import ConfigurationError, InvalidReference, ProviderNotInstalled
from secretsource.providers._registry import DRIVERS, driver_class, is_installed
from secretsource.providers.base import Found, Provider
from secretsource.providers.reference import FOLLOW_MARK, literal, parse_reference
from secretsource.resolver._call import fetch
from secretsource.resolver._evidence import EVIDENCE
from secretsource.resolver._walk.cache import Cache
from secretsource.resolver._walk.chain import MEND, resolve
from secretsource.resolver._walk.resolution import Reply, Request
from secretsource.resolver._walk.route import Chain, Route, Skipped, Uninstalled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from secretsource._ground.clock import Clock
    from secretsource._tuning import Tuning
    from secretsource.config import Config, ProviderConfig
    from secretsource.providers.base import SecretRef
    from secretsource.resolver._engine.engine import Engine
    from secretsource.resolver._walk.resolution import Ask, Resolution

__all__ = ["checked", "configured", "discovered", "first_engine", "wired"]

SETTING_TIMEOUT = 5.0
"""Seconds for looking up a setting that is a reference."""


def checked(tuning: Tuning) -> Tuning:
    """Return the same numbers, if each is in its range and they can hold together.

    Raises:
        ConfigurationError: They are not; the error says which, and what it must be.
    """
    numbers = tuning._asdict()
    for name, value in numbers.items():
        if mistake := NUMBERS[name].mistake(value):
            raise ConfigurationError(mistake)
    if conflict := conflict_of(numbers):
        raise ConfigurationError(conflict)
    return tuning


def wired(providers: Sequence[str | Provider]) -> Chain:
    """Return the chain of the given providers, in order.

    Raises:
        ConfigurationError: A name is unknown, or stands twice.
        ProviderNotInstalled: A vendor package is missing.
    """
    if isinstance(providers, str):
        raise ConfigurationError("providers must be a list, such as ['env', 'aws'], not one string")
    if not isinstance(providers, Iterable):
        raise ConfigurationError(f"providers must be a list, such as ['env', 'aws'], not {type(providers).__name__}")
    return _chain([_route(word) for word in providers])


def discovered() -> Chain:
    """Return the chain of an unconfigured program: environment, ``.env``, files, each service with evidence."""
    routes = [Route(_named("env")), Route(_named("dotenv"))]
    skipped: list[Skipped] = []
    for scheme, evidence in EVIDENCE.items():
        reason = evidence.lacking()
        if reason is not None:
            skipped.append(Skipped(scheme, reason))
        elif not is_installed(scheme):
            skipped.append(Uninstalled(scheme, f"not installed: run  pip install 'secretsource[{scheme}]'"))
        else:
            routes.append(Route(_named(scheme), unasked=evidence.lacking if evidence.ending else None))
    return _chain(routes, skipped)


def first_engine() -> Engine:
    """Return the engine of an unconfigured program: from a file if one exists, else from the evidence around it."""
    from secretsource.resolver._engine.engine import Engine

    if _may_be_configured():
        from secretsource.config import load_config

        config = load_config()
        if config is not None:
            return engine_of(config, SYSTEM_CLOCK)
        _warn_of_what_was_passed_over()
    return Engine(discovered, DEFAULTS)


def _warn_of_what_was_passed_over() -> None:
    """Say in the log why a configuration that is there does not hold: without a word, another chain would."""
    import logging

    from secretsource.config import find_config

    for seen in find_config().passed_over:
        logging.getLogger("secretsource").warning(
            "%s; if it is yours, name it with SECRETSOURCE_CONFIG, or change who may write there", seen.notice
        )


def _may_be_configured() -> bool:
    """Return whether a configuration file may exist; a program without one need not load a TOML parser."""
    if os.environ.get("SECRETSOURCE_CONFIG") or os.environ.get("SECRETSOURCE_ENV"):
        return True
    return any(
        os.path.lexists(os.path.join(folder, "secretsource.toml"))
        or mentions(os.path.join(folder, "pyproject.toml"), b"tool.secretsource")
        for folder in folders()
    )


def configured(path: str | os.PathLike[str] | None, environment: str | None, clock: Clock) -> Engine:
    """Return the engine that a configuration file describes.

    Raises:
        ConfigurationError: No file was found, or something in it is wrong.
    """
    from secretsource.config import load_config

    config = load_config(path, environment=environment)
    if config is None:
        from secretsource.config import absence

        none = absence(path)
        raise ConfigurationError(f"{none.reason}: {none.remedy} or pass a path")
    return engine_of(config, clock)


def engine_of(config: Config, clock: Clock) -> Engine:
    """Return the engine for a validated configuration; make its drivers now, unless a setting must be looked up."""
    from secretsource.resolver._engine.engine import Engine

    engine = Engine(lambda: chain_of(config), config.tuning, clock)
    if not any(_refers(value) for provider in config.providers for value in provider.settings.values()):
        engine.wire()
    return engine


@traceless
def chain_of(config: Config) -> Chain:
    """Return the chain of a validated configuration."""
    routes: list[Route] = []
    for provider in config.providers:
        route = _route_in_file(provider, routes)
        routes.append(route._replace(places=_places(config, provider, route.provider)))
    return _chain(routes, config=config)


def _route_in_file(config: ProviderConfig, before: Sequence[Route]) -> Route:
    """Make the driver of a section; a mistake that only the driver can see is said with its place, as all others."""
    try:
        settings = {key: _looked_up(value, before, config.name) for key, value in config.settings.items()}
        return _configured_route(config, settings)
    except ProviderNotInstalled:  # no mistake of the file
        raise
    except ConfigurationError as error:
        mistake = str(error)
    raise ConfigurationError(f"{_place(config.file, config.line)}: {mistake}")


def _place(file: Path | None, line: int | None) -> str:
    return str(file) if line is None else f"{file}, line {line}"


def _configured_route(config: ProviderConfig, settings: Mapping[str, object]) -> Route:
    driver = driver_class(config.type)(name=config.name, **settings)
    driver.strip_newline = config.strip_newline or driver.strip_newline
    return Route(driver, config.on_denied, config.on_unavailable)


def _places(config: Config, provider: ProviderConfig, driver: Provider) -> dict[str, SecretRef] | None:
    places: dict[str, SecretRef] = {}
    for name, secret in config.secrets.items():
        location = secret.locations.get(provider.name)
        if location is not None:
            ref = parse_reference(location if "://" in location else f"{provider.name}://{location}")
            if mistake := _misspelt(ref, driver):
                place = _place(config.file, secret.line)
                raise ConfigurationError(f"{place}, in [secrets.{name}]: {provider.name} has an {mistake}")
            places[name] = driver.complete(ref)
    return places or None


def _misspelt(ref: SecretRef, driver: Provider) -> str:
    """Return the option that the driver does not know: with a misspelt ``version`` it would give the current one."""
    known = ["version", "stage", *sorted(driver.options)]
    return next((unknown("option of a reference", key, known) for key, _ in ref.options if key not in known), "")


def _chain(routes: Iterable[Route], skipped: Iterable[Skipped] = (), config: Config | None = None) -> Chain:
    opened: dict[str, Route] = {}
    for route in routes:
        if route.provider.name in opened:
            raise ConfigurationError(
                f"provider {route.provider.name!r} is in the chain twice: give one of them another name"
            )
        opened[route.provider.name] = route
    in_chain = tuple(opened.values())

    def find(name: str) -> Route:
        if name in opened:
            return opened[name]
        chain.know(name)
        return opened.setdefault(name, Route(_named(name)))

    chain = Chain(in_chain, find, opened, tuple(skipped))
    if config is not None:
        chain = chain._replace(declared=tuple(config.secrets), elsewhere=config.elsewhere)
    return chain


def _route(word: str | Provider) -> Route:
    if isinstance(word, Provider):
        return Route(word)
    if not isinstance(word, str):
        raise ConfigurationError(f"a provider must be a name, a URL or a Provider object, not {type(word).__name__}")
    if "://" not in word:
        return Route(_named(word))
    from secretsource.config import settings_from_url

    config = settings_from_url(word)
    if any(map(_refers, config.settings.values())):
        raise ConfigurationError(
            f"a setting in the URL '{config.type}://…' is itself a reference: write it in secretsource.toml, "
            "where it is looked up when the provider is first used"
        )
    return _configured_route(config, config.settings)


def _named(scheme: str) -> Provider:
    return driver_class(scheme)(name=scheme)


def _refers(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_refers, value.values()))
    return isinstance(value, str) and value.startswith(FOLLOW_MARK) and literal(value) is None


def _looked_up(value: object, routes: Sequence[Route], provider: str) -> object:
    """Return a setting, or what it refers to, which only providers before this one, or local ones, can hold."""
    if isinstance(value, Mapping):
        return {key: _looked_up(item, routes, provider) for key, item in value.items()}
    if not isinstance(value, str) or not value.startswith(FOLLOW_MARK):
        return value
    if (text := literal(value)) is not None:
        return text
    chain = _chain(routes)
    ref = _source(value, chain, provider)
    result = _resolved(ref, chain)
    if isinstance(result.outcome, Found):
        found = result.outcome.value
        return result.route.read(found) if result.route and isinstance(found, (str, bytes)) else found
    raise ConfigurationError(
        f"a setting of provider {provider!r} refers to provider {ref.provider!r}, where the secret was not found: "
        f"{result.outcome.reason or result.steps[-1].reason or 'it is not there'}"
    )


def _source(value: str, chain: Chain, provider: str) -> SecretRef:
    """The place that a setting refers to."""
    reason = "it names no provider"
    try:
        ref = parse_reference(value)
    except InvalidReference as error:
        ref, reason = None, str(error)
    if ref is None or not ref.provider:
        raise ConfigurationError(
            f"a setting of provider {provider!r} starts with '{FOLLOW_MARK}' but cannot be followed: {reason}; {MEND}"
        )
    if ref.provider not in chain.opened and ref.provider not in DRIVERS:
        raise ConfigurationError(
            f"a setting of provider {provider!r} refers to an "
            + unknown("provider", ref.provider, [*DRIVERS, *chain.opened])
        )
    if mistake := _misspelt(ref, chain.find(ref.provider).provider):
        raise ConfigurationError(f"a setting of provider {provider!r} has an {mistake}")
    return ref


def _resolved(ref: SecretRef, chain: Chain) -> Resolution:
    """Walk to a place as a look-up does, pointers included; nothing is remembered."""
    until = SYSTEM_CLOCK.now().mono + SETTING_TIMEOUT

    def ask(asks: Sequence[Ask]) -> list[Reply]:
        lefts = ((ask, until - SYSTEM_CLOCK.now().mono) for ask in asks)
        return [Reply(fetch(ask.route.provider, ask.ref, left), SYSTEM_CLOCK.now()) for ask, left in lefts]

    return run(resolve(Request("", ref), chain, Cache(DEFAULTS), SYSTEM_CLOCK.now()), ask)
