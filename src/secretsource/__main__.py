"""``python -m secretsource`` is the command ``secretsource``."""

from __future__ import annotations

import sys

from secretsource.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
