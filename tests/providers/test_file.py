"""What is particular to secrets in files."""

from __future__ import annotations

import errno
import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from secretsource.providers import file as file_module
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.providers.file import FileProvider

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file")

REF = SecretRef("file", "TOKEN")


def fetch(provider: FileProvider, location: str, stage: str | None = None) -> Found | NotFound | Failed:
    return provider.fetch(SecretRef("file", location, stage=stage), timeout=1)


def found(outcome: Found | NotFound | Failed) -> Found:
    assert isinstance(outcome, Found), outcome
    return outcome


def failed(outcome: Found | NotFound | Failed) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The usual folders: systemd's and Docker's, both empty, and one for the files that variables name."""
    made = {name: tmp_path / name for name in ("systemd", "docker", "elsewhere")}
    for folder in made.values():
        folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(made["systemd"]))
    monkeypatch.setattr(file_module, "DOCKER", str(made["docker"]))
    return made


class TestWhereANameIsLookedFor:
    """A variable, then systemd's folder, then Docker's; or one folder that was set."""

    def test_order(self, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """The nearest place that has the file wins."""
        provider = FileProvider()
        assert isinstance(fetch(provider, "TOKEN"), NotFound)
        (folders["docker"] / "TOKEN").write_text("docker")
        assert found(fetch(provider, "TOKEN")).value == "docker"
        (folders["systemd"] / "TOKEN").write_text("systemd")
        assert found(fetch(provider, "TOKEN")).value == "systemd"
        (folders["elsewhere"] / "any-name").write_text("named")
        monkeypatch.setenv("TOKEN_FILE", str(folders["elsewhere"] / "any-name"))
        assert found(fetch(provider, "TOKEN")).value == "named"

    def test_without_systemd(self, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """Outside of a systemd unit only Docker's folder is left."""
        monkeypatch.delenv("CREDENTIALS_DIRECTORY")
        (folders["docker"] / "TOKEN").write_text("docker")
        assert found(fetch(FileProvider(), "TOKEN")).value == "docker"

    def test_a_directory_replaces_them(self, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """With a directory set, nothing else is looked at."""
        monkeypatch.setenv("TOKEN_FILE", str(folders["docker"] / "TOKEN"))
        (folders["docker"] / "TOKEN").write_text("docker")
        provider = FileProvider(str(folders["elsewhere"]))
        assert isinstance(fetch(provider, "TOKEN"), NotFound)
        (folders["elsewhere"] / "TOKEN").write_text("elsewhere")
        assert found(fetch(provider, "TOKEN")).value == "elsewhere"

    def test_a_whole_path(self, folders: dict[str, Path]) -> None:
        """A reference may name any file by its whole path."""
        path = folders["elsewhere"] / "stripe"
        path.write_text("whole path")
        assert found(fetch(FileProvider(str(folders["docker"])), str(path))).value == "whole path"

    @pytest.mark.parametrize("kind", ["missing", "a file"])
    def test_a_folder_that_was_set_must_be_there(
        self, kind: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A volume that is not mounted is no absence of the secrets in it, whoever named its folder."""
        (folders["docker"] / "TOKEN").write_text("weaker")
        volume = folders["elsewhere"] / "volume"
        if kind == "a file":
            volume.touch()
        for provider, setting in ((FileProvider(str(volume)), "directory"), (FileProvider(), "CREDENTIALS_DIRECTORY")):
            monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(volume))
            failure = failed(fetch(provider, "TOKEN"))
            assert failure.code is FailureCode.MISCONFIGURED
            assert failure.reason == f"the folder {volume}, which {setting} names, does not exist"

    def test_a_folder_below(self, folders: dict[str, Path]) -> None:
        """A name may have folders in it."""
        (folders["docker"] / "db").mkdir()
        (folders["docker"] / "db" / "password").write_text("below")
        assert found(fetch(FileProvider(), "db/password")).value == "below"

    def test_an_empty_variable_names_nothing(self, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """``TOKEN_FILE=`` is the same as no variable."""
        monkeypatch.setenv("TOKEN_FILE", "")
        (folders["docker"] / "TOKEN").write_text("docker")
        assert found(fetch(FileProvider(), "TOKEN")).value == "docker"

    def test_a_variable_that_names_nothing_is_wired_wrongly(
        self, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A path to a file that is not there stops the chain; it is not shown, for it may be the secret itself."""
        (folders["docker"] / "TOKEN").write_text("weaker")
        monkeypatch.setenv("TOKEN_FILE", "sk_live_canary")
        failure = failed(fetch(FileProvider(), "TOKEN"))
        assert failure.code is FailureCode.MISCONFIGURED
        assert "TOKEN_FILE" in str(failure.reason)
        assert "canary" not in repr(failure)

    @pytest.mark.parametrize("name", ["", "..", "../TOKEN", "a/../../b", "/etc/passwd", "A\0B", "A\ud800B"])
    def test_impossible_names(self, name: str) -> None:
        """A name that leads out of the folder, or that no file can have, is NotFound."""
        assert isinstance(FileProvider().locate(name), NotFound)

    def test_possible_names(self) -> None:
        """Any other name is looked for as it is."""
        assert FileProvider(name="mounted").locate("db/password..old") == SecretRef("mounted", "db/password..old")

    def test_a_reference_that_climbs(self, folders: dict[str, Path]) -> None:
        """A reference that leads out of the folder is refused, though the file is there."""
        (folders["elsewhere"] / "TOKEN").write_text("outside")
        failure = failed(fetch(FileProvider(str(folders["docker"])), "../elsewhere/TOKEN"))
        assert failure.code is FailureCode.MISCONFIGURED

    @pytest.mark.parametrize("location", ["A\0B", "/A\0B", "A\ud800B", "/A\ud800B", "n" * 300, "/n/" + "n" * 5000])
    def test_references_to_what_cannot_exist(self, location: str, folders: dict[str, Path]) -> None:
        """What the operating system cannot even name is NotFound."""
        assert isinstance(fetch(FileProvider(), location), NotFound)


class TestWhatIsInAFile:
    """Text without the line end that editors put there, or bytes."""

    @pytest.mark.parametrize(
        ("content", "value"),
        [
            (b"token", "token"),
            (b"token\n", "token"),
            (b"token\r\n", "token"),
            (b"token\n\n", "token\n"),
            (b"token\r", "token\r"),
            (b" token \n", " token "),
            (b"\n", ""),
            (b"", ""),
            (b"\xff\n", b"\xff\n"),
            ("token\n".encode("utf-16-le"), "token\n".encode("utf-16-le")),
            ("token\n".encode("utf-16-be"), "token\n".encode("utf-16-be")),
            (b"tok\0en", b"tok\0en"),
            (b"\xef\xbb\xbftoken\n", "token"),
            (b"\xef\xbb\xbf\xef\xbb\xbftoken", "\ufefftoken"),
            ("token\r\nü\n".encode("utf-16"), "token\r\nü"),
            (b"\xfe\xff" + "token".encode("utf-16-be"), "token"),
            (b"\xff\xfe\x00\x00" + "token".encode("utf-32-le"), b"\xff\xfe\x00\x00" + "token".encode("utf-32-le")),
            (b"\xff\xfeodd", b"\xff\xfeodd"),
            (b"\xff\xfe\x00\xd8\x01\x00", b"\xff\xfe\x00\xd8\x01\x00"),
            (b"\xff\xfe\x07\x00\x41\x00", b"\xff\xfe\x07\x00\x41\x00"),
        ],
    )
    def test_one_line_end_is_taken_off(self, tmp_path: Path, content: bytes, value: str | bytes) -> None:
        """One line end goes, everything else stays; bytes stay as they are."""
        (tmp_path / "TOKEN").write_bytes(content)
        assert found(fetch(FileProvider(str(tmp_path)), "TOKEN")).value == value

    def test_the_line_end_may_stay(self, tmp_path: Path) -> None:
        """With ``strip_newline`` off, text is given to the last byte."""
        (tmp_path / "TOKEN").write_bytes(b"token\n")
        assert found(fetch(FileProvider(str(tmp_path), strip_newline=False), "TOKEN")).value == "token\n"

    def test_greatest_length(self, tmp_path: Path) -> None:
        """1 MiB is taken, and one byte more is Failed(MALFORMED)."""
        path = tmp_path / "TOKEN"
        path.write_bytes(b"x" * 1024 * 1024)
        assert len(str(found(fetch(FileProvider(), str(path))).value)) == 1024 * 1024
        path.write_bytes(b"x" * (1024 * 1024 + 1))
        assert failed(fetch(FileProvider(), str(path))).code is FailureCode.MALFORMED


class TestRotation:
    """Kubernetes swaps a link; others leave the old value beside the new one."""

    @posix
    def test_a_swapped_link_is_a_new_version(self, tmp_path: Path) -> None:
        """The layout of a Kubernetes volume: TOKEN -> ..data/TOKEN, ..data -> a folder with a date."""
        for date, text in (("..2025_01", "one"), ("..2025_02", "two")):
            (tmp_path / date).mkdir()
            (tmp_path / date / "TOKEN").write_text(text)
            os.utime(tmp_path / date / "TOKEN", ns=(1, 1))
        (tmp_path / "..data").symlink_to("..2025_01")
        (tmp_path / "TOKEN").symlink_to("..data/TOKEN")
        provider = FileProvider(str(tmp_path))
        one = found(fetch(provider, "TOKEN"))
        (tmp_path / "..data_tmp").symlink_to("..2025_02")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        two = found(fetch(provider, "TOKEN"))
        assert (one.value, two.value) == ("one", "two")
        assert one.version != two.version

    @posix
    @pytest.mark.parametrize("call", ["stat", "open"])
    def test_a_link_that_is_swapped_while_it_is_followed(
        self, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A reader on its way to the old file, which is removed then, gets the new one; it is no mistake."""
        for date, text in (("..2025_01", "one"), ("..2025_02", "two")):
            (tmp_path / date).mkdir()
            (tmp_path / date / "TOKEN").write_text(text)
            os.utime(tmp_path / date / "TOKEN", ns=(1, 1))
        (tmp_path / "..data").symlink_to("..2025_01")
        (tmp_path / "TOKEN").symlink_to("..data/TOKEN")
        follow, calls = getattr(os, call), []

        def overtaken(path: str, *arguments: int) -> object:
            calls.append(path)
            if len(calls) > 1:
                return follow(path, *arguments)
            (tmp_path / "..data_tmp").symlink_to("..2025_02")
            (tmp_path / "..data_tmp").rename(tmp_path / "..data")
            return follow(str(tmp_path / "..2025_01" / "GONE"), *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, overtaken)
            outcome = fetch(FileProvider(str(tmp_path)), "TOKEN")
        assert found(outcome).value == "two"

    @pytest.mark.parametrize("writes", [1, 100])
    def test_a_file_that_is_written_while_it_is_read(
        self, writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is read again; a file that does not come to rest is an outage, and not a part of a value."""
        (tmp_path / "TOKEN").write_text("the first ha")
        status = os.fstat
        written: list[int] = []

        def overtaken(descriptor: int) -> os.stat_result:
            before = status(descriptor)
            if len(written) < writes:
                written.append(descriptor)
                (tmp_path / "TOKEN").write_text("the whole value" + "\n" * len(written))
            return before

        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", overtaken)
            outcome = fetch(FileProvider(str(tmp_path)), "TOKEN")
        if writes == 1:
            assert found(outcome).value == "the whole value"
        else:
            assert failed(outcome).code is FailureCode.UNAVAILABLE
            assert "changes while it is read" in str(failed(outcome).reason)

    def test_previous_is_beside_the_file_that_a_variable_names(
        self, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wherever the current value is, the one before it is beside it; if there is none, that is no mistake."""
        monkeypatch.setenv("TOKEN_FILE", str(folders["elsewhere"] / "token.txt"))
        (folders["elsewhere"] / "token.txt").write_text("new")
        provider = FileProvider()
        assert provider.previous(REF, Found("new")) == REF._replace(stage="previous")
        assert isinstance(fetch(provider, "TOKEN", "previous"), NotFound)
        (folders["elsewhere"] / "token.txt_PREVIOUS").write_text("old")
        assert found(fetch(provider, "TOKEN", "previous")).value == "old"

    @pytest.mark.parametrize("ref", [REF._replace(version="3"), REF._replace(stage="AWSPREVIOUS")])
    def test_other_versions_are_not_found(self, ref: SecretRef, tmp_path: Path) -> None:
        """A version or stage is somebody else's: the chain moves on to a provider that keeps them."""
        (tmp_path / "TOKEN").write_text("there")
        assert isinstance(FileProvider(str(tmp_path)).fetch(ref, timeout=1), NotFound)

    def test_files_are_seen_once_a_second(self) -> None:
        """The resolver keeps an answer for a second at most."""
        assert FileProvider.max_age == 1.0
        assert FileProvider.url_setting == "directory"


class TestWhatIsNoFile:
    """What is there but cannot be read stops the chain, and nothing waits for another process."""

    def test_a_folder(self, tmp_path: Path) -> None:
        """A folder is wired wrongly."""
        assert failed(fetch(FileProvider(), str(tmp_path))).code is FailureCode.MISCONFIGURED

    def test_below_a_file(self, tmp_path: Path) -> None:
        """There is nothing below a file."""
        (tmp_path / "TOKEN").write_text("there")
        assert isinstance(fetch(FileProvider(str(tmp_path)), "TOKEN/below"), NotFound)

    @posix
    def test_a_pipe_that_nobody_writes_to(self, tmp_path: Path) -> None:
        """A pipe is refused at once, and not waited for."""
        os.mkfifo(tmp_path / "TOKEN")
        assert failed(fetch(FileProvider(str(tmp_path)), "TOKEN")).code is FailureCode.MISCONFIGURED

    @posix
    def test_a_device(self) -> None:
        """A device without an end is refused."""
        assert failed(fetch(FileProvider(), "/dev/zero")).code is FailureCode.MISCONFIGURED

    @posix
    def test_a_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A socket cannot be opened as a file."""
        monkeypatch.chdir(tmp_path)  # the name of a socket is short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("TOKEN")
            assert failed(fetch(FileProvider(str(tmp_path)), "TOKEN")).code is FailureCode.MISCONFIGURED

    @posix
    def test_a_link_to_nothing(self, tmp_path: Path) -> None:
        """A link says that a file was meant to be there, so a missing target is no absence."""
        (tmp_path / "TOKEN").symlink_to("..data/TOKEN")
        failure = failed(fetch(FileProvider(str(tmp_path)), "TOKEN"))
        assert failure.code is FailureCode.MISCONFIGURED
        assert failure.reason == f"{tmp_path / 'TOKEN'} is a link to a file that does not exist"

    @posix
    def test_links_in_a_circle(self, tmp_path: Path) -> None:
        """Links that lead nowhere but back are wired wrongly."""
        (tmp_path / "TOKEN").symlink_to("TOKEN")
        assert failed(fetch(FileProvider(str(tmp_path)), "TOKEN")).code is FailureCode.MISCONFIGURED

    @pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
    def test_a_file_system_out_of_order(self, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error that may pass, of the disk or the network share, is retryable, and named."""

        def fail(*_: object) -> int:
            raise OSError(number, os.strerror(number), "canary")

        (tmp_path / "TOKEN").write_text("there")
        monkeypatch.setattr(os, "open", fail)
        failure = failed(fetch(FileProvider(str(tmp_path)), "TOKEN"))
        monkeypatch.undo()
        assert failure.code is FailureCode.UNAVAILABLE
        assert failure.retryable
        assert failure.sdk_error == errno.errorcode[number]

    def test_a_disk_that_breaks_while_it_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error after the file was opened means the same."""

        def fail(*_: object) -> os.stat_result:
            raise OSError(errno.EIO, "broken")

        (tmp_path / "TOKEN").write_text("there")
        monkeypatch.setattr(os, "fstat", fail)
        failure = failed(fetch(FileProvider(str(tmp_path)), "TOKEN"))
        monkeypatch.undo()
        assert failure.code is FailureCode.UNAVAILABLE
