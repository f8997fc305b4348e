"""Sign a customer in by a portal link, and out.

A link is opened by mail scanners and previews, too. So its page only has a button, and the button spends the link. The
form of the button belongs to the browser that opened the link: another browser cannot send it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.open_paths.links import LINK
from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]


async def home(visit: Visit) -> Response:
    """Send a customer to its keys; anybody else is sent to the way in."""
    return visit.go("/portal/keys")


async def show(visit: Visit) -> Response:
    """Show the button that signs in; the form belongs to a cookie of the browser, which all its windows have."""
    if not visit.session.cookie:
        visit.greet()
    link = visit.request.query_params.get(LINK, "")
    return visit.page("customer/sign-in.html", 200 if link else 401, link=link)


async def sign_in(visit: Visit) -> Response:
    """Take the link, and make a session with a new cookie."""
    session = await visit.sessions.spend(visit.form.text(LINK))
    if session is None:
        return visit.page("customer/link-spent.html", 410)
    await visit.enter(session)
    return visit.go("/portal/keys")


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await visit.sign_out()
    return visit.page("customer/signed-out.html")


VIEWS = (
    View("GET", "/portal", "showHome", Role.CUSTOMER, home),
    View("GET", "/portal/sign-in", "showSignIn", Role.NOBODY, show),
    View("POST", "/portal/sign-in", "signIn", Role.NOBODY, sign_in),
    View("POST", "/portal/sign-out", "signOut", Role.CUSTOMER, sign_out),
)
