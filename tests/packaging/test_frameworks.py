"""An edge whose framework is not installed says which extra installs it."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import secretsource.integrations

FOLDER = Path(secretsource.integrations.__file__).parent
TREE = Path(__file__).parents[2]
EXTRAS = {
    "aiohttp": ("aiohttp", "aiohttp"),
    "django": ("django", "django"),
    "drf": ("rest_framework", "drf"),
    "fastapi": ("fastapi", "fastapi"),
    "flask": ("flask", "flask"),
    "flask_config": ("flask", "flask"),
    "grpc": ("grpc", "grpc"),
    "litestar": ("litestar", "litestar"),
    "ninja": ("ninja", "ninja"),
    "pydantic_settings": ("pydantic", "pydantic"),
    "quart": ("quart", "quart"),
}
"""The package that each edge imports, and the extra that installs it."""
WITHOUT = frozenset({"__init__", "asgi", "django_settings", "routes", "starlette"})
"""Modules that import no framework."""
PROGRAM = """
import sys
from importlib import import_module

for edge, package in {packages!r}.items():
    sys.modules[package] = None
    try:
        import_module(f"secretsource.integrations.{{edge}}")
    except ModuleNotFoundError as error:
        print(edge, error.name.partition(".")[0], error)
"""


def test_an_edge_without_its_framework_names_the_extra() -> None:
    """In one sentence, as an error that `except ImportError` takes."""
    program = PROGRAM.format(packages={edge: package for edge, (package, _) in EXTRAS.items()})
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [
        f"{edge} {package} this edge needs the package {package}: run  pip install 'secretsource[{extra}]'"
        for edge, (package, extra) in EXTRAS.items()
    ]


def test_every_edge_is_asked_and_every_extra_is_there() -> None:
    """A new edge is in the list; a framework that is imported outside the block would be a bare error."""
    assert {path.stem for path in FOLDER.glob("*.py")} == {*EXTRAS, *WITHOUT}
    extras = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {extra for _, extra in EXTRAS.values()} <= extras.keys()
    for edge in WITHOUT:
        for node in ast.parse((FOLDER / f"{edge}.py").read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
                roots = {(name or "").partition(".")[0] for name in names}
                assert roots <= {"secretsource", *sys.stdlib_module_names}, edge
