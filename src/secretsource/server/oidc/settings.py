"""The table ``[server.pages.oidc]``: the provider that operators sign in at, and the rights that they get. Pure.

It is closed by default: without a line in ``operators``, nobody becomes an operator.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, NamedTuple

from secretsource.exceptions import InvalidRequest
from secretsource.issuing import owner_id
from secretsource.resolver import FOLLOW_MARK
from secretsource.server.outgoing.targets import is_safe
from secretsource.server.rights import GRANTS, ROOT_OWNER

if TYPE_CHECKING:
    from secretsource.config import Section

__all__ = ["OidcSettings", "OperatorRule", "read_oidc"]


class OperatorRule(NamedTuple):
    """One line of ``[[server.pages.oidc.operators]]``: the people that it is about, and their rights.

    Attributes:
        claim: The claim of the ID token, such as ``groups``, ``email`` or ``sub``.
        value: The text that the claim is, or that is in its list.
        rights: Scopes, as root keys have them.
        owner: The only customer that they see, or None for all.
    """

    claim: str
    value: str
    rights: tuple[str, ...]
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The settings of the sign-in.

    Attributes:
        issuer: The address of the provider, exactly as it names itself in its tokens.
        client_id: The name of the service at the provider.
        client_secret: A reference to the secret of the service there, such as ``ref+vault://kv/app#oidc``; None for a
            client without one.
        redirect_uri: The public address of ``/operator/sign-in/back``, as the provider knows it.
        scopes: The scopes to ask the provider for; ``openid`` is always among them.
        name_claim: The claim with the name of a person, for the pages and the events; any name but a verified address
            has the id of the person behind it.
        operators: The people that become operators; the first line that matches counts.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    name_claim: str = "email"
    operators: tuple[OperatorRule, ...] = ()


_NEEDED = ("issuer", "client_id", "redirect_uri")
_ADDRESSES = ("issuer", "redirect_uri")


def read_oidc(section: Section) -> OidcSettings:
    """Read the table.

    Args:
        section: The table.

    Raises:
        ConfigurationError: A key is missing, unknown or has a wrong value.
    """
    section.only([each.name for each in fields(OidcSettings)])
    given: dict[str, object] = {}
    for key in section.table:
        if key == "operators":
            given[key] = tuple(_rule(each) for each in section.items(key))
        elif key == "scopes":
            given[key] = tuple(dict.fromkeys(("openid", *section.texts(key))))
        else:
            given[key] = _text(section, key)
    for key in _NEEDED:
        if key not in given:
            raise section.wrong(f"a sign-in needs {key}")
    for key in _ADDRESSES:
        if not is_safe(str(given[key])):
            raise section.wrong(f"{key} must be an address that begins with https://", key)
    secret = given.get("client_secret")
    if secret is not None and not str(secret).startswith(FOLLOW_MARK):
        raise section.wrong(
            f"client_secret must be a reference such as  {FOLLOW_MARK}env://OIDC_CLIENT_SECRET, not the secret itself",
            "client_secret",
        )
    return OidcSettings(**given)  # type: ignore[arg-type]  # each is of its field's type by now


def _text(section: Section, key: str) -> str:
    text = section.text(key)
    if not text:
        raise section.wrong(f"{key} must be a text that is not empty", key)
    return text


def _owner(section: Section) -> str:
    """Return the customer of a line in its only spelling, as records have it."""
    written = _text(section, "owner")
    with suppress(InvalidRequest):
        return owner_id(written)
    raise section.wrong("owner must be a name of 1 to 255 legible characters", "owner")


def _rule(section: Section) -> OperatorRule:
    section.only(OperatorRule._fields)
    for key in ("claim", "value", "rights"):
        if key not in section.table:
            raise section.wrong(f"a line of operators needs {key}")
    rights = section.texts("rights")
    for right in rights:
        if right not in GRANTS:
            raise section.wrong(f"rights must be some of {', '.join(GRANTS)}", "rights")
    if not rights:
        raise section.wrong("rights must have at least one scope", "rights")
    owner = None if "owner" not in section.table else _owner(section)
    if owner == ROOT_OWNER:
        raise section.wrong("this owner is reserved for root keys: name a customer", "owner")
    return OperatorRule(_text(section, "claim"), _text(section, "value"), rights, owner)
