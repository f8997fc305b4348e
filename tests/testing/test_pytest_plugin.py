"""The fixtures that the package brings to every pytest run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from secretsource import get_secret
from secretsource.exceptions import SecretNotFound
from secretsource.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from secretsource import override

    Replace = Callable[..., override]


def test_a_secret_is_replaced(secret_override: Replace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's value wins over the environment; later replacements win over earlier ones."""
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "process")
    secret_override({"TOKEN_OF_THE_TEST": "first", "OTHER_OF_THE_TEST": "other"})
    assert get_secret("TOKEN_OF_THE_TEST") == "first"
    secret_override({"TOKEN_OF_THE_TEST": "second"})
    assert get_secret("TOKEN_OF_THE_TEST") == "second"
    assert get_secret("OTHER_OF_THE_TEST") == "other"


def test_none_takes_a_secret_away(secret_override: Replace, monkeypatch: pytest.MonkeyPatch) -> None:
    """None means that the secret is not there, whatever the environment has."""
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "process")
    secret_override({"TOKEN_OF_THE_TEST": None})
    with pytest.raises(SecretNotFound):
        get_secret("TOKEN_OF_THE_TEST")


def test_it_ends_with_the_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after a test that replaces a secret, the true value is there."""
    monkeypatch.setenv("TOKEN_OF_THE_TEST", "process")
    plugin = sys.modules["secretsource.testing.pytest_plugin"]
    fixture = plugin.secret_override.__wrapped__()
    next(fixture)({"TOKEN_OF_THE_TEST": "replaced"})
    assert get_secret("TOKEN_OF_THE_TEST") == "replaced"
    assert list(fixture) == []
    assert get_secret("TOKEN_OF_THE_TEST") == "process"


def test_it_may_end_sooner(secret_override: Replace) -> None:
    """In a ``with`` statement it ends with the block; ``only`` lets nothing else through."""
    with secret_override({"TOKEN_OF_THE_TEST": "block"}, only=True):
        assert get_secret("TOKEN_OF_THE_TEST") == "block"
    assert get_secret("TOKEN_OF_THE_TEST", default=None) is None


ISOLATED = """
import os
import secretsource
from secretsource import configure, get_secret
from secretsource.testing import ScriptedProvider

def test_finds(monkeypatch):
    monkeypatch.setenv("TOKEN", "first")
    assert get_secret("TOKEN") == "first"

def test_finds_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("TOKEN=second")
    assert get_secret("TOKEN") == "second"

def test_configures():
    configure([ScriptedProvider({"TOKEN": "third"})])
    assert get_secret("TOKEN") == "third"

def test_finds_again():
    assert get_secret("TOKEN", default=None) is None

class Counting(ScriptedProvider):
    pass

KEPT = Counting({"TOKEN": "kept"})

import pytest

@pytest.fixture(scope="module")
def configured():
    configure([KEPT])
    yield
    configure(None)

def test_uses(configured):
    assert [get_secret("TOKEN"), get_secret("TOKEN"), KEPT.calls, KEPT.resets] == ["kept", "kept", 1, 0]

def test_uses_with_nothing_remembered(configured):
    assert [get_secret("TOKEN"), KEPT.calls, KEPT.resets] == ["kept", 2, 1]

def test_overrides_the_configuration(configured):
    configure([ScriptedProvider({"TOKEN": "own"})])
    assert get_secret("TOKEN") == "own"

def test_has_the_configuration_again(configured):
    assert get_secret("TOKEN") == "kept"
"""


def test_tests_do_not_see_each_other(tmp_path: Path) -> None:
    """What one finds or configures ends with it; what was configured around tests stays, and remembers nothing."""
    (tmp_path / "test_isolated.py").write_text(ISOLATED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_isolated.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "8 passed" in done.stdout, done.stdout


FAILING = """
import os
from dataclasses import dataclass
from typing import NamedTuple
import pytest
from secretsource import Secret, get_secret, get_secrets

os.environ["TOKEN"] = "-".join(["canary", "91f3"])
TOKEN = get_secret("TOKEN")

@dataclass
class Settings:
    token: str

class Pair(NamedTuple):
    name: str
    settings: Settings

def test_equals():
    assert TOKEN == "other"

def test_is_not_in():
    assert "canary" not in TOKEN

def test_in_objects():
    assert Pair("a", Settings(TOKEN)) == Pair("a", Settings("other"))

def test_in_lists():
    assert [TOKEN, {"token": TOKEN}] == ["other", {"token": "other"}]

@pytest.mark.parametrize("token", [TOKEN])
def test_parameter(token):
    assert token > "other"

class Every:
    def __getattr__(self, name):
        return self

def test_in_an_object_with_every_name():
    assert Every() == TOKEN

def test_texts_are_compared_as_ever():
    assert "one text" == "another text"
"""


def test_a_failing_test_shows_no_secret(tmp_path: Path) -> None:
    """Neither the report of a failed comparison nor the name of a case has the value; other texts are compared."""
    (tmp_path / "test_failing.py").write_text(FAILING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-vv", "-l", "-p", "no:cacheprovider", "--rootdir", ".", "test_failing.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "7 failed" in done.stdout, done.stdout
    assert "canary-91f3" not in done.stdout + done.stderr
    assert "test_parameter[TOKEN]" in done.stdout
    assert "Secret('TOKEN', provider='env', version=None, served='live') == 'other'" in done.stdout
    assert "- another text" in done.stdout


def test_the_clock_is_fake(fake_clock: object) -> None:
    """The fixture is a clock that has not moved."""
    assert isinstance(fake_clock, FakeClock)
    assert fake_clock.now().mono == FakeClock().now().mono


def test_loading_it_loads_nothing_else() -> None:
    """A pytest run that asks for no fixture pays for pytest alone: no resolver, no driver, no event loop."""
    statement = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import secretsource.testing.pytest_plugin\n"
        "loaded = set(sys.modules) - before\n"
        "assert not loaded & {'asyncio', 'dotenv', 'boto3', 'secretsource.testing._providers.conformance'}, loaded\n"
    )
    subprocess.run([sys.executable, "-c", statement], check=True)
