"""The edges on the oldest versions of their frameworks: python -m tests.packaging.floors install|test FOLDER

A layer is a folder with the packages that differ from those of the environment: pip resolves the floors of its edges
together against what is installed, and downloads only the rest. The tests import from the layer first. Old frameworks
use what is deprecated today, so a deprecation is no error here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version

TREE = Path(__file__).parents[2]

EDGES = {
    "aiohttp": ("aiohttp",),
    "django": ("django", "drf", "ninja"),
    "fastapi": ("fastapi",),
    "flask": ("flask",),
    "grpc": ("grpc",),
    "pydantic_settings": ("pydantic",),
    "litestar": ("litestar",),
    "quart": ("quart",),
    "starlette": ("starlette",),
}
"""The extras of each edge; its tests are ``tests/integrations/test_EDGE*.py``."""

ALONE = ("starlette",)
"""Edges with a floor that another cannot stand on: the oldest FastAPI needs a newer Starlette."""


def floors(edge: str) -> dict[str, str]:
    """Return the packages of the extras of an edge, with the oldest version that pyproject.toml allows."""
    extras = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return {
        name: oldest for extra in EDGES[edge] for name, _, oldest in (line.partition(">=") for line in extras[extra])
    }


def layers() -> dict[str, list[str]]:
    """Return the edges of each layer: all in one, but those whose floors another edge cannot stand on."""
    return {"most": [edge for edge in EDGES if edge not in ALONE], **{edge: [edge] for edge in ALONE}}


def install(folder: Path) -> None:
    """Install each layer into a folder of its own."""
    for layer, edges in layers().items():
        required = [f"{name}=={oldest}" for edge in edges for name, oldest in floors(edge).items()]
        report = json.loads(_pip("--dry-run", "--report", "-", *required))
        found = [f"{each['metadata']['name']}=={each['metadata']['version']}" for each in report["install"]]
        print("The oldest versions that edges stand on:", *found, flush=True)
        _pip("--no-deps", "--only-binary=:all:", "--target", str(folder / layer), *found)


def test(folder: Path, at_once: str) -> int:
    """Run the tests of each edge on its layer, and return the exit status."""
    worst = 0
    for layer, edges in layers().items():
        path = os.pathsep.join([str(folder / layer), str(TREE / "src"), str(TREE)])
        files = [str(file) for edge in edges for file in sorted((TREE / "tests/integrations").glob(f"test_{edge}*.py"))]
        for words in (
            ["tests.packaging.floors", "imported", *edges],
            ["pytest", "-q", "-n", at_once, "-W", "ignore::DeprecationWarning", *files],
        ):
            command = [sys.executable, "-m", *words]
            ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, cwd=TREE, check=False)
            worst = max(worst, ended.returncode)
    return worst


def _pip(*words: str) -> str:
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:  # else it only warns of packages outside of the folder
        sys.exit(ended.stderr)
    return ended.stdout


def differing(edge: str) -> list[str]:
    """Return what is wrong with the versions that this process would import."""
    found = {name: (version(name), oldest) for name, oldest in floors(edge).items()}
    return [
        f"{name} must be {oldest}, not {ours}"
        for name, (ours, oldest) in found.items()
        if Version(ours) != Version(oldest)
    ]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["install", where]:
            install(Path(where))
        case ["test", where, at_once]:
            sys.exit(test(Path(where), at_once))
        case ["imported", *edges]:
            sys.exit("; ".join([each for edge in edges for each in differing(edge)]) or None)
        case _:
            sys.exit(__doc__)
