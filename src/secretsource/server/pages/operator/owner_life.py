"""The life of an owner: suspend and resume it, revoke all its keys, sign it out, and open its pages for support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.open_paths.links import WAYS_IN, address_of, new_link
from secretsource.server.pages.operator.desk import MOST_COUNTED, view
from secretsource.server.pages.operator.owners import find, named

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS"]

MOST_SHOWN = 50
"""Keys that the page names after a revocation."""


async def show_suspend(desk: Desk) -> Response:
    """Ask once more before every key of an owner is refused."""
    return await _ask(desk, named(desk, desk.asked("id")), "operator/owner-suspend.html")


async def suspend(desk: Desk) -> Response:
    """Refuse every key of an owner until it is resumed."""
    owner = named(desk, desk.form.text("owner"))
    if not desk.is_sure():
        return await _ask(desk, owner, "operator/owner-suspend.html", 422)
    await desk.keys.owners.suspend(owner, **desk.by(desk.form.text("reason")))
    return desk.go(f"/operator/owner?{desk.query(id=owner)}")


async def resume(desk: Desk) -> Response:
    """Accept the keys of a suspended owner again."""
    owner = named(desk, desk.form.text("owner"))
    await desk.keys.owners.resume(owner, **desk.by())
    return desk.go(f"/operator/owner?{desk.query(id=owner)}")


async def show_revoke(desk: Desk) -> Response:
    """Ask for the id of the owner before all its keys are revoked for good."""
    return await _ask(desk, named(desk, desk.asked("id")), "operator/owner-revoke.html")


async def revoke(desk: Desk) -> Response:
    """Revoke every key of an owner that has not ended, if the operator has written the id of the owner."""
    owner, form = named(desk, desk.form.text("owner")), desk.form
    if form.text("confirmed") != owner:
        form.wrong("confirmed", desk.visit.translate("Write the id of the customer exactly as it stands above."))
        return await _ask(desk, owner, "operator/owner-revoke.html", 422)
    revoked = await desk.keys.revoke_all(owner=owner, **desk.by(form.text("reason")))
    shown = list(revoked)[:MOST_SHOWN]
    return desk.page("operator/owner-revoked.html", owner=owner, revoked=revoked, shown_keys=shown, left=revoked.left)


async def link(desk: Desk) -> Response:
    """Make a link to the pages of an owner, and show it once; the events there name the operator."""
    owner = named(desk, desk.form.text("owner"))
    made = await new_link(desk.keys, owner, operator=desk.actor)
    settings = desk.service.settings
    address = desk.visit.settings.address or f"http://{settings.host}:{settings.port}"
    return desk.page("operator/owner-link.html", 201, owner=owner, address=address_of(made, address))


async def show_sign_out(desk: Desk) -> Response:
    """Ask once more before every session of an owner ends."""
    return desk.page("operator/owner-sign-out.html", owner=named(desk, desk.asked("id")))


async def sign_out(desk: Desk) -> Response:
    """End every session of an owner on its pages, and every link that was not used yet."""
    owner = named(desk, desk.form.text("owner"))
    if not desk.is_sure():
        return desk.page("operator/owner-sign-out.html", 422, owner=owner)
    await desk.keys.owners.sign_out(owner, WAYS_IN, **desk.by(desk.form.text("reason")))
    return desk.go(f"/operator/owner?{desk.query(id=owner)}")


async def _ask(desk: Desk, owner: str, template: str, status: int = 200) -> Response:
    record = await find(desk, owner)
    newest = await desk.keys.list(owner=owner, newest_first=True, limit=MOST_COUNTED)
    count = sum(not key.has_ended(desk.visit.now) for key in newest)
    return desk.page(template, status, owner=owner, record=record, count=count, has_more=newest.next is not None)


VIEWS = (
    view("GET", "/operator/owner/suspend", "showOwnerSuspend", "owners:write", show_suspend),
    view("POST", "/operator/owner/suspend", "suspendOwnerByPage", "owners:write", suspend),
    view("POST", "/operator/owner/resume", "resumeOwnerByPage", "owners:write", resume),
    view("GET", "/operator/owner/revoke-keys", "showOwnerRevoke", "keys:write", show_revoke),
    view("POST", "/operator/owner/link", "makePortalLinkByPage", "portal:write", link),
    view("GET", "/operator/owner/sign-out", "showOwnerSignOut", "portal:write", show_sign_out),
    view("POST", "/operator/owner/sign-out", "signOwnerOutByPage", "portal:write", sign_out),
    view("POST", "/operator/owner/revoke-keys", "revokeOwnerKeysByPage", "keys:write", revoke),
)
