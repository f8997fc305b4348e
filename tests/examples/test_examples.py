"""Each example starts, prints a command, and answers it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import secretsource
from secretsource.testing.integration_cases import ask, bearer

if TYPE_CHECKING:
    from secretsource.testing.integration_cases import Reply

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMAND = re.compile(r"curl -H 'Authorization: Bearer (?P<key>\w+)' (?P<url>http://127.0.0.1:\d+)/invoices\n")
PATIENCE = 60


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def asked(url: str, path: str, headers: dict[str, str]) -> Reply:
    """The answer of a server that may still be starting."""
    patience = time.monotonic() + PATIENCE
    while True:
        try:
            return ask(url, path, headers=headers)
        except ConnectionError:
            assert time.monotonic() < patience, "the example does not answer"
            time.sleep(0.05)


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*_app.py")), ids=lambda path: path.stem)
def test_an_example_answers_the_command_that_it_prints(example: Path, tmp_path: Path) -> None:
    """The key of the command is accepted; without it, the same address is refused; /health needs none."""
    environment = {
        **os.environ,
        "PORT": str(free_port()),
        "SECRETSOURCE_PEPPER": "a pepper of the examples, long enough",
        "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path(secretsource.__file__).parents[1])),
    }
    command = [sys.executable, str(example)]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            printed = COMMAND.fullmatch(process.stdout.readline())
            assert printed is not None
            good = asked(printed["url"], "/invoices", bearer(printed["key"]))
            assert (good.status, good.shown, good.values("RateLimit-Policy")) == (
                200, {"owner": "acme"}, ['"minute";q=100;w=60'],
            )  # fmt: skip
            assert ask(printed["url"], "/invoices").status == 401
            assert ask(printed["url"], "/reports", headers=bearer(printed["key"])).status == 403
            assert ask(printed["url"], "/health").status == 200
        finally:
            process.terminate()
