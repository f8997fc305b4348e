"""An error about the configuration carries nothing of the configuration with it."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.frames import is_ours

from secretsource.config import load_config, parse_config, settings_from_url
from secretsource.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.config._provider import Drivers

CANARY = "c4n4ry-value"
VALID = '[environments.x]\nproviders = ["aws"]\n'

MISTAKES = {
    "syntax": f'{VALID}[providers.aws]\nregion = "{CANARY}',
    "type": f'{VALID}[providers.aws]\nattempts = "{CANARY}"',
    "unknown key": f'{VALID}[providers.aws]\nregion = "{CANARY}"\nx = 1',
    "url": f'[environments.x]\nproviders = ["aws://?regoin={CANARY}"]',
    "no url": f'[environments.x]\nproviders = ["vault:/{CANARY}"]',
    "location": f'{VALID}[secrets.A]\naws = "{CANARY} {CANARY}"',
    "secret": f'{VALID}[secrets]\nA = "{CANARY}"',
    "number": f'{VALID}ttl = "{CANARY}"',
    "digits": f"{VALID}# {CANARY}\nttl = {'9' * 5000}",
    "depth": f"{VALID}# {CANARY}\nttl = {'[' * 3000}",
}


def everything_in(error: BaseException) -> str:
    """All that an error tracker would send: messages, the chain of causes, and the locals of our frames."""
    text = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    for step, _ in traceback.walk_tb(error.__traceback__):
        if is_ours(step.f_code.co_filename):
            text += repr(step.f_locals)
    assert error.__context__ is None
    assert error.__cause__ is None
    return text


@pytest.fixture(params=MISTAKES.values(), ids=list(MISTAKES))
def text(request: pytest.FixtureRequest) -> str:
    """A configuration with a secret in it and a mistake beside it."""
    content: str = request.param
    return content


def failing(call: Callable[[], object]) -> ConfigurationError:
    """The error of a call, which is a named function so that its own frame holds no text."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    return caught.value


def test_parsing(text: str, drivers: Drivers) -> None:
    """Neither the message nor any frame of ours has the secret."""
    error = failing(lambda: parse_config(text, file=Path("secretsource.toml"), drivers=drivers))
    assert CANARY not in everything_in(error)


def test_loading(text: str, drivers: Drivers, tmp_path: Path) -> None:
    """Nor when the text comes from a file."""
    file = tmp_path / "secretsource.toml"
    file.write_text(text)
    error = failing(lambda: load_config(file, drivers=drivers))
    assert CANARY not in everything_in(error)


def test_loading_what_is_not_text(tmp_path: Path) -> None:
    """A decoding error keeps all the bytes; ours does not keep the decoding error."""
    file = tmp_path / "secretsource.toml"
    file.write_bytes(b"# \xff" + CANARY.encode())
    assert CANARY not in everything_in(failing(lambda: load_config(file)))


def test_provider_url(drivers: Drivers) -> None:
    """Nor is anything of a URL kept."""
    error = failing(lambda: settings_from_url(f"aws://?attempts={CANARY}", drivers=drivers))
    assert CANARY not in everything_in(error)
