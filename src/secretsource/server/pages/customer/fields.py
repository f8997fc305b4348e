"""The fields of a key in a form: read within what the customer may choose from; each mistake in words. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from secretsource.server.pages.customer.standing import Offer
    from secretsource.server.pages.forms import Form

    Translate = Callable[[str], str]

__all__ = ["KEPT", "LIVES", "NEVER", "OVERLAPS", "ends_of", "lives", "read_key", "read_longer", "read_overlap"]

LONGEST_NAME = 255
MOST_NETWORKS = 100
NEVER = "never"
KEPT = "kept"
"""The choice that leaves the end of a key as it is."""
_DAY = 86400
LIVES = (30, 90, 180, 365)
"""Lives of keys to choose from, in days."""
OVERLAPS = (0, 3600, _DAY, 7 * _DAY, 30 * _DAY)
"""Overlaps of rotations to choose from, in seconds."""


def lives(max_life: float | None) -> list[int]:
    """Return the lives to choose from, in days; the longest that is allowed is among them.

    Args:
        max_life: The longest life that is allowed, in seconds; None for any.
    """
    if max_life is None:
        return list(LIVES)
    most = max(1, int(max_life // _DAY))
    return [days for days in LIVES if days < most] + [most]


def read_key(form: Form, offer: Offer, held: Iterable[str], translate: Translate) -> dict[str, Any]:
    """Return the name, the scopes and the networks in a form; mistakes stand in the form.

    Args:
        form: The form.
        offer: The choices of the customer.
        held: Scopes that the key has already, and may keep.
        translate: Translates a message.
    """
    name = form.text("name")
    if not name:
        form.wrong("name", translate("Give the key a name, so that you know it again."))
    elif len(name) > LONGEST_NAME or not name.isprintable():
        form.wrong("name", translate("The name must be at most 255 characters, on one line, without an API key in it."))
    scopes = form.texts("scopes")
    if not {*scopes} <= {*offer.scopes, *held}:
        form.wrong("scopes", translate("Choose from the list."))
    if not scopes and (offer.scopes or [*held]):
        form.wrong("scopes", translate("Choose what the key may do."))
    return {"name": name, "scopes": scopes, "networks": _networks(form, translate)}


def ends_of(form: Form, offer: Offer, now: float, translate: Translate) -> dict[str, Any]:
    """Return the end of a key in a form, as an argument of the library; empty if it stays.

    Args:
        form: The form.
        offer: The choices of the customer.
        now: The present, in seconds since 1970 UTC.
        translate: Translates a message.
    """
    chosen = form.text("ends")
    if chosen == KEPT:
        return {}
    if chosen == NEVER and offer.max_life is None:
        return {"expires_at": None}
    if chosen in {str(days) for days in lives(offer.max_life)}:
        life = int(chosen) * _DAY
        return {"expires_at": now + (life if offer.max_life is None else min(life, offer.max_life))}
    form.wrong("ends", translate("Choose from the list."))
    return {}


def read_overlap(form: Form, translate: Translate) -> int:
    """Return the overlap in a form, in seconds; mistakes stand in the form.

    Args:
        form: The form.
        translate: Translates a message.
    """
    chosen = form.text("overlap")
    if chosen in {str(each) for each in OVERLAPS}:
        return int(chosen)
    form.wrong("overlap", translate("Choose from the list."))
    return 0


def read_longer(form: Form, ends: float | None, now: float, translate: Translate) -> int:
    """Return the overlap in a form that puts the end of an old key off; mistakes stand in the form.

    Args:
        form: The form.
        ends: The end of the old key, in seconds since 1970 UTC; None for a key that does not rotate.
        now: The present, in seconds since 1970 UTC.
        translate: Translates a message.
    """
    overlap = read_overlap(form, translate)
    if not form.errors and ends is not None and now + overlap < ends:
        form.wrong("overlap", translate("The old key works for longer already: choose a longer time."))
    return overlap


def _networks(form: Form, translate: Translate) -> list[str]:
    """Return the networks; an address stands for itself."""
    found = form.lines("networks")
    if len(found) > MOST_NETWORKS:
        form.wrong("networks", translate("Give at most 100 networks."))
        return []
    for each in found:
        try:
            ip_network(each)
        except ValueError:
            form.wrong("networks", translate("Write addresses or networks such as 203.0.113.0/24, one on each line."))
    return found
