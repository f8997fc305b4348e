"""Turns of pages: two pages that listen at one port of this machine run one after the other."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["PORT", "having_its_ports"]

PORT = re.compile(r"\b127\.0\.0\.1(?::|\", )(\d{4,5})\b")
"""A port of this machine, in an address or in the call of a server."""


@contextmanager
def having_its_ports(text: str, folder: Path | None = None) -> Generator[list[int]]:
    """Hold the turn of each port that a page names, among all processes of this user; yield these ports.

    Args:
        text: The page.
        folder: Where the turns are; the machine's folder for temporary files if left out.
    """
    home = Path(tempfile.gettempdir()) if folder is None else folder
    ports = sorted({int(port) for port in PORT.findall(text)})  # every process takes them in the same order
    with ExitStack() as held:
        for port in ports:
            turn = held.enter_context((home / f"secretsource-page-{os.getuid()}-{port}").open("w"))
            fcntl.flock(turn, fcntl.LOCK_EX)
        yield ports
