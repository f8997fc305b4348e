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


def open_keys(context: typer.Context, store: str, *, peppered: bool) -> ApiKeys:
    """Open the keys of a store.

    Args:
        context: Says which configuration the pepper is found by.
        store: The store's URL.
        peppered: Whether the command hashes a key; for all others, no pepper is asked for.

    Raises:
        ConfigurationError: The URL or the pepper cannot work, or a package is missing.
        ResolveError: The pepper could not be asked for.
    """
    from secretsource.issuing import ApiKeys

    if find_spec("cryptography") is None:
        raise ConfigurationError("keys need the package cryptography: run  pip install 'secretsource[issuing]'")
    return ApiKeys.open(store, peppers=find_peppers(context) if peppered else (), imported=True)


def open_lasting_keys(context: typer.Context, store: str) -> ApiKeys:
    """As `open_keys`, for keys that somebody is to check when this command has ended."""
    if store.startswith("memory:"):
        raise ConfigurationError(
            "a store in memory ends with this command: name one that stays, as in  sqlite:///keys.db"
        )
    return open_keys(context, store, peppered=True)


def find_peppers(context: typer.Context) -> PepperSet:
    """The peppers, newest first, from the secret ``SECRETSOURCE_PEPPER``; an empty set without any."""
    from secretsource.issuing import PepperSet
    from secretsource.issuing._pepper_source import PEPPER_NAME

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
