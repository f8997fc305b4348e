"""The root keys: list them, make one, rotate and revoke them; an operator sees none that can do more than itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import InvalidRequest
from secretsource.server.api.managed import ROOTS
from secretsource.server.api.root_keys import NewRootKey, root_request
from secretsource.server.pages.operator.desk import LINES, view
from secretsource.server.pages.operator.fields import DAY, read, seconds
from secretsource.server.rights import GRANTS, ROOT_OWNER, ROOT_PREFIX, bound_owner, is_root, is_within

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.issuing import KeyRecord
    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS"]

READS, WRITES = ROOTS.reads, ROOTS.writes
OVERLAPS = {"0": 0.0, "1": DAY, "7": 7 * DAY, "30": 30 * DAY}
"""Seconds for which both keys of a rotation work, by the number of days in the form."""


async def show_all(desk: Desk) -> Response:
    """Show a page of root keys, the newest first."""
    page = await desk.keys.list(
        owner=ROOT_OWNER, prefix=ROOT_PREFIX, newest_first=True, after=desk.asked("after") or None, limit=LINES
    )
    seen = [each for each in page.records if is_root(each) and is_within(each, desk.caller.record)]
    bound = {each.key_id: bound_owner(each) for each in seen}
    return desk.page("operator/root-keys.html", keys=seen, bound=bound, next=page.next)


async def show_issue(desk: Desk) -> Response:
    """Show the form of a new root key, with the scopes that the operator may give."""
    return _form_page(desk)


async def issue(desk: Desk) -> Response:
    """Make a root key, and show its text once."""
    form = desk.form
    life = seconds(form, "days", desk.visit.translate("Write a number of days, such as 90."))
    given: dict[str, object] = {
        "name": form.text("name"), "scopes": form.texts("scopes"), "networks": form.lines("networks"),
        **({"owner": form.text("owner")} if form.text("owner") else {}),
        **({} if life is None else {"expires_in": life}),
    }  # fmt: skip
    new = read(form, NewRootKey, given, desk.visit.reader)
    if new is None:
        return _form_page(desk, 422)
    try:
        issued = await desk.keys.issue(**root_request(desk.caller, new, desk.visit.now), **desk.by())
    except InvalidRequest as error:
        desk.visit.refuse(error)
        return _form_page(desk, 422)
    return desk.page("operator/root-key-once.html", 201, record=issued.record, text=issued.plaintext)


async def show_rotate(desk: Desk) -> Response:
    """Ask how long both keys shall work."""
    return desk.page("operator/root-key-rotate.html", record=await _find(desk), overlaps=OVERLAPS)


async def rotate(desk: Desk) -> Response:
    """Give a root key a successor, and show its text once."""
    record = await _find(desk)
    overlap = OVERLAPS.get(desk.form.text("overlap"))
    if overlap is None:
        desk.form.wrong("overlap", desk.visit.translate("Choose how long both keys work."))
        return desk.page("operator/root-key-rotate.html", 422, record=record, overlaps=OVERLAPS)
    fields = ROOTS.ending(desk.caller, {"overlap": overlap}, desk.visit.now)
    rotated = await desk.keys.rotate(record.key_id, **fields, **desk.by())
    return desk.page("operator/root-key-once.html", 201, record=rotated.successor, text=rotated.plaintext)


async def show_revoke(desk: Desk) -> Response:
    """Ask once more before a root key is revoked for good."""
    return desk.page("operator/root-key-revoke.html", record=await _find(desk))


async def revoke(desk: Desk) -> Response:
    """Revoke a root key for good; a session by it ends at once."""
    record = await _find(desk)
    if not desk.is_sure():
        return desk.page("operator/root-key-revoke.html", 422, record=record)
    await desk.keys.revoke(record.key_id, **desk.by(desk.form.text("reason")))
    return desk.go("/operator/root-keys")


async def _find(desk: Desk) -> KeyRecord:
    return await ROOTS.find(desk.service, desk.caller, desk.part("key_id"))


def _form_page(desk: Desk, status: int = 200) -> Response:
    chosen = desk.form.texts("scopes")
    offered = [(scope, scope, scope in chosen) for scope in GRANTS if desk.may(scope)]
    return desk.page("operator/root-key-new.html", status, offered_checks=offered)


VIEWS = (
    view("GET", "/operator/root-keys", "showRootKeys", READS, show_all),
    view("GET", "/operator/root-keys/new", "showRootKeyForm", WRITES, show_issue),
    view("POST", "/operator/root-keys/new", "issueRootKeyByPage", WRITES, issue),
    view("GET", "/operator/root-keys/{key_id:key_id}/rotate", "showRootKeyRotate", WRITES, show_rotate),
    view("POST", "/operator/root-keys/{key_id:key_id}/rotate", "rotateRootKeyByPage", WRITES, rotate),
    view("GET", "/operator/root-keys/{key_id:key_id}/revoke", "showRootKeyRevoke", WRITES, show_revoke),
    view("POST", "/operator/root-keys/{key_id:key_id}/revoke", "revokeRootKeyByPage", WRITES, revoke),
)
