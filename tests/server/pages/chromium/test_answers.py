"""The pages that no plain address shows: what follows a form, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.server.pages.chromium.gallery import KEPT
from tests.server.pages.chromium.window import link

from secretsource.server.rights import BOUND

if TYPE_CHECKING:
    from tests.server.pages.chromium.conftest import Open
    from tests.server.pages.chromium.site import Site


@pytest.mark.parametrize("shape", KEPT)
async def test_a_customer_reads_what_failed(site: Site, open_window: Open, owner: str, shape: str) -> None:
    """A link that was spent, a page that is not there, a request that is wrong, and a form that is not ours."""
    window = await open_window(shape)
    path = (await link(site, owner)).removeprefix(site.base)
    await window.go(path)
    await window.press("Show my keys")
    for place, status, name in (
        ("/portal/keys/0000000000000000000000", 404, "missing"),
        ("/portal/usage?after=nonsense", 400, "failed"),
    ):
        await window.go(place, status)
        await window.picture(name)
    await window.go("/portal/keys/new")
    await window.page.evaluate("document.querySelectorAll('[name=form_token]').forEach(each => each.remove())")
    await window.press("Create key", status=403)
    await window.picture("refused")
    await window.go(path)
    await window.press("Show my keys", status=410)
    await window.picture("link-spent")


@pytest.mark.parametrize("shape", KEPT)
async def test_an_operator_sees_what_it_did(site: Site, open_window: Open, owner: str, shape: str) -> None:
    """A link for support, the keys that were revoked, and the text of a root key, each shown once."""
    await site.keys.owners.put(owner, name="Globex Ltd")
    for name in ("Billing worker", "Nightly export"):
        await site.key(owner, name=name)
    window = await open_window(shape)
    await window.sign_in_as_operator()
    await window.go(f"/operator/owner?id={quote(owner)}")
    await window.press("Make a link to its pages", status=201)
    await window.picture("operator-owner-link")
    await window.go(f"/operator/owner/revoke-keys?id={quote(owner)}")
    await window.write("Write the id of the customer to confirm", owner)
    await window.press("Revoke all keys")
    await window.picture("operator-owner-revoked")
    await window.go("/operator/root-keys/new")
    await window.write("Name", "the shop")
    await window.tick("keys:verify")
    await window.press("Make the root key", status=201)
    await window.picture("operator-root-key-once")


@pytest.mark.parametrize("shape", KEPT)
async def test_an_operator_reads_what_it_may_not_do(site: Site, open_window: Open, owner: str, shape: str) -> None:
    """No page, a page of others, a root key beyond its own, and a sign-in at a provider that is not there."""
    window = await open_window(shape)
    await window.go("/operator/sign-in/provider", 404)
    await window.picture("operator-not-signed-in")
    await window.sign_in_as_operator("keys:verify")
    await window.picture("operator-nothing")
    await window.go("/operator/keys", 403)
    await window.picture("operator-forbidden")
    await window.press("Sign out")
    await window.sign_in_as_operator("root:read", "root:write", metadata={BOUND: owner})
    await window.go("/operator/root-keys/new")
    await window.write("Name", "more")
    await window.tick("root:read")
    await window.write("Customer", "umbrella")
    await window.press("Make the root key", status=403)
    await window.picture("operator-refused")
