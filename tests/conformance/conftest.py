"""What several conformance runs need of the operating system."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = 65534


@pytest.fixture
def become_nobody() -> Iterator[Callable[[], None]]:
    """Give up root's right to read everything, until the test ends; other users have no such right to give up."""

    def drop() -> None:
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    yield drop
    os.seteuid(os.getuid())
