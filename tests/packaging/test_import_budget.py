"""`import secretsource` and one look-up stay small: no SDK, no framework, no event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Ask = Callable[..., Any]

VENDORS = {
    "aiohttp", "alembic", "azure", "boto3", "botocore", "cryptography", "django", "dotenv", "fastapi", "flask",
    "google", "grpc", "hvac", "moto", "opentelemetry", "psycopg", "pydantic", "redis", "requests", "rich",
    "sqlalchemy", "starlette", "typer", "urllib3", "uvicorn",
}  # fmt: skip
"""Packages that only the driver or the edge that needs them may load, when it first needs them."""

HEAVY = {
    "asyncio", "concurrent.futures", "dataclasses", "email", "http", "importlib.metadata", "inspect", "json",
    "logging", "random", "re", "socket", "ssl", "subprocess", "tomllib", "typing", "urllib",
}  # fmt: skip
"""Parts of the standard library that cost more than the whole of ours."""

LOADED_BY = """
import sys
before = set(sys.modules)
{statements}
loaded = sorted(set(sys.modules) - before)
import json
print(json.dumps(loaded))
"""


def loaded_by(ask: Ask, statements: str, **variables: str) -> set[str]:
    return set(ask(LOADED_BY.format(statements=statements), **variables))


def test_importing_the_package_is_small(ask: Ask) -> None:
    """`import secretsource` loads neither a vendor nor a heavy part of the standard library."""
    loaded = loaded_by(ask, "import secretsource")
    assert "secretsource" in loaded
    assert not loaded & (VENDORS | HEAVY)


def test_importing_the_package_loads_no_resolver(ask: Ask) -> None:
    """The names of the package wait for their first use, so a command that needs no secret does not load them."""
    loaded = loaded_by(ask, "import secretsource\nassert secretsource.resolver")
    assert {name for name in loaded if name.startswith("secretsource.resolver")} == {"secretsource.resolver"}


def test_one_look_up_in_the_environment_is_small(ask: Ask) -> None:
    """Nothing more is loaded to find a variable of the process."""
    look_up = "import secretsource\nassert secretsource.get_secret('STRIPE_SECRET_KEY') == 'sk_test_1'"
    loaded = loaded_by(ask, look_up, STRIPE_SECRET_KEY="sk_test_1")
    assert not loaded & (VENDORS | HEAVY)


def test_the_import_gives_no_warning(ask: Ask) -> None:
    """The package imports where warnings are errors, also with the optional checks of the interpreter on."""
    statements = "import secretsource, json; print(json.dumps(len(secretsource.__all__)))"
    assert ask(statements, "-W", "error", "-X", "dev", "-bb") > 0


def test_the_import_starts_no_thread(ask: Ask) -> None:
    """No thread runs after the import, nor after a resolver has been made."""
    statements = (
        "import secretsource, threading, json\n"
        "resolver = secretsource.Resolver(['env'])\n"
        "print(json.dumps(threading.active_count()))"
    )
    assert ask(statements) == 1


@pytest.mark.parametrize("package", ["secretsource.providers", "secretsource.testing"])
def test_drivers_and_test_kit_load_no_vendor(ask: Ask, package: str) -> None:
    """Importing every driver, or the test kit, loads no SDK: that waits for the first call.

    A private module may build on a vendor's classes; its driver imports it when it makes its client.
    """
    statements = (
        "from importlib import import_module\n"
        "from pkgutil import iter_modules\n"
        f"package = import_module({package!r})\n"
        "for module in iter_modules(package.__path__, package.__name__ + '.'):\n"
        "    if not module.name.rpartition('.')[2].startswith('_'):\n"
        "        import_module(module.name)\n"
    )
    loaded = loaded_by(ask, statements)
    assert package in loaded
    assert not loaded & VENDORS
