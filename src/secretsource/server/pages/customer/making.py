"""Make a key, or a successor of one: its text is shown in this one answer, and nowhere else.

A page that is sent again, by a reload or a second press of the button, makes no second key.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from re import findall
from shlex import quote
from typing import TYPE_CHECKING

from secretsource.exceptions import InvalidRequest, InvalidTransition
from secretsource.issuing import Issued
from secretsource.server.pages.customer.fields import OVERLAPS, ends_of, lives, read_key, read_overlap
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

ONCE = "once"
"""The field with the token of one new key."""
DEFAULT_PREFIX = "sk"


async def ask(visit: Visit) -> Response:
    """Show the form of a new key."""
    return _form(visit, await offer_to(visit))


async def make(visit: Visit) -> Response:
    """Make a key, and show its text."""
    offer, form = await offer_to(visit), visit.form
    environment = form.text("environment")
    if environment not in offer.environments:
        form.wrong("environment", visit.translate("Choose from the list."))
    request = {**read_key(form, offer, (), visit.translate), **ends_of(form, offer, visit.now, visit.translate)}
    if form.errors:
        return _form(visit, offer, 422)
    settings = visit.service.settings
    prefix = visit.settings.prefix or next(iter(settings.prefixes), DEFAULT_PREFIX)
    try:
        issued = await visit.keys.issue_once(
            form.text(ONCE)[:64] or secrets.token_hex(16),
            caller=sha256(visit.owner.encode()).hexdigest(),
            fingerprint=repr([environment, request["name"], request["scopes"], request["networks"], form.text("ends")]),
            actor=visit.actor,
            origin=visit.origin,
            owner=visit.owner,
            prefix=prefix,
            environment=environment,
            **request,
        )
    except InvalidRequest as error:
        visit.refuse(error)
        return _form(visit, offer, 422)
    return _shown(visit, *((issued.record, issued.plaintext) if isinstance(issued, Issued) else (issued, None)))


async def ask_rotation(visit: Visit) -> Response:
    """Show the form of a rotation."""
    return _rotation_form(visit, await own_key(visit))


async def rotate(visit: Visit) -> Response:
    """Make the successor of a key, and show its text."""
    record = await own_key(visit)
    overlap = read_overlap(visit.form, visit.translate)
    if not visit.form.has("sure"):
        visit.form.wrong("sure", visit.translate("Confirm that you can store a new key now."))
    if visit.form.errors:
        return _rotation_form(visit, record, 422)
    if record.successor is not None:
        return visit.go(f"/portal/keys/{record.key_id}")
    try:
        rotated = await visit.keys.rotate(record.key_id, overlap=overlap, actor=visit.actor, origin=visit.origin)
    except (InvalidTransition, InvalidRequest) as error:
        visit.refuse(error)
        return _rotation_form(visit, record, 422)
    return _shown(visit, rotated.successor, rotated.plaintext, rotated.predecessor)


def _form(visit: Visit, offer: Offer, status: int = 200) -> Response:
    wanted = visit.request.query_params.get("environment", "")
    return visit.page(
        "customer/new.html",
        status,
        offer=offer,
        lives=lives(offer.max_life),
        environment=visit.form.text("environment", wanted),
        once=secrets.token_hex(16),
    )


def _rotation_form(visit: Visit, record: KeyRecord, status: int = 200) -> Response:
    return visit.page("customer/rotate.html", status, key=record, overlaps=OVERLAPS)


def _shown(visit: Visit, record: KeyRecord, text: str | None, old: KeyRecord | None = None) -> Response:
    """Show a new key with its text, or say that the text was shown before."""
    variable, address = _variable_for(visit.settings.name), quote(visit.settings.api)
    return visit.page(
        "customer/once.html", 201 if text else 409, key=record, text=text, old=old, variable=variable, address=address
    )


def _variable_for(site: str) -> str:
    """Return the name of an environment variable for a key of an API, such as ``ACME_API_KEY``."""
    word = "_".join(findall("[A-Z0-9]+", site.upper())) or "API"
    return f"{'_' if word[0].isdigit() else ''}{word}_KEY"


VIEWS = (
    View("GET", "/portal/keys/new", "askForKey", Role.CUSTOMER, ask),
    View("POST", "/portal/keys/new", "makeKey", Role.CUSTOMER, make),
    View("GET", f"{ONE}/rotate", "askForRotation", Role.CUSTOMER, ask_rotation),
    View("POST", f"{ONE}/rotate", "rotateOwnKey", Role.CUSTOMER, rotate),
)
