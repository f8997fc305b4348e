"""The views of customers; `VIEWS` has their routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.pages.customer import changing, events, key, keys, making, signing_in, usage
from secretsource.server.pages.customer.standing import checked

if TYPE_CHECKING:
    from secretsource.server.pages.view import View

__all__ = ["VIEWS"]

VIEWS: tuple[View, ...] = (
    *signing_in.VIEWS,
    *(checked(view) for module in (keys, key, making, changing, usage, events) for view in module.VIEWS),
)
