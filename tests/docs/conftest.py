"""What the pages are run with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from secretsource.testing.aws_server import moto_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from secretsource.testing.aws_server import MotoServer


@pytest.fixture(scope="session")
def aws_server() -> Generator[MotoServer]:
    """An AWS for the pages that need one; it starts with the first of them."""
    with moto_server() as server:
        yield server
