"""What holds for tests of providers: the first look-up of a worker spends none of its time on imports."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

import pytest

VENDORS = ("boto3", "hvac", "google.cloud.secretmanager", "azure.identity", "azure.keyvault.secrets")


@pytest.fixture(scope="session", autouse=True)
def vendors() -> None:
    """Import the packages of vendors, which takes seconds on a busy machine."""
    for package in VENDORS:
        with suppress(ImportError):  # which a test of that vendor reports
            import_module(package)
