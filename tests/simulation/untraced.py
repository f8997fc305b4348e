"""Thousands of schedules without a tracer: coverage makes each take three times as long, and learns nothing by them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["untraced"]


@contextmanager
def untraced() -> Generator[None]:
    """Run a block without what traces this thread; enter and leave it in one function, so that no return is missed."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
