"""What starting the command costs: no SDK and no server before they are needed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

VENDORS = {"boto3", "botocore", "moto", "hvac", "google", "azure", "sqlalchemy", "starlette", "uvicorn", "pytest"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["get", "SESSION_KEY"],
        ["list"],
        ["set", "SESSION_KEY", "--to", "file"],
        ["check"],
        ["export", "TLS_KEY", "--format", "json"],
        ["explain", "TLS_KEY"],
        ["init"],
        ["keys", "rules"],
    ],
)
def test_no_vendor_is_loaded(project: Path, environment: dict[str, str], arguments: list[str]) -> None:
    """Help and local secrets load neither an SDK nor the demo's servers."""
    assert not VENDORS & {name.partition(".")[0] for name in loaded_by(arguments, environment)}


def test_a_list_of_keys_in_a_file_loads_what_the_file_needs(project: Path, environment: dict[str, str]) -> None:
    """It loads no other database, feed or resolver, no migrations or ciphers, and nothing of imports or event loops."""
    loaded_by(["keys", "migrate", "--create"], environment)
    loaded = loaded_by(["keys", "list"], environment)
    assert "secretsource.stores._sql.store" in loaded
    others = (
        "sqlalchemy.dialects.postgresql", "sqlalchemy.orm", "secretsource.stores._sql.lookups.replica",
        "secretsource.stores._sql.feed", "secretsource.stores._sql.sqlite_feed", "secretsource.resolver._",
        "secretsource.issuing._transfer.imports",
        "secretsource.issuing.documents", "alembic", "psycopg", "pydantic", "greenlet", "rich.table",
    )  # fmt: skip
    assert not [name for name in loaded if name.startswith((*others, "cryptography", "secretsource.stores._sql.async"))]


def test_a_short_command_is_not_searched_for_garbage(project: Path, environment: dict[str, str]) -> None:
    """The collector looks at nothing while a list is made, and finds next to nothing to look at when it ends."""
    answer_at_end(["keys", "migrate", "--create"], environment, "0")
    collections = "sum(one['collections'] for one in gc.get_stats())"
    left = f"[{collections} - begun, len(gc.get_objects())]"
    searched, objects = answer_at_end(["keys", "list"], environment, left, f"import gc; begun = {collections}")
    assert searched == 0
    assert objects < 1000


def loaded_by(arguments: list[str], environment: dict[str, str]) -> set[str]:
    """Run a command; the names of the modules that are loaded at its end."""
    return set(answer_at_end(arguments, environment, "sorted(sys.modules)"))


def answer_at_end(arguments: list[str], environment: dict[str, str], question: str, before: str = "") -> Any:
    """Run a command; the value of an expression when its process ends, after all else that waits for the end."""
    script = (
        "import atexit, sys, json\n"
        "from secretsource.cli.app import main\n"
        f"sys.argv = ['secretsource', *{arguments!r}]\n"
        f"atexit.register(lambda: print(json.dumps({question}), file=sys.stderr))\n"
        f"{before}\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        input="a value\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    return json.loads(done.stderr.splitlines()[-1])
