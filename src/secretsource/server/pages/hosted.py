"""The pages of customers as a part of an application of yours, which says which customer a request comes from.

    app.mount("/account", portal(keys, owner_of))

A customer then finds its keys at ``/account/portal/keys``, and signs in and out as it does in your application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.front import Front
from secretsource.server.pages.app import served
from secretsource.server.pages.customer import VIEWS
from secretsource.server.pages.entry import HostSession
from secretsource.server.pages.sessions import Role
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import PagesSettings, ServerSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.issuing import AsyncApiKeys
    from secretsource.server.pages.entry import OwnerOf
    from secretsource.server.service import ASGIApp, Scope

__all__ = ["portal"]

_SIGN_OUT = "/portal/sign-out"


def portal(
    keys: AsyncApiKeys,
    owner_of: OwnerOf,
    *,
    pages: PagesSettings | None = None,
    environments: Sequence[str] = (),
    prefixes: Sequence[str] = (),
) -> ASGIApp:
    """Return the pages of customers as an ASGI application to mount.

    Args:
        keys: The keys.
        owner_of: Returns the owner whose keys a person may see, from the scope of ASGI; None for a person that is not
            signed in. It is asked for each request.
        pages: The settings of the pages.
        environments: The environments of keys; ``live`` and ``test`` when left out.
        prefixes: The prefixes of keys; the first one is that of new keys.
    """
    settings = pages or PagesSettings()
    whole = ServerSettings(pages=settings, environments=tuple(environments), prefixes=tuple(prefixes))
    views = [view for view in VIEWS if view.role is Role.CUSTOMER and view.path != _SIGN_OUT]
    return Front(served(Service(keys, whole, RootKeys(keys)), settings, HostSession(owner_of), views), _untold)


def _untold(_: Scope, __: str, ___: int, ____: float) -> None:
    """Log nothing: the application logs its own requests."""
