"""The configuration file is found, and what cannot be read is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secretsource import Resolver, configure, get_secret
from secretsource.config import absence, find_config, load_config, load_table, unread_files
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from secretsource.config._provider import Drivers

ONE = '[environments.one]\nproviders = ["env"]\n'
TWO = ONE + '[environments.two]\nproviders = ["env"]\n'
PROJECT = '[project]\nname = "x"\n[tool.secretsource.environments.project]\nproviders = ["env"]\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, with the working directory two folders below its root."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(root / "a" / "b")
    return root


@pytest.mark.parametrize("folder", [".", "a", "a/b"])
@pytest.mark.parametrize(("name", "content"), [("secretsource.toml", ONE), ("pyproject.toml", PROJECT)])
def test_found_up_to_the_root_of_the_repository(
    folder: str, name: str, content: str, repository: Path, drivers: Drivers
) -> None:
    """Either file is found in the working directory and in each folder above it, the root included."""
    (repository / folder / name).write_text(content)
    config = load_config(drivers=drivers)
    assert config is not None
    assert config.file == repository / folder / name


def test_nothing_is_found_beyond_the_repository(repository: Path) -> None:
    """A file above the root belongs to somebody else."""
    (repository.parent / "secretsource.toml").write_text(ONE)
    assert load_config() is None


def test_only_the_working_directory_counts_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drivers: Drivers
) -> None:
    """Without a repository nobody vouches for the folders above."""
    (tmp_path / "secretsource.toml").write_text(ONE)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert load_config() is None
    monkeypatch.chdir(tmp_path)
    assert load_config(drivers=drivers) is not None


def test_a_worktree_is_a_repository(repository: Path, drivers: Drivers) -> None:
    """In a worktree or submodule ``.git`` is a file."""
    (repository / "a" / ".git").write_text("gitdir: elsewhere\n")
    (repository / "secretsource.toml").write_text(ONE)
    assert load_config(drivers=drivers) is None


def test_nearest_file_wins_and_our_own_before_the_project_s(repository: Path, drivers: Drivers) -> None:
    """The folder decides first, then the name."""
    (repository / "secretsource.toml").write_text(ONE)
    (repository / "a" / "pyproject.toml").write_text(PROJECT)
    nearest = load_config(drivers=drivers)
    assert nearest is not None
    assert nearest.environment == "project"
    (repository / "a" / "secretsource.toml").write_text(ONE)
    own = load_config(drivers=drivers)
    assert own is not None
    assert own.environment == "one"


@pytest.mark.parametrize(
    "content",
    [
        b"[project]\nname = 'x'\n",
        b"[project]\ndependencies = ['secretsource']\n",
        b"tool = 'secretsource'\n",
        b"not toml, and \xff not UTF-8",
    ],
)
def test_project_file_without_our_table_is_passed_over(content: bytes, repository: Path) -> None:
    """A project file that does not speak of us is none of our business, whatever its state."""
    (repository / "pyproject.toml").write_bytes(content)
    assert load_config() is None


def test_broken_project_file_that_speaks_of_us_is_an_error(repository: Path) -> None:
    """Passing it over would let another chain win silently."""
    (repository / "pyproject.toml").write_text("[tool.secretsource]\nttl =\n")
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml, line 2, column 6: this is not valid TOML"):
        load_config()


def test_variables_name_the_file_and_the_environment(repository: Path, drivers: Drivers) -> None:
    """They are read from the mapping that is given; an empty one counts as absent."""
    other = repository / "other.toml"
    other.write_text(TWO)
    environ = {"SECRETSOURCE_CONFIG": str(other), "SECRETSOURCE_ENV": "two"}
    config = load_config(environ=environ, drivers=drivers)
    assert config is not None
    assert (config.file, config.environment) == (other, "two")
    assert load_config(environ={"SECRETSOURCE_CONFIG": "", "SECRETSOURCE_ENV": ""}) is None


@pytest.mark.parametrize(
    ("environment", "environ", "told"),
    [
        ("prod", {}, "environment 'prod' has no configuration file"),
        (None, {"SECRETSOURCE_ENV": "prod"}, "environment 'prod' of SECRETSOURCE_ENV has no configuration file"),
    ],
)
def test_an_environment_without_a_file(
    environment: str | None, environ: dict[str, str], told: str, repository: Path
) -> None:
    """Whoever asks for an environment asks for a file; the error says which folders were searched."""
    (repository / "a" / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    with pytest.raises(ConfigurationError) as caught:
        load_config(environment=environment, environ=environ)
    assert str(caught.value) == (
        f"{told}: there is no secretsource.toml, and no pyproject.toml with [tool.secretsource], in "
        f"{repository}/a/b or {repository}/a or {repository}; "
        "run  secretsource init, or name the file with SECRETSOURCE_CONFIG"
    )


@pytest.mark.skipif(os.name != "posix", reason="rights are those of POSIX")
def test_an_environment_whose_file_does_not_count(repository: Path) -> None:
    """The error says that a file was passed over, and why."""
    (repository / "secretsource.toml").write_text(ONE)
    repository.chmod(0o777)
    with pytest.raises(ConfigurationError, match=r"secretsource\.toml is ignored, because every user may write to"):
        load_config(environ={"SECRETSOURCE_ENV": "one"})


def test_the_default_resolver_asks_for_the_environment(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`get_secret` does not go on with another chain than the one that was asked for."""
    monkeypatch.setenv("SECRETSOURCE_ENV", "prod")
    monkeypatch.setenv("TOKEN", "from the environment")
    configure()
    with pytest.raises(ConfigurationError, match="environment 'prod' of SECRETSOURCE_ENV has no configuration file"):
        get_secret("TOKEN")


def test_files_that_are_there_and_not_read(repository: Path) -> None:
    """The one in force is not among them; a project file in the same folder is, and one farther up."""
    own, project, above = (
        repository / "a" / "secretsource.toml",
        repository / "a" / "pyproject.toml",
        repository / "pyproject.toml",
    )
    for file, content in ((own, ONE), (project, PROJECT), (above, "[tool.secretsource]\nbroken = [")):
        file.write_text(content)
    assert find_config().path == str(own)
    assert unread_files(own) == [project, above]
    assert unread_files(repository / "other.toml") == [own, project, above]


def test_arguments_win_over_variables(repository: Path, drivers: Drivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller knows better than the process environment."""
    (repository / "x.toml").write_text(TWO)
    monkeypatch.setenv("SECRETSOURCE_CONFIG", "/nowhere")
    monkeypatch.setenv("SECRETSOURCE_ENV", "nothing")
    config = load_config(str(repository / "x.toml"), environment="one", drivers=drivers)
    assert config is not None
    assert config.environment == "one"


def test_missing_file_is_an_error_when_it_was_named(tmp_path: Path) -> None:
    """A file that somebody asked for must not be skipped."""
    with pytest.raises(ConfigurationError, match=r"there is no configuration file .*nope\.toml"):
        load_config(tmp_path / "nope.toml")
    with pytest.raises(ConfigurationError, match=r"or SECRETSOURCE_CONFIG"):
        load_config(environ={"SECRETSOURCE_CONFIG": str(tmp_path / "nope.toml")})


def test_directory_in_place_of_the_file_is_an_error(repository: Path) -> None:
    """That is what a container engine leaves where the file to mount was missing."""
    (repository / "secretsource.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"secretsource\.toml is a directory"):
        load_config()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
@pytest.mark.parametrize("make", ["missing", "circle"])
def test_a_link_that_leads_nowhere_is_an_error(make: str, repository: Path) -> None:
    """A link says that a configuration was meant to be there, so no other chain may win."""
    (repository / "a/b/secretsource.toml").symlink_to("secretsource.toml" if make == "circle" else "gone.toml")
    with pytest.raises(ConfigurationError, match=r"secretsource\.toml (is a link to a file|cannot be read)"):
        load_config()


@pytest.mark.timeout(10)
@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
def test_a_pipe_is_refused_without_waiting_for_its_writer(repository: Path) -> None:
    """Opening a pipe that nobody writes to would hang the first look-up of a process for ever."""
    os.mkfifo(repository / "secretsource.toml")
    with pytest.raises(ConfigurationError, match=r"secretsource\.toml is not a regular file"):
        load_config()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_project_file_in_another_encoding_still_has_its_table(encoding: str, repository: Path) -> None:
    """A table of ours that cannot be read is an error, and not the absence of a configuration."""
    (repository / "pyproject.toml").write_bytes(PROJECT.encode(encoding))
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml, line 1"):
        load_config()


def test_text_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    """The error has the line, and not the bytes."""
    file = tmp_path / "secretsource.toml"
    file.write_bytes(ONE.encode() + b"# caf\xe9\n")
    with pytest.raises(ConfigurationError, match=r"secretsource\.toml, line 3: this is not UTF-8 text"):
        load_config(file)


def test_byte_order_mark_is_skipped(tmp_path: Path, drivers: Drivers) -> None:
    """Some editors begin a UTF-8 file with one."""
    file = tmp_path / "secretsource.toml"
    file.write_text(ONE, encoding="utf-8-sig")
    assert load_config(file, drivers=drivers) is not None


def test_path_that_no_file_can_have_is_an_error() -> None:
    """The kind of failure is named."""
    with pytest.raises(ConfigurationError, match=r"cannot be read \(\w+\)"):
        load_config("secret\0source.toml")


@pytest.mark.skipif(os.name != "posix", reason="rights and open directories are those of POSIX")
def test_working_directory_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose directory is gone has no configuration, and no crash."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_config() is None


def test_path_too_long_to_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory whose path has no room for a file name has no configuration, and no crash."""
    monkeypatch.setattr(os, "getcwd", lambda: str(tmp_path / ("x" * 300)))
    assert load_config() is None


@pytest.mark.skipif(os.name != "posix", reason="rights and open directories are those of POSIX")
def test_folder_that_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that gave up its rights to its directory cannot know, so another chain must not win silently."""
    (tmp_path / "secretsource.toml").write_text(ONE)
    monkeypatch.chdir(tmp_path)
    user = os.geteuid()
    tmp_path.chmod(0)
    try:
        if user == 0:
            os.seteuid(65534)  # whom the mode above holds off; root it does not
        with pytest.raises(ConfigurationError, match=r"secretsource\.toml cannot be read \(PermissionError\)"):
            load_config()
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o700)


def test_what_is_missing_is_said_of_the_file_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for the service alone is there: it lacks an environment, and no other file is to be made."""
    monkeypatch.chdir(tmp_path)
    assert absence() == (None, absence().reason, "run  secretsource init ")
    assert absence().reason.startswith("there is no secretsource.toml, and no pyproject.toml")
    (tmp_path / "secretsource.toml").write_text("[server]")
    (tmp_path / "other.toml").write_text("[server]")
    for path, file in ((None, tmp_path / "secretsource.toml"), ("other.toml", "other.toml")):
        assert absence(path).file == str(file)
        with pytest.raises(ConfigurationError) as caught:
            Resolver.from_config(path)
        assert str(caught.value) == (
            f"{file} has the table [server] alone: add a table [environments.NAME] to it or pass a path"
        )


@pytest.mark.parametrize("server", ["[server]", '[server]\nport = 1\n[[server.routes]]\npath = "/a"'])
def test_a_file_for_the_service_alone_says_nothing_of_providers(server: str, tmp_path: Path) -> None:
    """The chain then follows from the environment, as without a file; a chosen environment must be declared."""
    file = tmp_path / "secretsource.toml"
    file.write_text(server)
    assert load_config(file, environ={}) is None
    with pytest.raises(ConfigurationError, match="must declare an environment"):
        load_config(file, environment="production")
    file.write_text(f"{server}\n[environments.production]\nproviders = ['env']\n")
    config = load_config(file, environ={})
    assert config is not None
    assert [each.name for each in config.providers] == ["env"]


def test_one_table_is_read_by_the_part_that_knows_its_keys(tmp_path: Path) -> None:
    """Of a file of its own or of a project; without a file there is none."""
    file, project = tmp_path / "secretsource.toml", tmp_path / "pyproject.toml"
    file.write_text("[server]\nport = 1")
    project.write_text("[tool.secretsource.server]\nport = 2")
    tables = [load_table("server", each) for each in (file, project)]
    assert [table and table.table for table in tables] == [{"port": 1}, {"port": 2}]
    file.write_text("server = 5")
    with pytest.raises(ConfigurationError, match="server must be a table"):
        load_table("server", file)


def test_a_table_is_looked_for_where_the_configuration_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the working directory, or where the variable says."""
    monkeypatch.chdir(tmp_path)
    assert load_table("server", environ={}) is None
    (tmp_path / "other.toml").write_text("[server]\nport = 3")
    found = load_table("server", environ={"SECRETSOURCE_CONFIG": "other.toml"})
    assert found is not None
    assert found.table == {"port": 3}
