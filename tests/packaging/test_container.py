"""The container and its composition, by their form: nothing here can run them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from secretsource.server.settings import ServerSettings

TREE = Path(__file__).parents[2]


@pytest.fixture
def services() -> dict[str, Any]:
    """The services of the composition."""
    found: dict[str, Any] = yaml.safe_load((TREE / "compose.yaml").read_text())
    return found


def test_the_container_is_not_root_and_stops_in_time(services: dict[str, Any]) -> None:
    """It runs as a user of its own, and is given longer to stop than the service needs."""
    lines = (TREE / "Dockerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    assert lines.index("USER 10001:10001") < next(at for at, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    assert [line for line in lines if line.startswith("FROM ")][-1].endswith("-slim")
    assert f"EXPOSE {ServerSettings().port}" in lines
    service = services["services"]["service"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert int(service["stop_grace_period"].rstrip("s")) > ServerSettings().stop_within


def test_the_container_installs_extras_that_there_are() -> None:
    """With the drivers of PostgreSQL and of Valkey."""
    (wanted,) = re.findall(r"'\.\[([\w,]+)\]'", (TREE / "Dockerfile").read_text())
    extras = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(wanted.split(",")) == {"server", "cli", "postgres", "redis"} <= extras.keys()


def test_the_composition_has_no_secret_and_names_what_it_needs(services: dict[str, Any]) -> None:
    """Passwords are from `.env`, and their absence is an error; each dependency is waited for."""
    settings = tomllib.loads(services["configs"]["settings"]["content"])["server"]
    assert settings.keys() <= set(ServerSettings.__dataclass_fields__)
    assert settings["limiter"].partition("://")[2].partition(":")[0] in services["services"]
    secrets = re.findall(r"\$\{(\w+)([^}]*)\}", (TREE / "compose.yaml").read_text())
    assert {name for name, _ in secrets} == {"SECRETSOURCE_PEPPER", "POSTGRES_PASSWORD"}
    assert all(otherwise.startswith(":?") for _, otherwise in secrets)
    for name in services["services"]["service"]["depends_on"]:
        assert "healthcheck" in services["services"][name]
    ports = services["services"]["service"]["ports"]
    assert all(port.startswith("127.0.0.1:") for port in ports)
