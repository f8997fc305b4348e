"""The `ApiKeys` of a command: its store, and the peppers from the consuming half."""

from __future__ import annotations

import getpass
import platform
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypedDict

from secretsource.cli._wiring import Wiring
from secretsource.exceptions import ConfigurationError, SecretNotFound

if TYPE_CHECKING:
    import typer

    from secretsource.issuing import ApiKeys, PepperSet

__all__ = ["Operator", "find_peppers", "open_keys", "open_lasting_keys", "operator"]


class Operator(TypedDict):
    """Who makes a change, for its event.

    Attributes:
        actor: The user of this machine.
        origin: This machine.
    """

    actor: str | None
    origin: str | None


def open_keys(context: typer.Context, store: str, *, peppered: bool, makes: bool = False) -> ApiKeys:
    """Open the keys of a store.

    Args:
        context: Says which configuration the pepper is found by.
        store: The store's URL.
        peppered: Whether the command hashes a key; for all others, no pepper is asked for.
        makes: Whether the command makes the store where there is none; a command that reads must not.

    Raises:
        ConfigurationError: The URL or the pepper cannot work, a package is missing, or there is no store to read.
        ResolveError: The pepper could not be asked for.
    """
    from secretsource.issuing import ApiKeys

    if find_spec("cryptography") is None:
        raise ConfigurationError("keys need the package cryptography: run  pip install 'secretsource[issuing]'")
    if not makes:
        _refuse_missing(store)
    return ApiKeys.open(store, peppers=find_peppers(context) if peppered else (), imported=True)


def open_lasting_keys(context: typer.Context, store: str) -> ApiKeys:
    """As `open_keys`, for keys that somebody is to check when this command has ended."""
    if store.startswith("memory:"):
        raise ConfigurationError(
            "a store in memory ends with this command: name one that stays, as in  sqlite:///keys.db"
        )
    return open_keys(context, store, peppered=True, makes=True)


def _refuse_missing(url: str) -> None:
    """Refuse a store that is not there: a mistyped name must not look like a store without keys."""
    from secretsource.stores._registry import open_store
    from secretsource.stores.migratable import Migratable

    store = open_store(url)
    try:
        if isinstance(store, Migratable) and store.plan_migration().before is None:
            raise ConfigurationError(
                f"there is no key store at {store.place}: name another one with --store, or make it with "
                "keys issue, keys import or  keys migrate --create"
            )
    finally:
        store.close()


def find_peppers(context: typer.Context) -> PepperSet:
    """The peppers, newest first, from the secret ``SECRETSOURCE_PEPPER``; an empty set without any."""
    from secretsource.issuing import PepperSet
    from secretsource.issuing._manage.peppers import PEPPER_NAME

    with Wiring.of(context).resolver() as resolver:
        try:
            return PepperSet(resolver.get_set(PEPPER_NAME))
        except SecretNotFound:
            return PepperSet()


def operator() -> Operator:
    """Who runs this command, and where."""
    try:
        actor = getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        actor = None
    return Operator(actor=actor, origin=platform.node() or None)
