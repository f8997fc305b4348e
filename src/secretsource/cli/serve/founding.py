"""``secretsource serve --init``: make what a service on one machine needs, each part only if it is missing."""

from __future__ import annotations

import os
import time
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from secretsource.cli._dotenv_safety import dotenv_warnings
from secretsource.cli._terminal.output import say, warn, write_line
from secretsource.cli.keys._arguments.opening import is_in_memory, operator, peppers_of
from secretsource.cli.keys._terminal.handover import Handover
from secretsource.config import find_dotenv
from secretsource.exceptions import ConfigurationError
from secretsource.issuing import ApiKeys, PepperSet, Status
from secretsource.issuing.documents import issued_document
from secretsource.server.opening import key_settings, resolved
from secretsource.server.rights import EVERYTHING, ROOT_OWNER, ROOT_PREFIX, makes_root_keys
from secretsource.stores.migratable import Migratable

if TYPE_CHECKING:
    import typer

    from secretsource.server.settings import ServerSettings

__all__ = ["found"]

PEPPER = "SECRETSOURCE_PEPPER"
PEPPER_BYTES = 32


def found(context: typer.Context, settings: ServerSettings, out: Path | None) -> None:
    """Make the pepper, the store and the first root key.

    Args:
        context: The choice of the configuration.
        settings: The settings of the service.
        out: The file for the root key; None for the terminal.

    Raises:
        ConfigurationError: There is a root key already, or a part could not be made.
    """
    store = resolved(settings.store)
    if is_in_memory(store):
        raise ConfigurationError(
            "a store in memory ends with the service: name a lasting one, such as  sqlite:///keys.db"
        )
    with Handover(out) as handover:
        place, is_used = _tables(store)
        peppers = _peppers(context, place if is_used else None)
        # the settings are checked by their names
        with ApiKeys.open(store, **{**key_settings(settings), "peppers": peppers}) as keys:  # type: ignore[arg-type]
            living = keys.list(owner=ROOT_OWNER, prefix=ROOT_PREFIX, status=Status.ACTIVE, limit=1000)
            if any(map(makes_root_keys, living.records)):
                raise ConfigurationError(
                    f"{place} has a root key already: make another one with  POST /v1/root-keys, or start the service"
                )
            environment = settings.environments[0] if settings.environments else "live"
            issued = keys.issue(
                **operator(),
                owner=ROOT_OWNER,
                prefix=ROOT_PREFIX,
                environment=environment,
                scopes=EVERYTHING,
                name="the first root key",
            )
            handover.take(issued.plaintext)
    write_line(f"the keys are in {place}")
    handover.show(issued_document(issued, time.time()), issued.record, as_json=False)
    write_line("start the service with  secretsource serve")


def _peppers(context: typer.Context, used: str | None) -> PepperSet:
    """Return the peppers; without any, make one, and read it back as the service will.

    Args:
        context: The choice of the configuration.
        used: The place of a store that has keys already; None for a new one.

    Raises:
        ConfigurationError: The keys that are there were made with a pepper that is not here, or none could be made.
    """
    peppers = peppers_of(context)
    if not peppers.newest.is_empty:
        say("note", f"{PEPPER} is there already, and stays")
        return peppers
    if used is not None:
        raise ConfigurationError(
            f"{used} has keys, and the pepper that they were made with is not here: set {PEPPER} to it, because a new "
            "pepper would refuse them all"
        )
    file = Path(find_dotenv().path or Path.cwd() / ".env")
    _append(file, f"{PEPPER}={b64encode(os.urandom(PEPPER_BYTES)).decode('ascii')}\n")
    write_line(f"wrote {PEPPER} to {file}: without it, no key can be checked; keep a copy elsewhere")
    for sentence in dotenv_warnings(file):
        warn(sentence)
    peppers = peppers_of(context)
    if peppers.newest.is_empty:
        raise ConfigurationError(
            f"{PEPPER} is in {file}, and no provider reads that file: add  dotenv  to the providers of the environment"
        )
    return peppers


def _append(file: Path, line: str) -> None:
    """Add a line to a file that only its owner may read; a new file is made so."""
    number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(number, "ab") as opened:
        os.fchmod(number, 0o600)
        if opened.tell() and not file.read_bytes().endswith(b"\n"):
            opened.write(b"\n")
        opened.write(line.encode("ascii"))
        opened.flush()
        os.fsync(number)


def _tables(url: str) -> tuple[str, bool]:
    """Make the tables of a store, or bring them up to date; return where it is, and whether a key needs a pepper."""
    from secretsource.stores import open_store

    store = open_store(url)
    try:
        if not isinstance(store, Migratable):
            return "the store", False
        store.migrate()
        return store.place, bool(store.count_by_pepper(time.time()).keys() - PepperSet().versions())
    finally:
        store.close()
