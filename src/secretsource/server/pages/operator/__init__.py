"""The views of operators; `VIEWS` has their routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.server.pages.operator import (
    attention,
    events,
    health,
    keys,
    owner_life,
    owners,
    plans,
    root_keys,
    rotations,
    signing_in,
)

if TYPE_CHECKING:
    from secretsource.server.pages.view import View

__all__ = ["VIEWS"]

VIEWS: tuple[View, ...] = (
    *signing_in.VIEWS, *owners.VIEWS, *owner_life.VIEWS, *plans.VIEWS, *keys.VIEWS, *rotations.VIEWS,
    *attention.VIEWS, *events.VIEWS, *root_keys.VIEWS, *health.VIEWS,
)  # fmt: skip
