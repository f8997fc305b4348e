"""The import of a framework: without it, an edge says what to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["framework"]


class framework:  # noqa: N801  # it reads as a statement: with framework("flask"): from flask import g
    """A block that imports a framework.

    Args:
        extra: The extra of this package that installs it.

    Raises:
        ModuleNotFoundError: A package is not installed; the message names the extra.
    """

    def __init__(self, extra: str) -> None:
        self._extra = extra

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        """End the block, and say what to install if a package was missing."""
        if isinstance(error, ModuleNotFoundError):
            package = (error.name or "").partition(".")[0]
            told = f"this edge needs the package {package}: run  pip install 'secretsource[{self._extra}]'"
            raise ModuleNotFoundError(told, name=error.name, path=error.path) from None
