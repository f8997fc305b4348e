"""The views of customers; `VIEWS` has their routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.pages.customer import events, keys, signing_in, usage

if TYPE_CHECKING:
    from secretsource.server.pages.view import View

__all__ = ["VIEWS"]

VIEWS: tuple[View, ...] = (*signing_in.VIEWS, *keys.VIEWS, *usage.VIEWS, *events.VIEWS)
