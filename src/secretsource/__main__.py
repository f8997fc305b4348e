"""``python -m secretsource`` is the command ``secretsource``."""

from __future__ import annotations

import sys

from secretsource.cli.app import run

if __name__ == "__main__":
    sys.exit(run())
