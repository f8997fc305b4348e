"""The views of operators; `VIEWS` has their routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secretsource.server.pages.view import View

__all__ = ["VIEWS"]

VIEWS: tuple[View, ...] = ()
