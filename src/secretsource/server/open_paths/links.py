"""Portal links: each signs one customer in, once, within a minute; and what ends when a customer is signed out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secretsource.issuing import AsyncApiKeys, IssuedPass

__all__ = ["CUSTOMER", "LINK", "LINK_LIFE", "NAME", "OPERATOR", "WAYS_IN", "address_of", "new_link"]

LINK = "link"
"""The kind of a pass that is a link, and the name of its text in the address."""
CUSTOMER = "customer"
"""The kind of a pass that is the session of a customer."""
WAYS_IN = (LINK, CUSTOMER)
"""The kinds of all passes by which a customer is in, or gets in, in the order in which they end together."""
LINK_LIFE = 60.0
"""Seconds for which a link signs in."""
NAME = "name"
"""The fact of a link with the person of the customer that it is for."""
OPERATOR = "operator"
"""The fact of a link with the operator that made it for itself, as events name it."""


async def new_link(keys: AsyncApiKeys, owner: str, name: str | None = None, operator: str | None = None) -> IssuedPass:
    """Make a link that signs a customer in, once.

    Args:
        keys: The keys.
        owner: The owner whose keys the customer sees.
        name: The person of the customer, which may have chosen this name; events have it behind the customer.
        operator: The operator that looks at the pages of the customer, as events name it.
    """
    facts: Mapping[str, str] = {what: each for what, each in ((NAME, name), (OPERATOR, operator)) if each}
    return await keys.passes.issue(LINK, owner, expires_in=LINK_LIFE, facts=facts)


def address_of(link: IssuedPass, service: str) -> str:
    """Return the address of a link.

    Args:
        link: The link.
        service: The address of the service, such as ``https://keys.acme.example``.
    """
    return f"{service.rstrip('/')}/portal/sign-in?{LINK}={link.plaintext}"
