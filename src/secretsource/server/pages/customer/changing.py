"""Edit a key, and revoke one: before a revocation, the page says who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import Conflict, InvalidRequest, InvalidTransition
from secretsource.server.pages.customer.fields import ends_of, lives, read_key
from secretsource.server.pages.customer.key import ONE
from secretsource.server.pages.customer.standing import offer_to, own_key
from secretsource.server.pages.sessions import Role
from secretsource.server.pages.view import View

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.issuing import KeyRecord
    from secretsource.server.pages.customer.standing import Offer
    from secretsource.server.pages.visit import Visit

__all__ = ["VIEWS"]


async def ask(visit: Visit) -> Response:
    """Show the form of a key that is there."""
    record = await own_key(visit)
    return _form(visit, record, await offer_to(visit))


async def edit(visit: Visit) -> Response:
    """Change a key, unless it has changed since its form was shown."""
    record, offer, form = await own_key(visit), await offer_to(visit), visit.form
    given = {
        **read_key(form, offer, record.scopes, visit.translate),
        **ends_of(form, offer, visit.now, visit.translate),
    }
    if form.text("revision") != str(record.revision):
        form.wrong("", visit.translate("The key has changed since you opened this page. Look again, and repeat."))
    if form.errors:
        return _form(visit, record, offer, 422)
    try:
        await visit.keys.update(
            record.key_id, revision=record.revision, actor=visit.actor, origin=visit.origin, **given
        )
    except (Conflict, InvalidRequest, InvalidTransition) as error:
        visit.refuse(error)
        return _form(visit, record, offer, 422)
    return visit.go(f"/portal/keys/{record.key_id}")


async def ask_revocation(visit: Visit) -> Response:
    """Show who uses a key, before it is revoked."""
    return await _who_breaks(visit, await own_key(visit))


async def revoke(visit: Visit) -> Response:
    """Revoke a key, if the customer has confirmed it."""
    record = await own_key(visit)
    if not visit.form.has("sure"):
        visit.form.wrong("sure", visit.translate("Confirm that the key is to be refused from now on."))
        return await _who_breaks(visit, record, 422)
    await visit.keys.revoke(record.key_id, actor=visit.actor, origin=visit.origin)
    return visit.go(f"/portal/keys/{record.key_id}")


def _form(visit: Visit, record: KeyRecord, offer: Offer, status: int = 200) -> Response:
    return visit.page("customer/edit.html", status, key=record, offer=offer, lives=lives(offer.max_life))


async def _who_breaks(visit: Visit, record: KeyRecord, status: int = 200) -> Response:
    """Show the page before a revocation."""
    use = await visit.keys.recent_use(record.key_id)
    return visit.page("customer/revoke.html", status, key=record, ended=record.has_ended(visit.now), use=use)


VIEWS = (
    View("GET", f"{ONE}/edit", "askForChange", Role.CUSTOMER, ask),
    View("POST", f"{ONE}/edit", "editKey", Role.CUSTOMER, edit),
    View("GET", f"{ONE}/revoke", "askForRevocation", Role.CUSTOMER, ask_revocation),
    View("POST", f"{ONE}/revoke", "revokeOwnKey", Role.CUSTOMER, revoke),
)
