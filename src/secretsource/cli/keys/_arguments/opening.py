"""Open the keys that a command works on: their store, and the peppers from the consuming half."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from secretsource.cli._arguments.choice import Choice
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    import typer

    from secretsource.issuing import ApiKeys, PepperSet
    from secretsource.stores.base import KeyStore

__all__ = ["Operator", "check_lasting", "is_in_memory", "open_keys", "open_lasting_keys", "operator", "peppers_of"]


class Operator(TypedDict):
    """The person and the machine that make a change, for its event.

    Attributes:
        actor: The user of this machine.
        origin: This machine.
    """

    actor: str | None
    origin: str | None


def open_keys(context: typer.Context, store: str, *, peppered: bool, makes: bool = False) -> ApiKeys:
    """Open the keys of a store.

    Args:
        context: Holds the choice of the configuration, in which the pepper is looked up.
        store: The URL of the store.
        peppered: Whether the command hashes a key; other commands look up no pepper.
        makes: Whether the command makes an absent store; a command that reads or changes what is there must not.

    Raises:
        ConfigurationError: The URL or the pepper is wrong, a package is missing, or there is no store to read.
        ResolveError: The providers of the pepper could not be asked.
    """
    from secretsource.issuing import ApiKeys

    opened = _opened(store, makes=makes)
    try:
        return ApiKeys.open(opened, peppers=peppers_of(context) if peppered else (), imported=True)
    except BaseException:
        opened.close()
        raise


def open_lasting_keys(context: typer.Context, store: str, *, peppered: bool) -> ApiKeys:
    """Open keys as `open_keys` does, for a command that stores something new: it makes an absent store, which lasts."""
    check_lasting(store)
    return open_keys(context, store, peppered=peppered, makes=True)


def check_lasting(store: str) -> None:
    """Check that a store outlives the command.

    Raises:
        ConfigurationError: It does not.
    """
    if is_in_memory(store):
        raise ConfigurationError(
            "a store in memory ends with this command: give --store a lasting one, such as  sqlite:///keys.db"
        )


def is_in_memory(url: str) -> bool:
    """Return whether the store that a URL names ends with its process."""
    scheme, _, rest = url.partition("://")
    return scheme == "memory" or (scheme.startswith("sqlite") and rest.partition("?")[0] in ("", "/:memory:"))


def _opened(url: str, *, makes: bool) -> KeyStore:
    """Open a store; refuse an absent one, unless the command makes it: a mistyped name must not look empty."""
    from secretsource.stores import open_store
    from secretsource.stores.migratable import Migratable

    store = open_store(url)
    try:
        if not makes and isinstance(store, Migratable) and store.plan_migration().before is None:
            raise ConfigurationError(
                f"there is no key store at {store.place}: name another one with --store, or run "
                " secretsource keys migrate --create  to make it"
            )
    except BaseException:
        store.close()
        raise
    return store


def peppers_of(context: typer.Context) -> PepperSet:
    """Look the peppers up in the chosen configuration; return an empty set without any."""
    from secretsource.issuing import find_peppers

    with Choice.of(context).resolver() as resolver:
        return find_peppers(resolver)


def operator() -> Operator:
    """Name the user that runs this command, and the machine."""
    import getpass
    import platform

    try:
        actor = getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        actor = None
    return Operator(actor=actor, origin=platform.node() or None)
