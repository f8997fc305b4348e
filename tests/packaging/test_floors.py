"""Every framework has a floor, and the tests of its edge run on it: make framework-floors."""

from __future__ import annotations

import pytest
from tests.packaging.floors import EDGES, TREE, differing, floors, layers

INTEGRATIONS = TREE / "src" / "secretsource" / "integrations"
NOT_ONE_FRAMEWORK = {"asgi", "routes", "django_settings", "flask_config"}


def test_every_edge_has_a_floor_and_tests() -> None:
    """Each public edge of a framework is an extra that `make framework-floors` installs, with tests that it runs."""
    edges = {file.stem for file in INTEGRATIONS.glob("[a-z]*.py")} - NOT_ONE_FRAMEWORK
    named = {extra for extras in EDGES.values() for extra in extras} - {"pydantic"}
    assert named | {*EDGES} == edges
    assert [edge for edge in EDGES if not (TREE / "tests" / "integrations" / f"test_{edge}.py").exists()] == []


@pytest.mark.parametrize("edge", EDGES)
def test_a_floor_is_one_version(edge: str) -> None:
    """Each requirement of these extras is a package and its oldest version, so that pip can install just that."""
    assert all(name.isidentifier() or "-" in name for name in floors(edge))
    assert all(oldest.replace(".", "").isdecimal() for oldest in floors(edge).values())


def test_every_edge_is_in_one_layer() -> None:
    """So each is tested on its floors once."""
    assert sorted(edge for edges in layers().values() for edge in edges) == sorted(EDGES)


def test_newer_versions_are_noticed() -> None:
    """Where the installed packages would be tested instead of the floors, the run says so and ends."""
    assert [line.partition(" must be ")[0] for line in differing("django")] == list(floors("django"))
