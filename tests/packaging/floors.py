"""The edges on the oldest versions of their frameworks: python -m tests.packaging.floors FOLDER [EDGE ...].

For each edge, pip installs the oldest versions of its extras into a folder, and the tests of the edge import them from
there. Old frameworks use what is deprecated today, so a deprecation is no error here.
"""

from __future__ import annotations

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
"""The extras of each edge; its tests are ``tests/integrations/test_EDGE.py``."""


def floors(edge: str) -> dict[str, str]:
    """Return the packages of the extras of an edge, with the oldest version that pyproject.toml allows."""
    extras = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return {
        name: oldest for extra in EDGES[edge] for name, _, oldest in (line.partition(">=") for line in extras[extra])
    }


def run(edge: str, folder: Path) -> int:
    """Install the floors of an edge, run its tests, and return the exit status."""
    required = [f"{name}=={oldest}" for name, oldest in floors(edge).items()]
    print("The oldest of", edge, "-", *required, flush=True)
    pip = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", "--only-binary=:all:", "--upgrade", "--target"]
    installed = subprocess.run(
        [sys.executable, *pip, str(folder), *required], capture_output=True, text=True, check=False
    )
    if installed.returncode:  # else it only warns of packages outside of the folder
        print(installed.stderr, file=sys.stderr)
        return installed.returncode
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(TREE / "src"), str(TREE)])}
    tests = ["pytest", "-q", "-W", "ignore::DeprecationWarning", f"tests/integrations/test_{edge}.py"]
    for words in (["tests.packaging.floors", "--imported", edge], tests):
        status = subprocess.run([sys.executable, "-m", *words], env=environment, cwd=TREE, check=False).returncode
        if status:
            return status
    return 0


def differing(edge: str) -> list[str]:
    """Return what is wrong with the versions that this process would import."""
    found = {name: (version(name), oldest) for name, oldest in floors(edge).items()}
    return [
        f"{name} must be {oldest}, not {ours}"
        for name, (ours, oldest) in found.items()
        if Version(ours) != Version(oldest)
    ]


if __name__ == "__main__":
    where, *chosen = sys.argv[1:]
    if where == "--imported":
        sys.exit("; ".join(differing(*chosen)) or None)
    sys.exit(max(run(edge, Path(where) / edge) for edge in chosen or sorted(EDGES)))
