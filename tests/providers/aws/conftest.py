"""An AWS of our own for the tests of its providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers.aws import AwsInProcess

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def aws() -> Generator[AwsInProcess]:
    """An empty AWS."""
    aws = AwsInProcess()
    with aws.cleanup:
        yield aws
