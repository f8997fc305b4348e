"""The files that the pages load: our own, the colours of the host, and its logo.

The name to serve holds a hash of the file, so that browsers may keep it.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from secretsource.exceptions import ConfigurationError
from secretsource.server.pages.looks.colours import theme

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["LARGEST_LOGO", "LOGO", "StaticFile", "static_files"]

LARGEST_LOGO = 32 * 1024
LOGO = "logo"
"""The plain name of the logo."""
_TYPES: Mapping[str, str] = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
}


class StaticFile(NamedTuple):
    """A file that the pages load.

    Attributes:
        body: The bytes.
        media_type: The media type.
        name: The name to serve, with a hash of the bytes.
    """

    body: bytes
    media_type: str
    name: str


@cache
def static_files(accent: str, logo: str) -> Mapping[str, StaticFile]:
    """Return the files, by their plain names.

    Args:
        accent: The accent of the host, such as ``#2f5bd7``.
        logo: The file with its logo; empty without one.

    Raises:
        ConfigurationError: The logo cannot be read, or is too large.
    """
    return {plain: _served(plain, ending, body) for plain, ending, body in _found(accent, logo)}


def _found(accent: str, logo: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield the plain name, the ending and the bytes of each file."""
    for each in files("secretsource.server.pages").joinpath("static").iterdir():
        yield each.name, each.name.rpartition(".")[2], each.read_bytes()
    yield "theme.css", "css", theme(accent).encode()
    if logo:
        yield LOGO, Path(logo).suffix[1:].lower(), _logo(Path(logo))


def _logo(path: Path) -> bytes:
    """Return the logo of the host."""
    if path.suffix.lower() not in {".svg", ".png"}:
        raise ConfigurationError(f"[server.pages] logo must be a file of SVG or PNG, not {path.name}")
    try:
        with path.open("rb") as opened:
            body = opened.read(LARGEST_LOGO + 1)
    except OSError as error:
        raise ConfigurationError(f"[server.pages] logo cannot be read: {path} ({error.strerror})") from None
    if len(body) > LARGEST_LOGO:
        raise ConfigurationError(f"[server.pages] logo must be at most {LARGEST_LOGO} bytes: {path}")
    return body


def _served(plain: str, ending: str, body: bytes) -> StaticFile:
    name = f"{plain.partition('.')[0]}.{sha256(body).hexdigest()[:12]}.{ending}"
    return StaticFile(body, _TYPES[ending], name)
