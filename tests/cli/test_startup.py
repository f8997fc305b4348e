"""What starting the command costs: no SDK and no server before they are needed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

VENDORS = {"boto3", "botocore", "moto", "hvac", "google", "azure", "sqlalchemy", "starlette", "uvicorn", "pytest"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["get", "SESSION_KEY"], ["check"], ["explain", "TLS_KEY"], ["init"], ["keys", "rules"]]
)
def test_no_vendor_is_loaded(project: Path, environment: dict[str, str], arguments: list[str]) -> None:
    """Help and local secrets load neither an SDK nor the demo's servers."""
    assert not VENDORS & {name.partition(".")[0] for name in loaded_by(arguments, environment)}


def test_a_list_of_keys_in_a_file_loads_what_the_file_needs(project: Path, environment: dict[str, str]) -> None:
    """It loads no other database, no migrations, no ciphers, and nothing that only imports or an event loop need."""
    loaded_by(["keys", "migrate", "--create"], environment)
    loaded = loaded_by(["keys", "list"], environment)
    assert "secretsource.stores._sql.store" in loaded
    others = (
        "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "secretsource.issuing._transfer.imports",
        "secretsource.issuing.documents", "alembic", "psycopg", "pydantic", "greenlet", "rich.table",
    )  # fmt: skip
    assert not [name for name in loaded if name.startswith((*others, "cryptography", "secretsource.stores._sql.async"))]


def loaded_by(arguments: list[str], environment: dict[str, str]) -> set[str]:
    """Run a command; the names of the modules that are loaded at its end."""
    script = (
        "import sys, json\n"
        "from secretsource.cli.app import main\n"
        f"sys.argv = ['secretsource', *{arguments!r}]\n"
        "try:\n    main()\n"
        "finally:\n    print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    names: list[str] = json.loads(done.stderr.splitlines()[-1])
    return set(names)
