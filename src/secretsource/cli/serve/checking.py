"""``secretsource serve --check``: open everything that the service needs, once, and say what is missing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from secretsource import get_secret, get_secret_set
from secretsource.exceptions import ConfigurationError
from secretsource.issuing import PepperSet
from secretsource.server.app import build, workers
from secretsource.server.opening import PEPPER, open_service, resolved
from secretsource.server.rights import ROOT_OWNER, ROOT_PREFIX
from secretsource.server.webhooks.sending import signing_secrets
from secretsource.stores.migratable import Migratable

if TYPE_CHECKING:
    from secretsource.issuing import AsyncApiKeys
    from secretsource.server.settings import ServerSettings

__all__ = ["check_service", "check_store"]


async def check_service(settings: ServerSettings) -> None:
    """Open the service, build it, ask its store, and close it again.

    Args:
        settings: The settings of the service.

    Raises:
        SecretSourceError: A part does not work; the message names it.
    """
    check_store(resolved(settings.store))
    service = await open_service(settings)
    try:
        build(service)
        workers(service)
        for endpoint in settings.webhooks:
            await asyncio.to_thread(signing_secrets, endpoint)
        oidc = None if settings.pages is None else settings.pages.oidc
        if oidc is not None and oidc.client_secret is not None:
            await asyncio.to_thread(get_secret, oidc.client_secret)
        await _check_keys(service.keys)
    finally:
        await service.keys.close()


async def _check_keys(keys: AsyncApiKeys) -> None:
    """Check that there is a root key, and that not every key was made with a pepper that is not here.

    A root key that has ended does not stop the service, because gateways need none.

    Raises:
        ConfigurationError: No request could be answered.
    """
    found = await keys.list(owner=ROOT_OWNER, prefix=ROOT_PREFIX, limit=1)
    if not found.records:
        raise ConfigurationError("there is no root key, so nobody can use the service: run  secretsource serve --init")
    peppers = PepperSet(await asyncio.to_thread(get_secret_set, PEPPER))
    if found.records[0].pepper_version in peppers.versions():
        return
    needed = await keys.count_by_pepper()
    if needed and not needed.keys() & {*peppers.versions()}:
        raise ConfigurationError(
            "every key of the store was made with another pepper, so all would be refused: set "
            f"{PEPPER} to the pepper of this store"
        )


def check_store(url: str) -> None:
    """Check that a store is there, with the tables that this package needs.

    Args:
        url: The URL of the store.

    Raises:
        ConfigurationError: It is not there, or its tables are of another version.
    """
    from secretsource.stores import open_store

    store = open_store(url)
    try:
        plan = store.plan_migration() if isinstance(store, Migratable) else None
        if plan is None or plan.before == plan.after:
            return
        place = getattr(store, "place", "the store")
    finally:
        store.close()
    if plan.before is None:
        raise ConfigurationError(f"there is no key store at {place}: run  secretsource serve --init")
    raise ConfigurationError(
        f"the tables of {place} are of version {plan.before}, not {plan.after}: run  secretsource keys migrate"
    )
