"""Settings that are given in Python, without the checks of a URL or a file: a mistake in them is told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from secretsource import Resolver
from secretsource.exceptions import ConfigurationError, InvalidReference, ProviderError
from secretsource.providers.dotenv import DotenvProvider
from secretsource.providers.env import EnvProvider
from secretsource.providers.file import FileProvider

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-51d0"


@pytest.mark.parametrize("driver", [EnvProvider, DotenvProvider])
def test_a_misspelt_word(driver: Any) -> None:
    """Otherwise an empty variable would go on to count as a value."""
    for word in ("abesnt", "", None, True):
        with pytest.raises(ConfigurationError, match=r": empty must be 'value' or 'absent'"):
            driver(empty=word)


def test_no_variable_in_the_error() -> None:
    """An error about a setting does not carry the variables beside it."""
    word: Any = "abesnt"
    with pytest.raises(ConfigurationError) as caught:
        EnvProvider(environ={"KEY": CANARY}, empty=word)
    trace = caught.value.__traceback__
    while trace is not None:
        if "secretsource" in trace.tb_frame.f_globals.get("__name__", ""):
            assert CANARY not in repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


def test_a_path_of_pathlib(tmp_path: Path) -> None:
    """It is taken like its text, also where an error shows it."""
    (tmp_path / ".env").write_text("KEY=of the file\n")
    (tmp_path / "SECRET").write_text("of the folder\n")
    dotenv: Any = tmp_path / ".env"
    folder: Any = tmp_path
    resolver = Resolver([DotenvProvider(dotenv), FileProvider(folder)])
    assert (resolver.get("KEY"), resolver.get("SECRET")) == ("of the file", "of the folder")
    assert [each.site for each in resolver.providers()] == [str(dotenv), str(folder)]
    (tmp_path / "SECRET").unlink()
    (tmp_path / "SECRET").mkdir()
    with pytest.raises(ProviderError, match="SECRET is a directory"):
        Resolver([FileProvider(folder)]).get("SECRET")


@pytest.mark.parametrize("given", [b".env", 3, ["x"]])
def test_what_is_no_path(given: Any) -> None:
    """The error says so before anything is read."""
    with pytest.raises(ConfigurationError, match="provider 'dotenv': path must be a path, not"):
        DotenvProvider(given)
    with pytest.raises(ConfigurationError, match="provider 'file': directory must be a path, not"):
        FileProvider(given)


def test_what_is_no_encoding() -> None:
    """Nor does it matter of which type a wrong encoding is."""
    given: Any = None
    with pytest.raises(ConfigurationError, match="has no encoding None"):
        DotenvProvider(encoding=given)


@pytest.mark.parametrize("given", [None, 3])
def test_what_is_no_list_of_names(given: Any) -> None:
    """The error of `get_many` says what it must be."""
    with pytest.raises(InvalidReference, match=r"names must be a list, such as .*, not (NoneType|int)"):
        Resolver(["env"]).get_many(given)
