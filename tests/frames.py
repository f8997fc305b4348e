"""The frames of the package, as a traceback shows them."""

from __future__ import annotations

import os
from pathlib import Path

import secretsource

SOURCE = str(Path(secretsource.__file__).parent)
"""The folder of the package. Its name alone proves nothing: a checkout, which has these tests too, may have it."""


def is_ours(filename: str) -> bool:
    """Return whether a file belongs to the package."""
    return filename.startswith(SOURCE + os.sep)
