"""Operators at a browser: signed in by a root key, or at a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.pages.browser import Browser

if TYPE_CHECKING:
    from tests.server.asgi_client import Answer
    from tests.server.conftest import World

__all__ = ["GETS", "POSTS", "operator", "post", "sign_in"]

GETS = {
    "showOwners": "/operator/owners",
    "showOwner": "/operator/owner?id={owner}",
    "showOwnerEdit": "/operator/owner/edit?id={owner}",
    "showOwnerSuspend": "/operator/owner/suspend?id={owner}",
    "showOwnerSignOut": "/operator/owner/sign-out?id={owner}",
    "showOwnerRevoke": "/operator/owner/revoke-keys?id={owner}",
    "showPlans": "/operator/plans",
    "showPlan": "/operator/plan?id={plan}",
    "showAllKeys": "/operator/keys",
    "showAnyKey": "/operator/keys/{key}",
    "showAnyRevoke": "/operator/keys/{key}/revoke",
    "showAnyRotate": "/operator/keys/{key}/rotate",
    "showAnyFinish": "/operator/keys/{key}/finish",
    "showExpiring": "/operator/attention",
    "showUnused": "/operator/attention/unused",
    "showAlarms": "/operator/attention/alarms",
    "showSuspended": "/operator/attention/suspended",
    "showAllEvents": "/operator/events",
    "showOwnerUsage": "/operator/usage?owner={owner}",
    "showRootKeys": "/operator/root-keys",
    "showRootKeyForm": "/operator/root-keys/new",
    "showRootKeyRotate": "/operator/root-keys/{root}/rotate",
    "showRootKeyRevoke": "/operator/root-keys/{root}/revoke",
    "showHealth": "/operator/health",
}
"""The pages of operators by the names of their views; the parts in braces are ids."""


async def sign_in(browser: Browser, key: str) -> Answer:
    """Send a root key from the form; return the answer to it."""
    await browser.get("/operator/sign-in")
    return await browser.post("/operator/sign-in", {"key": key})


async def operator(world: World, *scopes: str, **fields: object) -> Browser:
    """Return a browser that is signed in by a new root key; by the first one without scopes."""
    browser = Browser(world.app, world.keys)
    key = await world.root_key(*scopes, **fields) if scopes else world.root.key
    assert key is not None
    answer = await sign_in(browser, key)
    assert answer.status == 303, answer.body
    return browser


POSTS: dict[str, tuple[str, dict[str, str]]] = {
    "signOutOperator": ("/operator/sign-out", {}),
    "editOwner": ("/operator/owner/edit", {"owner": "{owner}", "name": "x", "revision": "0"}),
    "suspendOwnerByPage": ("/operator/owner/suspend", {"owner": "{owner}", "sure": "yes"}),
    "resumeOwnerByPage": ("/operator/owner/resume", {"owner": "{owner}"}),
    "revokeOwnerKeysByPage": ("/operator/owner/revoke-keys", {"owner": "{owner}", "confirmed": "{owner}"}),
    "makePortalLinkByPage": ("/operator/owner/link", {"owner": "{owner}"}),
    "signOwnerOutByPage": ("/operator/owner/sign-out", {"owner": "{owner}", "sure": "yes"}),
    "editPlan": ("/operator/plan", {"plan": "{plan}", "revision": "1", "sure": "yes"}),
    "revokeAnyKey": ("/operator/keys/{key}/revoke", {"sure": "yes"}),
    "rotateAnyKey": ("/operator/keys/{key}/rotate", {"overlap": "604800", "sure": "yes"}),
    "finishAnyRotation": ("/operator/keys/{key}/finish", {"sure": "yes"}),
    "extendAnyRotation": ("/operator/keys/{key}/extend", {"overlap": "2592000"}),
    "disableAnyKey": ("/operator/keys/{key}/disable", {}),
    "enableAnyKey": ("/operator/keys/{key}/enable", {}),
    "issueRootKeyByPage": ("/operator/root-keys/new", {"name": "x", "scopes": "keys:read"}),
    "rotateRootKeyByPage": ("/operator/root-keys/{root}/rotate", {"overlap": "0"}),
    "revokeRootKeyByPage": ("/operator/root-keys/{root}/revoke", {"sure": "yes"}),
}
"""The changes of operators by the names of their views: the path, and the fields of the form."""


async def post(browser: Browser, name: str, ids: dict[str, str]) -> Answer:
    """Send the form of a change, with the token that the browser has."""
    path, fields = POSTS[name]
    return await browser.post(path.format(**ids), {field: value.format(**ids) for field, value in fields.items()})
