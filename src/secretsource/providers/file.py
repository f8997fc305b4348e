"""Secrets in files, one each: Docker, systemd, Kubernetes, and variables of the form ``NAME_FILE``.

Sources: Docker mounts secrets at ``/run/secrets`` (docs.docker.com/engine/swarm/secrets); systemd names a folder in
``$CREDENTIALS_DIRECTORY`` (systemd.io/CREDENTIALS); Kubernetes swaps the link ``..data`` when a mounted secret
changes (kubernetes.io/docs/concepts/configuration/secret).
"""

# ruff: noqa: PTH112, PTH117, PTH118 - pathlib loads urllib, which the import of the package must not
from __future__ import annotations

import os

from secretsource._traceless import traceless
from secretsource.providers._regular_file import LIMIT, Contents, path_of, read_file, write_file
from secretsource.providers.base import (
    Failed,
    FailureCode,
    Found,
    IdentifiedProvider,
    Identity,
    NotFound,
    SecretRef,
    WritableProvider,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from secretsource.providers.base import Outcome, Written

__all__ = ["FileProvider"]

DOCKER = "/run/secrets"
PREVIOUS = "_PREVIOUS"


class FileProvider(WritableProvider, IdentifiedProvider):
    """A reader of files, one secret in each; the file has the name of the secret.

    A bare name is looked for in ``directory``. Without a directory, it is the file that the variable ``NAME_FILE``
    names, else ``$CREDENTIALS_DIRECTORY/NAME``, else ``/run/secrets/NAME``. A reference may give a whole path
    (``file:///run/secrets/stripe``). The value before a rotation is in ``NAME_PREVIOUS`` beside the file, also as
    ``?stage=previous``.

    UTF-8 is text, and so is UTF-16 that starts with its mark; the mark of either is removed. Anything else is bytes. So
    is a file with a NUL, since UTF-16 without its mark is UTF-8 full of NULs. The version changes whenever the file is
    written or replaced.

    Args:
        directory: The folder to look in, in place of the usual ones.
        strip_newline: Remove one line end from the end of a text, which editors and ``echo`` put there.

    Raises:
        ConfigurationError: ``directory`` is not a path.
    """

    scheme: ClassVar[str] = "file"
    url_setting: ClassVar[str | None] = "directory"
    max_age: float | None = 1.0

    @traceless
    def __init__(self, directory: str | None = None, strip_newline: bool = True, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self._directory = path_of(directory, f"provider {self.name!r}: directory")
        self._strip_newline = strip_newline

    @property
    def site(self) -> str:
        """The folder that was set; without it, each name has its own."""
        return self._directory or ""

    def locate(self, name: str) -> SecretRef | NotFound:
        """Return the file of that name; a name that leads out of the folder is refused."""
        if not name or _leaves_folder(name) or not _is_possible(name):
            return NotFound("no file in the folder can have this name")
        return SecretRef(self.name, name)

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        """Return the file beside it with ``_PREVIOUS`` after its name."""
        return ref._replace(version=None, stage="previous")

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        """Read the file, as a regular file of at most 1 MiB."""
        if ref.version is not None or ref.stage not in {None, "previous"}:
            return NotFound("a file has no versions, and no stage but 'previous'")
        if not _is_possible(ref.location):
            return NotFound("no file can have this name")
        read = self._read(ref.location, PREVIOUS if ref.stage else "")
        return Found(self._as_text(read.value), version=read.version) if isinstance(read, Contents) else read

    def store(self, ref: SecretRef, value: str | bytes, *, overwrite: bool = False, timeout: float) -> Written:
        """Write the file, readable by this user only; a new one needs ``directory``, or a whole path."""
        path, refusal = self._target(ref.location), self.refusal(ref)
        if refusal is not None:
            return refusal
        if path is None:
            reason = "no folder is set that a secret could be written to"
            return Failed(FailureCode.MISCONFIGURED, reason, "set directory, or write the whole path")
        try:
            wanted = value if isinstance(value, bytes) else value.encode()
        except UnicodeEncodeError:
            return Failed(FailureCode.MALFORMED, "the value is not UTF-8 text", "store it as bytes")
        # One more line end, because reading removes one.
        content = next((form for form in (wanted, wanted + b"\n") if self._bytes_of(form) == wanted), None)
        is_lost = isinstance(value, str) and b"\0" in wanted  # it would be read as bytes
        if content is None or is_lost or len(content) > LIMIT:
            reason = "the value is too long for a file, or would not be read back as it is"
            return Failed(FailureCode.MALFORMED, reason, "store a shorter value, without a byte order mark or a NUL")
        return write_file(path, content, path, overwrite=overwrite)

    def identify(self, *, timeout: float) -> Identity | Failed:
        """Return the folder that is searched; the operating system knows the user."""
        return Identity(f"files in {self._directory or os.environ.get('CREDENTIALS_DIRECTORY') or DOCKER}")

    def _target(self, location: str) -> str | None:
        """Return the path to write a file at, if there is one."""
        if os.path.isabs(location):
            return location
        if self._directory is None or _leaves_folder(location):
            return None
        return os.path.join(self._directory, location)

    def _read(self, location: str, ending: str) -> Contents | NotFound | Failed:
        if os.path.isabs(location):
            return read_file(location + ending, location + ending)
        if _leaves_folder(location):
            reason = "the reference leads out of the folder of secrets"
            return Failed(FailureCode.MISCONFIGURED, reason, "write the whole path, as in file:///run/secrets/name")
        if self._directory is not None:
            return _read_in_set(self._directory, location + ending, "directory")
        variable = location + "_FILE"
        named = os.environ.get(variable)
        return _read_named(named, ending, variable) if named else _read_in_usual_folders(location + ending)

    def _as_text(self, content: bytes) -> str | bytes:
        """Return text without its mark, and without one line end if so set; other values unchanged."""
        text = _decoded(content)
        if text is None:
            return content
        return text.removesuffix("\n").removesuffix("\r") if self._strip_newline and text.endswith("\n") else text

    def _bytes_of(self, content: bytes) -> bytes:
        """Return the bytes for a reader of a file."""
        read = self._as_text(content)
        return read if isinstance(read, bytes) else read.encode()


def _decoded(content: bytes) -> str | None:
    """Return the text of a file, or None if it is not text.

    A random key may start like UTF-16, so every letter of such a text must be visible.
    """
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        pass
    else:
        return None if "\0" in text else text
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    try:
        text = content.decode("utf-16")
    except UnicodeDecodeError:
        return None
    return text if text.translate(_LINES).isprintable() else None


_LINES = dict.fromkeys(map(ord, "\t\r\n"))


def _read_in(folder: str, name: str) -> Contents | NotFound | Failed:
    path = os.path.join(folder, name)
    return read_file(path, path)


def _read_in_set(folder: str, name: str, setting: str) -> Contents | NotFound | Failed:
    """Do the same in a folder that somebody has set: if it is missing, a volume may not be mounted."""
    read = _read_in(folder, name)
    if not isinstance(read, NotFound) or os.path.isdir(folder):
        return read
    return Failed(
        FailureCode.MISCONFIGURED,
        f"the folder {folder}, which {setting} names, does not exist",
        f"mount or make the folder, or remove {setting}",
    )


def _read_in_usual_folders(name: str) -> Contents | NotFound | Failed:
    """Return the outcome of the first usual folder that has the file; systemd's goes before Docker's."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    read = _read_in_set(credentials, name, "CREDENTIALS_DIRECTORY") if credentials else NotFound()
    return _read_in(DOCKER, name) if isinstance(read, NotFound) else read


def _read_named(path: str, ending: str, variable: str) -> Contents | NotFound | Failed:
    """Read the file that a variable names; the path is not shown, because it may be a misplaced secret."""
    read = read_file(path + ending, f"the file that {variable} names")
    if not isinstance(read, NotFound) or ending:
        return read
    return Failed(
        FailureCode.MISCONFIGURED,
        f"the file that {variable} names does not exist",
        f"put the path of the secret's file into {variable}, or unset it",
    )


def _leaves_folder(location: str) -> bool:
    """Return whether a path is absolute, or climbs out of the folder that it is joined to."""
    drive, path = os.path.splitdrive(location)
    steps = path.replace(os.sep, "/").split("/")
    return bool(drive) or not steps[0] or ".." in steps


def _is_possible(location: str) -> bool:
    """Return whether the operating system allows such a name."""
    try:
        return b"\0" not in os.fsencode(location)
    except UnicodeEncodeError:
        return False
