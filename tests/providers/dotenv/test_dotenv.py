"""What is particular to secrets in a ``.env`` file."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.providers import dotenv as dotenv_module
from secretsource.providers._dotenv.interpolation import POINTER
from secretsource.providers._regular_file import read_file
from secretsource.providers.base import Failed, FailureCode, Found, NotFound, SecretRef
from secretsource.providers.dotenv import DotenvProvider
from secretsource.providers.reference import FOLLOW_MARK
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

REF = SecretRef("dotenv", "TOKEN")


def fetch(provider: DotenvProvider, location: str = "TOKEN") -> Found | NotFound | Failed:
    return provider.fetch(SecretRef("dotenv", location), timeout=1)


def value(provider: DotenvProvider, location: str = "TOKEN") -> object:
    outcome = fetch(provider, location)
    assert isinstance(outcome, Found), outcome
    return outcome.value


def failed(outcome: Found | NotFound | Failed) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the tests put their file."""
    return tmp_path / "settings.env"


class TestWhichFile:
    """The nearest one, from the working directory up to the repository's root."""

    @pytest.fixture
    def below(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A working directory two folders below the top one."""
        below = tmp_path / "repository" / "package" / "source"
        below.mkdir(parents=True)
        monkeypatch.chdir(below)
        return below

    def test_the_nearest_one(self, below: Path) -> None:
        """The search goes up, and ends at the first file."""
        repository = below.parent.parent
        (repository / ".git").mkdir()
        (repository / ".env").write_text("TOKEN=root")
        provider = DotenvProvider()
        assert value(provider) == "root"
        (below.parent / ".env").write_text("TOKEN=package")
        assert value(provider) == "package"
        (below / ".env").write_text("TOKEN=source")
        assert value(provider) == "source"

    def test_never_beyond_the_repository(self, below: Path) -> None:
        """What is above the folder with ``.git`` is not looked at; ``.git`` is a file in a linked work tree."""
        (below.parent / ".git").write_text("gitdir: elsewhere")
        (below.parent.parent / ".env").write_text("TOKEN=beyond")
        assert isinstance(fetch(DotenvProvider()), NotFound)

    def test_outside_of_a_repository(self, below: Path) -> None:
        """Without a repository only the working directory itself counts."""
        (below.parent / ".env").write_text("TOKEN=above")
        assert isinstance(fetch(DotenvProvider()), NotFound)
        (below / ".env").write_text("TOKEN=here")
        assert value(DotenvProvider()) == "here"

    def test_a_virtual_environment_of_that_name(self, below: Path) -> None:
        """A folder named ``.env`` is passed over."""
        (below.parent / ".git").mkdir()
        (below / ".env").mkdir()
        (below.parent / ".env").write_text("TOKEN=package")
        assert value(DotenvProvider()) == "package"

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows does not remove a folder in use")
    def test_a_working_directory_that_is_gone(self, below: Path) -> None:
        """In a folder that was removed there is no file."""
        below.rmdir()
        assert isinstance(fetch(DotenvProvider()), NotFound)

    def test_a_path_that_was_set(self, below: Path) -> None:
        """A path is taken as it is, from the working directory on."""
        (below / ".env").write_text("TOKEN=nearest")
        (below / "settings.env").write_text("TOKEN=set")
        assert value(DotenvProvider("settings.env")) == "set"

    def test_a_path_that_is_not_there(self, path: Path) -> None:
        """A missing file has no secrets, and says so."""
        outcome = fetch(DotenvProvider(str(path)))
        assert outcome == NotFound(f"{path} does not exist")

    @pytest.mark.skipif(os.name != "posix", reason="Windows makes links for administrators only")
    @pytest.mark.parametrize("target", ["gone.env", ".env"])
    def test_a_link_that_leads_nowhere(self, target: str, below: Path) -> None:
        """A link says that a file was meant to be there, so a weaker source must not win."""
        (below / ".env").symlink_to(target)
        assert failed(fetch(DotenvProvider())).code is FailureCode.MISCONFIGURED

    def test_a_path_to_a_folder(self, tmp_path: Path) -> None:
        """A folder that was set as the file is wired wrongly."""
        assert failed(fetch(DotenvProvider(str(tmp_path)))).code is FailureCode.MISCONFIGURED

    def test_a_path_that_cannot_exist(self) -> None:
        """What the operating system cannot even name is not there."""
        assert isinstance(fetch(DotenvProvider("a\0b")), NotFound)


class TestWhatIsInIt:
    """Lines of NAME=value, as python-dotenv reads them."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("TOKEN=plain", "plain"),
            ("export TOKEN = spaced  # comment", "spaced"),
            ("TOKEN=", ""),
            ("TOKEN=''", ""),
            ("TOKEN='one\ntwo'", "one\ntwo"),
            ('TOKEN="one\\ntwo"', "one\ntwo"),
            ("TOKEN='$HOME ${HOME}'", "$HOME ${HOME}"),
            ("TOKEN=first\nTOKEN=second", "second"),
            ("TOKEN\nTOKEN=second", "second"),
            ("# TOKEN=old\r\nTOKEN=new\r\n", "new"),
            ("\ufeffTOKEN=marked", "marked"),
        ],
    )
    def test_values(self, path: Path, text: str, expected: str) -> None:
        """The usual forms of a line; of two the later counts."""
        path.write_text(text, encoding="utf-8", newline="")
        assert value(DotenvProvider(str(path))) == expected

    def test_a_name_without_a_value(self, path: Path) -> None:
        """A line without ``=`` gives no value, and the reason says why."""
        path.write_text("TOKEN\n")
        outcome = fetch(DotenvProvider(str(path)))
        assert isinstance(outcome, NotFound)
        assert "no '='" in str(outcome.reason)

    def test_the_environment_is_left_alone(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is read stays out of ``os.environ``, and what is there does not replace it."""
        monkeypatch.setenv("TOKEN", "process")
        path.write_text("TOKEN=file\nOTHER=file")
        before = dict(os.environ)
        assert value(DotenvProvider(str(path))) == "file"
        assert dict(os.environ) == before

    def test_interpolation(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """If wished, ``${NAME}`` is the environment's value of it, else the file's; also after a change there."""
        monkeypatch.setattr(dotenv_module, "SYSTEM_CLOCK", FakeClock(wall=time.time() + 60))
        path.write_text("BARE\nHOST=file\nTOKEN=${HOST}-${USER_OF_IT:-nobody}-${NOT_THERE:-}")
        provider = DotenvProvider(str(path), interpolate=True)
        assert value(provider) == "file-nobody-"
        monkeypatch.setenv("HOST", "process")
        assert value(provider) == "process-nobody-"

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("TOKEN=a${NOT_THERE}b", "${NOT_THERE}"),
            ("TOKEN=${NOT_THERE}", "${NOT_THERE}"),
            ("TOKEN=${BARE}", "${BARE}"),
            ("TOKEN=canary-${PASS}", "${PASS}"),
            ("TOKEN=canary-${NONE:-ref+env://PASS}", "${NONE}"),
            ("WRAPPED=\"'ref+env://PASS'\"\nTOKEN=canary-${WRAPPED}", "${WRAPPED}"),
            ("TOKEN=${BROKEN}", "${NOT_THERE}"),
            ("TOKEN=pa${ca:nary}ss${can ary}", "${…}"),
            ("TOKEN=pa${}ss", "${…}"),
            ("TOKEN=${NONE:-${FINE}}", "${…}"),
            ("TOKEN=${FINE:-${NONE}}", "${…}"),
        ],
    )
    def test_an_operand_that_cannot_be_put_in(self, path: Path, line: str, told: str) -> None:
        """A variable that is nowhere, or points elsewhere inside of other text, fails that name, and is named."""
        path.write_text(f"BARE\nPASS=ref+env://PASS\nBROKEN=x${{NOT_THERE}}\nFINE=1\n{line}\n")
        provider = DotenvProvider(str(path), interpolate=True)
        failure = failed(fetch(provider))
        assert failure.code is FailureCode.MALFORMED
        assert told in str(failure.reason)
        assert "ary" not in repr(failure)
        assert "env://" not in repr(failure)
        assert value(provider, "FINE") == "1"

    def test_an_operand_that_is_the_whole_value(self, path: Path) -> None:
        """A value that is nothing but another one which points elsewhere points there too."""
        path.write_text("PASS=ref+env://PASS\nTOKEN=${PASS}\n")
        assert value(DotenvProvider(str(path), interpolate=True)) == "ref+env://PASS"
        assert POINTER == FOLLOW_MARK

    @pytest.mark.parametrize(
        ("text", "plain", "replaced"),
        [
            ("TOKEN=\\${HOST}", "\\${HOST}", "\\file"),
            ("TOKEN=$HOST", "$HOST", "$HOST"),
            ("TOKEN='${HOST}'", "${HOST}", "file"),
            ("TOKEN=${HOST:?needed}", "${HOST:?needed}", "${HOST:?needed}"),
            ("TOKEN=`two words`", "`two words`", "`two words`"),
        ],
    )
    def test_signs_that_mean_nothing(self, path: Path, text: str, plain: str, replaced: str) -> None:
        """A backslash keeps nothing from being replaced, and backticks, ``$NAME`` and other forms are plain text."""
        path.write_text(f"HOST=file\n{text}\n")
        assert value(DotenvProvider(str(path))) == plain
        assert value(DotenvProvider(str(path), interpolate=True)) == replaced

    @pytest.mark.parametrize(("empty", "there"), [("value", True), ("absent", False)])
    def test_an_empty_value(self, path: Path, empty: Literal["value", "absent"], there: bool) -> None:
        """``NAME=`` is an empty value, or an absence where that is set; then such a value is not written either."""
        path.write_text("TOKEN=\nOTHER=''\n")
        provider = DotenvProvider(str(path), empty=empty)
        outcomes = [fetch(provider), fetch(provider, "OTHER")]
        assert [isinstance(outcome, Found) for outcome in outcomes] == [there, there]
        assert there or "is empty" in str(outcomes[0])
        written = provider.store(SecretRef("dotenv", "NEW"), "", timeout=1)
        assert isinstance(written, Failed) is not there

    def test_another_encoding(self, path: Path) -> None:
        """The file is read in the encoding that was set."""
        path.write_bytes("TOKEN=Schlüssel".encode("utf-16"))
        assert value(DotenvProvider(str(path), encoding="utf-16")) == "Schlüssel"

    @pytest.mark.parametrize("encoding", ["utf-88", "hex", "a\0b"])
    def test_an_encoding_that_does_not_exist(self, encoding: str) -> None:
        """A misspelled encoding is found when the provider is made, and the error has no other behind it."""
        with pytest.raises(ConfigurationError, match="encoding") as caught:
            DotenvProvider(encoding=encoding)
        assert caught.value.__context__ is None


class TestWhatIsWrongWithIt:
    """The reason tells path and line, and never what is in the file."""

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            (b"FINE=1\nTOKEN='canary\nOTHER=2\n", 2),
            (b'FINE=1\n\n\r\n  \nTOKEN="canary\n', 5),
            (b"FINE='one\ntwo'\nTOKEN=canary\n=canary\n", 4),
            (b"FINE=1\nTOKEN=canary\xff\n", 2),
            (b"TOKEN=can\0ary\nFINE=1\n", 1),
            ("FINE=1\r\nTOKEN=canary\r\n".encode("utf-16-le"), 1),
            ("FINE=1\nTOKEN=canary\n".encode("utf-16-be"), 1),
            (b"TOKEN=1\ncanary\n", 2),
        ],
    )
    def test_a_line_that_cannot_be_read(
        self, path: Path, content: bytes, line: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A broken line fails every name, the ones before it too, since nobody can tell whose it was."""
        caplog.set_level("DEBUG")
        path.write_bytes(content)
        provider = DotenvProvider(str(path))
        for name in ("FINE", "TOKEN", "ABSENT"):
            failure = failed(fetch(provider, name))
            assert failure.code is FailureCode.MALFORMED
            assert f"line {line} of {path} " in str(failure.reason)
            assert failure.remedy
            assert "canary" not in repr(failure)
        assert "canary" not in caplog.text

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file")
    def test_a_pipe(self, path: Path) -> None:
        """A pipe is refused, and not waited for."""
        os.mkfifo(path)
        assert failed(fetch(DotenvProvider(str(path)))).code is FailureCode.MISCONFIGURED


class TestChange:
    """The file is parsed again when it has changed, and only then."""

    @pytest.fixture
    def reads(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The paths that were read, in order."""
        noted: list[str] = []

        def noting(path: str, shown: str) -> object:
            noted.append(path)
            return read_file(path, shown)

        monkeypatch.setattr(dotenv_module, "read_file", noting)
        return noted

    def test_a_file_that_did_not_change_is_read_once(
        self, path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Names of an old file come from memory."""
        monkeypatch.setattr(dotenv_module, "SYSTEM_CLOCK", FakeClock(wall=time.time() + 60))
        path.write_text("TOKEN=one\nOTHER=two")
        provider = DotenvProvider(str(path))
        assert [value(provider), value(provider, "OTHER"), value(provider)] == ["one", "two", "one"]
        assert reads == [str(path)]
        path.write_text("TOKEN=three")
        assert value(provider) == "three"
        assert len(reads) == 2

    def test_a_file_written_just_now_is_read_again(self, path: Path, reads: list[str]) -> None:
        """Two writes within one tick of the file system's clock look the same, so such a file is not remembered."""
        path.write_text("TOKEN=one")
        provider = DotenvProvider(str(path))
        assert [value(provider), value(provider)] == ["one", "one"]
        assert len(reads) == 2

    @pytest.mark.parametrize("forget", ["close", "reset"])
    def test_forgetting(self, path: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch, forget: str) -> None:
        """After ``close`` or ``reset`` no value is left in memory."""
        monkeypatch.setattr(dotenv_module, "SYSTEM_CLOCK", FakeClock(wall=time.time() + 60))
        path.write_text("TOKEN=one")
        provider = DotenvProvider(str(path))
        fetch(provider)
        getattr(provider, forget)()
        assert value(provider) == "one"
        assert len(reads) == 2

    def test_a_file_that_is_gone(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was remembered is not served once the file is gone."""
        monkeypatch.setattr(dotenv_module, "SYSTEM_CLOCK", FakeClock(wall=time.time() + 60))
        path.write_text("TOKEN=one")
        provider = DotenvProvider(str(path))
        assert value(provider) == "one"
        path.unlink()
        assert isinstance(fetch(provider), NotFound)


@pytest.mark.parametrize("ref", [REF._replace(version="3"), REF._replace(stage="AWSPREVIOUS")])
def test_versions_are_not_found(ref: SecretRef, path: Path) -> None:
    """A version or stage is somebody else's: the chain moves on to a provider that keeps them."""
    path.write_text("TOKEN=one")
    assert isinstance(DotenvProvider(str(path)).fetch(ref, timeout=1), NotFound)


def test_what_the_resolver_is_told() -> None:
    """Answers are kept for a second, values may point elsewhere, and a URL's path is the file."""
    provider = DotenvProvider(name="local")
    assert (provider.max_age, provider.follows, provider.url_setting) == (1.0, True, "path")
    assert repr(provider) == "<DotenvProvider 'local'>"
