"""Rotate the key of a customer, extend or finish its rotation: the new text is shown once, and ends are confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.exceptions import InvalidRequest, InvalidTransition
from secretsource.issuing import Status
from secretsource.server.api.managed import CUSTOMERS
from secretsource.server.pages.customer.fields import OVERLAPS, read_longer, read_overlap
from secretsource.server.pages.operator.desk import view
from secretsource.server.pages.operator.keys import find_key, show_key, uses_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from secretsource.issuing import KeyRecord
    from secretsource.server.pages.operator.desk import Desk

__all__ = ["VIEWS"]

WRITES = CUSTOMERS.writes
ONE = "/operator/keys/{key_id:key_id}"


async def show_rotate(desk: Desk) -> Response:
    """Ask how long both keys shall work."""
    return _rotate_page(desk, await find_key(desk))


async def rotate(desk: Desk) -> Response:
    """Give a key a successor, and show its text once; a form that is sent again makes no second one."""
    record, form = await find_key(desk), desk.form
    overlap = read_overlap(form, desk.visit.translate)
    if not desk.is_sure() or form.errors:
        return _rotate_page(desk, record, 422)
    if record.successor is not None:
        return desk.go(f"/operator/keys/{record.key_id}")
    fields = CUSTOMERS.ending(desk.caller, {"overlap": overlap}, desk.visit.now)
    try:
        rotated = await desk.keys.rotate(record.key_id, **fields, **desk.by(form.text("reason")))
    except (InvalidRequest, InvalidTransition) as error:
        desk.visit.refuse(error)
        return _rotate_page(desk, record, 422)
    if rotated.plaintext is None:
        return desk.go(f"/operator/keys/{record.key_id}")
    return desk.page("operator/key-once.html", 201, old=rotated.predecessor, text=rotated.plaintext)


async def show_finish(desk: Desk) -> Response:
    """Show who still uses the old key of a rotation, and ask once more before it ends."""
    return await _finish_page(desk, await find_key(desk))


async def finish(desk: Desk) -> Response:
    """End the old key of a rotation now; its successor works on."""
    record = await find_key(desk)
    if not desk.is_sure():
        return await _finish_page(desk, record, 422)
    try:
        await desk.keys.finish_rotation(record.key_id, **desk.by(desk.form.text("reason")))
    except InvalidTransition as error:
        desk.visit.refuse(error)
        return await _finish_page(desk, record, 422)
    return desk.go(f"/operator/keys/{record.successor}")


async def extend(desk: Desk) -> Response:
    """Let the old key of a rotation work for longer."""
    record, form = await find_key(desk), desk.form
    overlap = read_longer(form, record.overlap_ends, desk.visit.now, desk.visit.translate)
    if form.errors:
        return await show_key(desk, record, 422)
    try:
        await desk.keys.extend_rotation(record.key_id, overlap=overlap, **desk.by())
    except InvalidTransition as error:
        desk.visit.refuse(error)
        return await show_key(desk, record, 422)
    return desk.go(f"/operator/keys/{record.key_id}")


def _rotate_page(desk: Desk, record: KeyRecord, status: int = 200) -> Response:
    return desk.page("operator/key-rotate.html", status, record=record, overlaps=OVERLAPS)


async def _finish_page(desk: Desk, record: KeyRecord, status: int = 200) -> Response:
    rotates = record.status_at(desk.visit.now) is Status.ROTATING
    return desk.page("operator/key-finish.html", status, record=record, rotates=rotates, **await uses_of(desk, record))


VIEWS = (
    view("GET", f"{ONE}/rotate", "showAnyRotate", WRITES, show_rotate),
    view("POST", f"{ONE}/rotate", "rotateAnyKey", WRITES, rotate),
    view("GET", f"{ONE}/finish", "showAnyFinish", WRITES, show_finish),
    view("POST", f"{ONE}/finish", "finishAnyRotation", WRITES, finish),
    view("POST", f"{ONE}/extend", "extendAnyRotation", WRITES, extend),
)
