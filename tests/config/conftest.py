"""Small drivers to configure, and a way to find them that knows no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import pytest

from secretsource._ground.suggest import unknown
from secretsource.exceptions import ConfigurationError, ProviderNotInstalled
from secretsource.providers.base import Provider

if TYPE_CHECKING:
    from vendor_sdk import Client  # pyright: ignore[reportMissingImports]

    from secretsource.config._provider import Drivers
    from secretsource.providers.base import Outcome, SecretRef


class Plain(Provider):
    """A driver without settings."""

    scheme = "env"

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        raise NotImplementedError


class Cloud(Plain):
    """A driver with one setting of each plain type, and a ready-made client that is none."""

    scheme = "aws"
    url_setting = "prefix"

    def __init__(
        self,
        *,
        name: str | None = None,
        region: str | None = None,
        prefix: str = "",
        attempts: int = 2,
        timeout: float = 1.5,
        tls: bool = True,
        mode: Literal["json", "text"] = "json",
        hosts: tuple[str, ...] = (),
        tags: Mapping[str, str] | None = None,
        client: Client | None = None,
    ) -> None:
        super().__init__(name=name)


class Safe(Plain):
    """A driver that cannot do without its address."""

    scheme = "vault"

    def __init__(self, address: str, auth: Mapping[str, object] | None = None, *, name: str | None = None) -> None:
        super().__init__(name=name)


@pytest.fixture
def cloud() -> type[Provider]:
    """The driver with one setting of each type."""
    return Cloud


@pytest.fixture
def drivers() -> Drivers:
    """Finds ``env``, ``aws`` and ``vault``; ``gcp`` is known and not installed."""
    known: dict[str, type[Provider]] = {"env": Plain, "aws": Cloud, "vault": Safe}

    def find(scheme: str) -> type[Provider]:
        if scheme == "gcp":
            raise ProviderNotInstalled("gcp", "gcp")
        if scheme not in known:
            raise ConfigurationError(unknown("provider", scheme, list(known)))
        return known[scheme]

    return find
