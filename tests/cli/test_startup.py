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
    script = (
        "import sys, json\n"
        "from secretsource.cli.app import main\n"
        f"sys.argv = ['secretsource', *{arguments!r}]\n"
        "try:\n    main()\n"
        "finally:\n    print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert not VENDORS & set(json.loads(done.stderr.splitlines()[-1]))
