"""Sign a customer in by a portal link, and out.

A link is opened by mail scanners and previews, too. So its page only has a button, and the button spends the link. The
form of the button belongs to the browser that opened the link: another browser cannot send it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from secretsource.server.pages.sessions import Role, Session
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]

LINK = "link"
"""The field with the text of the link, in the address and in the form."""


async def show(visit: Visit) -> Response:
    """Show the button that signs in, and give the browser a cookie that its form belongs to."""
    visit.keep(Session(Role.NOBODY, cookie=secrets.token_urlsafe(32)))
    link = visit.request.query_params.get(LINK, "")
    return visit.page("customer/sign-in.html", 200 if link else 401, link=link)


async def sign_in(visit: Visit) -> Response:
    """Spend the link, and begin a session with a new cookie."""
    owner = await visit.sessions.spend(visit.form.text(LINK))
    if owner is None:
        return visit.page("customer/link-spent.html", 410)
    await visit.sessions.end(visit.cookie)
    visit.keep(await visit.sessions.begin(Role.CUSTOMER, owner))
    return visit.go("/portal/keys")


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await visit.sessions.end(visit.session.cookie)
    visit.drop()
    return visit.page("customer/signed-out.html")


VIEWS = (
    View("GET", "/portal/sign-in", "showSignIn", Role.NOBODY, show),
    View("POST", "/portal/sign-in", "signIn", Role.NOBODY, sign_in),
    View("POST", "/portal/sign-out", "signOut", Role.CUSTOMER, sign_out),
)
