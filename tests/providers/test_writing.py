"""What each driver refuses to write, and what it leaves as it was."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, NoReturn

import pytest
from dotenv import dotenv_values
from tests.conformance.conftest import become_nobody
from tests.servers.openbao import OpenBao, bao

from secretsource.providers.aws import AwsProvider
from secretsource.providers.azure import AzureProvider
from secretsource.providers.base import Failed, FailureCode, Identity, Occupied, SecretRef, Stored
from secretsource.providers.dotenv import DotenvProvider
from secretsource.providers.file import FileProvider
from secretsource.providers.gcp import GcpProvider
from secretsource.providers.memory import MemoryProvider
from secretsource.providers.vault import VaultProvider

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretsource.providers.base import WritableProvider

__all__ = ["bao", "become_nobody"]

WRITERS: list[WritableProvider] = [
    MemoryProvider(),
    DotenvProvider("unused"),
    FileProvider("unused"),
    AzureProvider(vault_url="unused.vault.azure.net"),
    GcpProvider(project="p1"),
    AwsProvider(),
    VaultProvider(),
]


@pytest.mark.parametrize("provider", WRITERS, ids=lambda provider: provider.name)
def test_a_stage_is_not_written_to(provider: WritableProvider) -> None:
    """A reference with a stage is refused by every driver before anybody is asked."""
    outcome = provider.store(SecretRef(provider.name, "a/b", stage="previous"), "x", timeout=1)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MISCONFIGURED


@pytest.mark.parametrize("provider", WRITERS[:6], ids=lambda provider: provider.name)
def test_a_field_is_not_written_alone(provider: WritableProvider) -> None:
    """A field of a JSON document is refused by every driver that does not edit documents."""
    outcome = provider.store(SecretRef(provider.name, "a", field="b"), "x", timeout=1)
    assert isinstance(outcome, Failed)
    assert "field" in str(outcome.reason)


DOTENV = """\
# of the mail server

export MAIL_PASSWORD=old   # rotated in May
TWICE='first'
  TWICE="a # b"
LAST=1"""


@pytest.mark.parametrize(
    ("name", "line", "before"),
    [
        (
            "MAIL_PASSWORD",
            "export MAIL_PASSWORD='it\\'s #1'   # rotated in May",
            "export MAIL_PASSWORD=old   # rotated in May",
        ),
        ("TWICE", "  TWICE='it\\'s #1'", '  TWICE="a # b"'),
        ("LAST", "LAST='it\\'s #1'", "LAST=1"),
    ],
)
def test_dotenv_replaces_one_line(name: str, line: str, before: str, tmp_path: Path) -> None:
    """The line gets the value; every other line, the comments and ``export`` stay; nobody else may read the file."""
    file = tmp_path / ".env"
    file.write_text(DOTENV)
    file.chmod(0o644)
    assert DotenvProvider(str(file)).store(SecretRef("dotenv", name), "it's #1", overwrite=True, timeout=1) == Stored()
    assert file.read_text() == DOTENV.replace(before, line)
    assert dotenv_values(file)[name] == "it's #1"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_dotenv_appends_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new name goes to the end, on a line of its own; a file that is not there is made here."""
    monkeypatch.chdir(tmp_path)
    provider = DotenvProvider()
    assert provider.store(SecretRef("dotenv", "ONE"), "1", timeout=1) == Stored()
    (tmp_path / ".env").write_text("ONE=1")
    assert provider.store(SecretRef("dotenv", "TWO"), "a\\b", timeout=1) == Stored()
    assert (tmp_path / ".env").read_text() == "ONE=1\nTWO='a\\\\b'\n"
    assert provider.identify(timeout=1) == Identity(f"file {tmp_path / '.env'}")


@pytest.mark.parametrize(
    ("name", "value"),
    [("NAME", b"\xff"), ("NAME", "a\udc80"), ("NA=ME", "x"), ("NAME\nOTHER", "x"), ("# NAME", "x")],
)
def test_dotenv_refuses_what_it_cannot_hold(name: str, value: str | bytes, tmp_path: Path) -> None:
    """Bytes, what is no text, and names that are none leave the file as it was."""
    file = tmp_path / ".env"
    file.write_text(DOTENV)
    outcome = DotenvProvider(str(file)).store(SecretRef("dotenv", name), value, timeout=1)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MALFORMED
    assert file.read_text() == DOTENV


@pytest.mark.parametrize("value", ["one\r\ntwo", "one\rtwo", "one\0two"])
def test_dotenv_refuses_what_would_not_come_back(value: str, tmp_path: Path) -> None:
    """A carriage return or NUL, which reading changes or refuses, is not written."""
    file = tmp_path / ".env"
    file.write_text(DOTENV)
    outcome = DotenvProvider(str(file)).store(SecretRef("dotenv", "NAME"), value, timeout=1)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MALFORMED
    assert file.read_text() == DOTENV


@pytest.mark.parametrize("value", ["ends in a backslash\\", "\\'", "'", '"\\"', "`", "# no comment", "a\nb\n", "="])
def test_dotenv_writes_any_sign(value: str, tmp_path: Path) -> None:
    """Quotes, backslashes and line ends come back, and the lines after them keep their values."""
    file = tmp_path / ".env"
    file.write_text("NAME=old\nAFTER='it is'\n")
    provider = DotenvProvider(str(file))
    assert provider.store(SecretRef("dotenv", "NAME"), value, overwrite=True, timeout=1) == Stored()
    assert [
        getattr(provider.fetch(SecretRef("dotenv", name), timeout=1), "value", None) for name in ("NAME", "AFTER")
    ] == [
        value,
        "it is",
    ]


def test_dotenv_keeps_a_byte_order_mark_and_other_line_ends(tmp_path: Path) -> None:
    """The first line of a file from another editor is replaced, and its mark and line ends stay."""
    file = tmp_path / ".env"
    file.write_bytes(b"\xef\xbb\xbfNAME=old\r\nOTHER='a\r\nb'\r\n")
    provider = DotenvProvider(str(file))
    assert provider.store(SecretRef("dotenv", "NAME"), "new", overwrite=True, timeout=1) == Stored()
    assert file.read_bytes() == b"\xef\xbb\xbfNAME='new'\r\nOTHER='a\r\nb'\r\n"


def test_dotenv_that_interpolates_refuses_a_reference(tmp_path: Path) -> None:
    """A value that would be read back as another one is not written."""
    provider = DotenvProvider(str(tmp_path / ".env"), interpolate=True)
    outcome = provider.store(SecretRef("dotenv", "NAME"), "${HOME}", timeout=1)
    assert isinstance(outcome, Failed)
    assert not list(tmp_path.iterdir())


def test_dotenv_that_is_broken_is_left_alone(tmp_path: Path) -> None:
    """A file with a line that cannot be parsed is not written to."""
    (tmp_path / ".env").write_text("BROKEN='\n")
    outcome = DotenvProvider(str(tmp_path / ".env")).store(SecretRef("dotenv", "NAME"), "x", timeout=1)
    assert isinstance(outcome, Failed)
    assert (tmp_path / ".env").read_text() == "BROKEN='\n"


def test_file_is_written_whole_and_private(tmp_path: Path) -> None:
    """A file has mode 0600, a line end of the value comes back, and a link is followed."""
    provider = FileProvider(str(tmp_path))
    (tmp_path / "target").write_text("old")
    (tmp_path / "NAME").symlink_to("target")
    assert isinstance(provider.store(SecretRef("file", "NAME"), "new\n", timeout=1), Occupied)
    assert isinstance(provider.store(SecretRef("file", "NAME"), "new\n", overwrite=True, timeout=1), Stored)
    assert (tmp_path / "NAME").is_symlink()
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o600
    found = provider.fetch(SecretRef("file", "NAME"), timeout=1)
    assert getattr(found, "value", None) == "new\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["NAME", "target"]


@pytest.mark.parametrize("strip_newline", [True, False])
@pytest.mark.parametrize("value", ["x\n", "\n", "", "x\r\n", b"x\n", b"\xff\n", b"\xff\xfe\x00"], ids=repr)
def test_file_is_read_back(value: str | bytes, strip_newline: bool, tmp_path: Path) -> None:
    """What is written is had as the same bytes, with the line ends that it had."""
    provider = FileProvider(str(tmp_path), strip_newline)
    assert isinstance(provider.store(SecretRef("file", "NAME"), value, timeout=1), Stored)
    read = getattr(provider.fetch(SecretRef("file", "NAME"), timeout=1), "value", None)
    assert (read.encode() if isinstance(read, str) else read) == (value.encode() if isinstance(value, str) else value)


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure leaves the old value or the new one, and no empty file: the content is synced first."""
    synced: list[bytes] = []

    def sync(descriptor: int) -> None:
        assert (tmp_path / "NAME").read_bytes() == b"old"
        (partial,) = [path for path in tmp_path.iterdir() if path.stat().st_ino == os.fstat(descriptor).st_ino]
        synced.append(partial.read_bytes())

    (tmp_path / "NAME").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", sync)
    outcome = FileProvider(str(tmp_path)).store(SecretRef("file", "NAME"), "new", overwrite=True, timeout=1)
    assert isinstance(outcome, Stored)
    assert synced == [b"new"]
    assert (tmp_path / "NAME").read_bytes() == b"new"


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("kind", ["dotenv", "file"])
@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, FailureCode.UNAVAILABLE), (errno.EACCES, FailureCode.DENIED)]
)
def test_a_write_that_fails_is_not_stored(
    kind: str, step: str, number: int, code: FailureCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or a right that was taken away: the failure is told, and no half of a file is left."""
    path = tmp_path / ("NAME" if kind == "file" else ".env")
    provider: WritableProvider = FileProvider(str(tmp_path)) if kind == "file" else DotenvProvider(str(path))
    path.write_text("NAME=old\n")

    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(number, "no")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        outcome = provider.store(SecretRef(kind, "NAME"), "new", overwrite=True, timeout=1)
    assert isinstance(outcome, Failed)
    assert outcome.code is code
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == "NAME=old\n"


@pytest.mark.parametrize(
    ("directory", "location", "value", "code"),
    [
        (None, "NAME", "x", FailureCode.MISCONFIGURED),
        (".", "../NAME", "x", FailureCode.MISCONFIGURED),
        (".", "no/such/folder", "x", FailureCode.MISCONFIGURED),
        (".", "NUL\0", "x", FailureCode.MISCONFIGURED),
        (".", "NAME", "\udc80", FailureCode.MALFORMED),
        (".", "NAME", "\ufeffx", FailureCode.MALFORMED),
        (".", "NAME", "x".encode("utf-16"), FailureCode.MALFORMED),
        (".", "NAME", "x" * (1024 * 1024 + 1), FailureCode.MALFORMED),
    ],
)
def test_file_refuses(
    directory: str | None,
    location: str,
    value: str | bytes,
    code: FailureCode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file is not written where no folder is set, outside of it, or in a form that could not be read back."""
    monkeypatch.chdir(tmp_path)
    outcome = FileProvider(directory).store(SecretRef("file", location), value, timeout=1)
    assert isinstance(outcome, Failed)
    assert outcome.code is code
    assert not list(tmp_path.iterdir())


def test_file_in_a_folder_of_others(tmp_path: Path, become_nobody: Callable[[], None]) -> None:
    """A folder that may not be written to is a denial."""
    tmp_path.chmod(0o555)
    become_nobody()
    outcome = FileProvider(str(tmp_path)).store(SecretRef("file", "/NAME"), "x", timeout=1)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.DENIED


@pytest.mark.parametrize(("location", "value"), [("a", b"\xff"), ("NO_NAME", "x")])
def test_azure_holds_text_under_its_own_names(location: str, value: str | bytes) -> None:
    """Bytes, and a name that Key Vault does not allow, are refused before the vault is asked."""
    provider = AzureProvider(vault_url="unused.vault.azure.net")
    assert isinstance(provider.store(SecretRef("azure", location), value, timeout=1), Failed)


@pytest.mark.parametrize(
    ("location", "value"), [("a", ""), ("a", "\udc80"), ("no name", "x"), ("projects/p/secrets/a/versions/2", "x")]
)
def test_google_cloud_refuses(location: str, value: str) -> None:
    """An empty value, what is no text, and a place that is no secret are refused before Google Cloud is asked."""
    assert isinstance(GcpProvider(project="p1").store(SecretRef("gcp", location), value, timeout=1), Failed)


def test_aws_holds_no_empty_value() -> None:
    """An empty value is refused before AWS is asked."""
    outcome = AwsProvider().store(SecretRef("aws", "NAME"), "", timeout=1)
    assert isinstance(outcome, Failed)
    assert outcome.code is FailureCode.MALFORMED


@pytest.mark.parametrize("mount", ["secret", "kv/one"])
def test_vault_keeps_the_other_fields(mount: str, bao: OpenBao) -> None:
    """A field is written beside the others, in KV of either version."""
    with_root = {"method": "token", "token": bao.root}
    provider = VaultProvider(address=bao.address, mount=mount, auth=with_root)
    location = f"{mount}/writing/{mount}/app"
    for field in ("one", "two"):
        assert isinstance(provider.store(SecretRef("vault", location, field=field), field, timeout=5), Stored)
    found = provider.fetch(SecretRef("vault", location), timeout=5)
    assert getattr(found, "value", None) == {"one": "one", "two": "two"}
    assert "root" in getattr(provider.identify(timeout=5), "text", "")
    provider.close()


@pytest.mark.parametrize(
    ("ref", "value"),
    [
        (SecretRef("vault", "secret/a", field="b"), b"\0"),
        (SecretRef("vault", "secret/a"), "x"),
        (SecretRef("vault", "secret/../a", field="b"), "x"),
    ],
)
def test_vault_refuses(ref: SecretRef, value: str | bytes) -> None:
    """Bytes, a secret without a field, and a path that means another one are refused before Vault is asked."""
    assert isinstance(VaultProvider().store(ref, value, timeout=1), Failed)


def test_vault_does_not_write_to_other_engines(bao: OpenBao) -> None:
    """A path that no engine has is a mistake of the reference, and no absence."""
    provider = VaultProvider(address=bao.address, auth={"method": "token", "token": bao.root})
    outcome = provider.store(SecretRef("vault", "nowhere/app", field="x"), "x", timeout=5)
    assert isinstance(outcome, Failed)
    provider.close()


def test_an_identity_without_a_date() -> None:
    """What is no date gives no skew; an HTTP date counts whole seconds."""
    assert Identity.dated("me", None, 0.0).clock_skew is None
    assert Identity.dated("me", "tomorrow", 0.0).clock_skew is None
    assert Identity.dated("me", "Thu, 01 Jan 1970 00:01:40 GMT", 70.0).clock_skew == 30.0
