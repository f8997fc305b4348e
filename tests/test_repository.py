"""Which files around the working directory count: nobody else could have put them there."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretsource import Resolver, get_secret
from secretsource._ground import repository as module
from secretsource._ground.repository import (
    doubt_about,
    folders,
    home_doubt,
    mentions,
    nearest,
    ownership_doubt,
    sightings,
)
from secretsource.config import find_config, load_config
from secretsource.exceptions import SecretNotFound
from secretsource.providers.dotenv import DotenvProvider
from secretsource.resolver._default import configure

if TYPE_CHECKING:
    from collections.abc import Callable

posix = pytest.mark.skipif(sys.platform == "win32", reason="rights and owners are those of POSIX")

FILE = "settings"
CONFIGURATION = '[environments.x]\nproviders = ["env"]\n'


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a repository, with the working directory two folders below."""
    (tmp_path / "root" / ".git").mkdir(parents=True)
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "root" / "a" / "b")
    return tmp_path / "root"


def found() -> str | None:
    return nearest((FILE,), os.path.lexists).path


def passed_over() -> list[tuple[str, str]]:
    return [(seen.path, seen.doubt or "") for seen in nearest((FILE,), os.path.lexists).passed_over]


def test_the_folders_of_a_repository(root: Path) -> None:
    """They go up to the root; without a root, the working directory is alone."""
    assert folders() == [str(root / "a" / "b"), str(root / "a"), str(root)]
    (root / "a" / ".git").write_text("gitdir: elsewhere")  # a linked work tree
    assert folders() == [str(root / "a" / "b"), str(root / "a")]
    (root / "a" / ".git").unlink()
    (root / ".git").rmdir()
    assert folders() == [str(root / "a" / "b")]


def test_the_nearest_file_that_counts(root: Path) -> None:
    """The folder decides first, then the order of the names."""
    for folder in (root, root / "a", root / "a" / "b"):
        (folder / FILE).touch()
        (folder / "second").touch()
        seen = [sighting.path for sighting in sightings((FILE, "second"), os.path.lexists)]
        assert seen[:2] == [str(folder / FILE), str(folder / "second")]
        assert found() == str(folder / FILE)


@posix
class TestWhoCouldHavePutIt:
    """Above the working directory: the root's folder, its ``.git``, the file's folder, the file, and links."""

    @pytest.mark.parametrize(
        ("open_to_others", "told"),
        [
            (".", "every user may write to {root}"),
            (".git", "every user may write to {root}/.git"),
            ("a", "every user may write to {root}/a "),
            (f"a/{FILE}", f"every user may write to {{root}}/a/{FILE}"),
        ],
    )
    def test_what_others_may_write_to(self, open_to_others: str, told: str, root: Path) -> None:
        """A file is passed over, and the reason names what is open; the sticky bit of ``/tmp`` changes nothing."""
        (root / "a" / FILE).touch()
        assert found() == str(root / "a" / FILE)
        for mode in (0o777, 0o1777, 0o702):
            (root / open_to_others).chmod(mode)
            assert found() is None
            ((path, doubt),) = passed_over()
            assert path == str(root / "a" / FILE)
            assert doubt.startswith(told.format(root=root))
            assert f"mode {mode:04o}" in doubt

    def test_the_search_goes_on(self, root: Path) -> None:
        """A file that does not count hides none that does."""
        (root / "a" / FILE).touch()
        (root / "a").chmod(0o777)
        (root / FILE).touch()
        assert found() == str(root / FILE)
        assert [path for path, _ in passed_over()] == [str(root / "a" / FILE)]

    def test_the_working_directory_counts(self, root: Path) -> None:
        """What lies in the folder that somebody chose to work in counts as it is."""
        (root / "a" / "b" / FILE).touch()
        (root / "a" / "b").chmod(0o777)
        root.chmod(0o777)
        assert found() == str(root / "a" / "b" / FILE)

    @pytest.mark.parametrize("what", ["target", "its folder", "a second link"])
    def test_links(self, what: str, root: Path, tmp_path: Path) -> None:
        """A link counts where all that it leads to does."""
        (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
        target = tmp_path / "elsewhere" / "deep" / "target"
        target.touch()
        (tmp_path / "elsewhere" / "second").symlink_to("deep/target")
        (root / FILE).symlink_to("../elsewhere/second")
        assert found() == str(root / FILE)
        places = {"target": target, "its folder": target.parent, "a second link": tmp_path / "elsewhere"}
        open_to_others = places[what]
        open_to_others.chmod(0o777)
        assert found() is None
        assert str(open_to_others) in passed_over()[0][1]

    def test_a_link_to_itself(self, root: Path) -> None:
        """A circle of links is passed over, and ends."""
        (root / FILE).symlink_to(FILE)
        assert "more than 40 links" in passed_over()[0][1]

    def test_a_git_that_is_a_link(self, root: Path, tmp_path: Path) -> None:
        """The link and what it leads to are judged."""
        (root / FILE).touch()
        (root / ".git").rmdir()
        (tmp_path / "git").mkdir()
        (root / ".git").symlink_to("../git")
        assert found() == str(root / FILE)
        (tmp_path / "git").chmod(0o777)
        assert found() is None

    def test_the_file_of_another_user(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What belongs neither to this user nor to root is passed over."""
        (root / FILE).touch()
        if os.geteuid() == 0:
            os.chown(root / FILE, 65534, 65534)
        else:  # then all is another's
            monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert found() is None
        assert "belongs to user" in passed_over()[0][1]

    def test_what_may_not_be_seen(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In a folder that counts, a file that is closed to this process counts: reading it says so."""
        real = os.lstat

        def closed(path: str) -> os.stat_result:
            if str(path).endswith(FILE):
                raise PermissionError
            return real(path)

        monkeypatch.setattr(os, "lstat", closed)
        assert doubt_about(str(root / FILE)) is None
        assert doubt_about(str(root / "no such folder" / FILE)) == f"{root}/no such folder cannot be looked at"


def status(mode: int, user: int, group: int) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, user, group, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "user", "group", "counts"),
    [
        (0o755, 1000, 100, True),
        (0o755, 0, 0, True),
        (0o644, 1001, 1000, False),
        (0o757, 1000, 1000, False),
        (0o1777, 0, 0, False),
        (0o775, 1000, 1000, True),
        (0o775, 0, 0, True),
        (0o775, 0, 1000, True),
        (0o775, 1000, 100, False),
        (0o775, 1000, 0, False),
        (0o2770, 0, 50, False),
        (stat.S_IFLNK | 0o777, 1000, 100, True),
        (stat.S_IFLNK | 0o777, 1001, 100, False),
    ],
)
def test_owners_and_rights(mode: int, user: int, group: int, counts: bool) -> None:
    """For user 1000: owner, other users, groups but one's own, and links, whose mode means nothing."""
    doubt = ownership_doubt("/x", status(mode, user, group), 1000)
    assert (doubt is None) is counts
    assert doubt is None or "/x" in doubt


def test_root_trusts_root_alone() -> None:
    """Under sudo, the files of the user who called it are another user's."""
    assert ownership_doubt("/x", status(0o755, 1000, 1000), 0) == (
        "/x belongs to user 1000, and not to this user (0) or root"
    )


@pytest.mark.parametrize(
    ("path", "counts"),
    [("/home/me", True), ("/home/me/src/x", True), ("/home/meg/x", False), ("/", False), ("/home/me/../x", False)],
)
def test_where_owners_cannot_be_told(path: str, counts: bool) -> None:
    """On Windows, only what is in the user's home folder counts."""
    assert (home_doubt(path, "/home/me") is None) is counts


def test_a_system_without_owners(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the home folder decides."""
    (root / FILE).touch()
    monkeypatch.setattr(module, "HAS_OWNERS", False)
    monkeypatch.setenv("HOME", str(root.parent))
    assert found() == str(root / FILE)
    monkeypatch.setenv("HOME", str(root / "a"))
    assert "outside of your home folder" in passed_over()[0][1]


@pytest.mark.parametrize("size", [0, 2 * 1024 * 1024])
def test_a_word_in_a_file(size: int, tmp_path: Path) -> None:
    """A file too long to look through may have it; one that is not there has not."""
    (tmp_path / "x").write_bytes(b" " * size)
    assert mentions(str(tmp_path / "x"), b"word") is bool(size)
    (tmp_path / "x").write_bytes(b"a word")
    assert mentions(str(tmp_path / "x"), b"word")
    assert not mentions(str(tmp_path / "y"), b"word")
    assert not mentions(str(tmp_path), b"word")


@posix
class TestBothSearches:
    """`secretsource.toml` and `.env` are found, or passed over, by the same rule."""

    @pytest.fixture
    def planted(self, root: Path) -> Callable[[str, str], Path]:
        """Put a file beside a ``.git``, in a folder as shared as ``/tmp``."""

        def plant(name: str, content: str) -> Path:
            (root / name).write_text(content)
            root.chmod(0o1777)
            return root / name

        return plant

    def test_a_configuration(
        self, planted: Callable[[str, str], Path], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A planted configuration is not read, not even for its mistakes; one line of the log says why."""
        monkeypatch.setenv("TOKEN", "mine")
        for name, content in (("secretsource.toml", "broken ["), ("pyproject.toml", "[tool.secretsource]\nbroken = [")):
            file = planted(name, content)
            assert load_config() is None
            assert [seen.path for seen in find_config().passed_over] == [str(file)]
            configure()
            assert get_secret("TOKEN") == "mine"
            (record,) = caplog.records
            assert (record.name, record.levelname) == ("secretsource", "WARNING")
            assert record.getMessage().startswith(f"{file} is ignored, because every user may write to ")
            assert "SECRETSOURCE_CONFIG" in record.getMessage()
            file.unlink()
            caplog.clear()

    def test_a_project_that_is_not_ours(self, planted: Callable[[str, str], Path]) -> None:
        """A project file without our table is not spoken of."""
        planted("pyproject.toml", "[project]\nname = 'x'\n")
        assert find_config() == (None, ())

    def test_a_pipe_in_place_of_a_project(self, root: Path) -> None:
        """A search waits for nobody."""
        os.mkfifo(root / "pyproject.toml")
        assert load_config() is None
        configure()
        assert get_secret("NO_SUCH_SECRET", default=None) is None

    def test_an_env_file(self, planted: Callable[[str, str], Path]) -> None:
        """A planted `.env` gives no value, and every way of asking says why."""
        file = planted(".env", "TOKEN=theirs\n")
        notice = f"{file} is ignored, because every user may write to {file.parent} (mode 1777)"
        with pytest.raises(SecretNotFound) as caught:
            Resolver(["dotenv"]).get("TOKEN")
        assert notice in str(caught.value)
        assert notice in str(Resolver(["dotenv"]).explain("TOKEN"))
        assert notice in str(DotenvProvider().identify(timeout=1))
