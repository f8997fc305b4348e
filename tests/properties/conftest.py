"""The shells, for the tests of this folder."""

from __future__ import annotations

from tests.shells import clock, kind, new_shell

__all__ = ["clock", "kind", "new_shell"]
