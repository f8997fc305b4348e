"""The place where the demo runs: its own folder, an environment without credentials, and servers on loopback."""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from secretsource import Resolver
from secretsource.providers.base import SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from secretsource import Secret
    from secretsource.cli.demo.servers import Servers

Part = TypeVar("Part")

__all__ = ["Scene", "Step", "Surprise", "clean_environment", "expect", "short"]

FOREIGN = (
    *("AWS_", "VAULT_", "BAO_", "SECRETSOURCE_"),
    *("GOOGLE_", "CLOUDSDK_", "GCLOUD_", "GCE_"),
    *("AZURE_", "IDENTITY_", "IMDS_", "MSI_"),
)
"""Prefixes of variables that would lead the demo to real secrets."""

HOMES = ("HOME", "USERPROFILE", "APPDATA")
"""Variables with the folder in which clients look for ``.aws``, ``.vault-token``, ``.azure`` and gcloud's files."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

TTL = 0.5
"""Seconds for which a value is fresh here, so that a rotation shows at once; 300 is usual."""

PATIENCE = 10.0
"""Seconds within which a change must show, also on a slow machine."""

AWS_DOCUMENT = "payments/stripe"
"""The JSON secret at AWS in which the demo keeps STRIPE_SECRET_KEY."""

CONFIGURATION = f"""\
[environments.demo]
providers = ["env", "dotenv", "aws", "vault", "gcp", "azure", "file"]
ttl = {TTL}
max_stale = 3600
jitter = 0.0
deadline = 30

[providers.dotenv]
path = {{dotenv}}

[providers.file]
directory = {{directory}}

[secrets.STRIPE_SECRET_KEY]
aws = "{AWS_DOCUMENT}#secret_key"

{{servers}}"""


class Surprise(Exception):
    """A step did not do what it announced; the message holds no value."""


class Scene:
    """The things that the steps of the demo share.

    Args:
        folder: An empty folder.
        tell: Takes each line of the transcript.
    """

    environment = "demo"

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.resources = ExitStack()
        """Closes the parts that the steps open, the last one first."""
        self._parts: dict[object, Any] = {}
        self._tell = tell
        self._values: list[str] = []

    @cached_property
    def servers(self) -> Servers:
        """A server for each provider that needs one."""
        from secretsource.cli.demo.servers import Servers

        self.say("starting AWS (the emulator moto), Vault (a real OpenBao), Google Cloud and Azure (servers of ours)")
        return self.resources.enter_context(Servers())

    @cached_property
    def configuration(self) -> Path:
        """A ``secretsource.toml`` with the chain of all steps."""
        text = CONFIGURATION.format(
            dotenv=json.dumps(str(self.folder / ".env")),
            directory=json.dumps(str(self.folder)),
            servers=self.servers.toml(),
        )
        file = self.folder / "secretsource.toml"
        file.write_text(text, encoding="utf-8")
        return file

    @cached_property
    def resolver(self) -> Resolver:
        """The resolver of all steps."""
        resolver = Resolver.from_config(self.configuration, environment=self.environment)
        resolver.silence()  # the demo reports each fault itself
        return self.resources.enter_context(resolver)

    def part(self, kind: Callable[[Scene], AbstractContextManager[Part]]) -> Part:
        """Open a part of the scene that several steps share, when the first of them asks for it.

        Args:
            kind: Makes the part, which is closed at the end of the demo.
        """
        if kind not in self._parts:
            self._parts[kind] = self.resources.enter_context(kind(self))
        part: Part = self._parts[kind]
        return part

    def until(self, name: str, is_so: Callable[[Secret], bool]) -> Secret:
        """Read a secret again and again, as an application does, until it is as expected.

        Raises:
            Surprise: The secret was not as expected in time.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            secret = self.resolver.get(name)
            if is_so(secret):
                return secret
            time.sleep(TTL / 5)
        raise Surprise(f"the change of {name} shows within {PATIENCE:.0f} seconds")

    def new_value(self, prefix: str) -> str:
        """Make a value that `say` refuses to show."""
        value = f"{prefix}_{secrets.token_hex(16)}"
        self.hide(value)
        return value

    def hide(self, value: str) -> None:
        """Note a value that `say` refuses to show."""
        self._values.append(value)

    def put(self, provider: str, name: str) -> str:
        """Store a new value at a provider of the chain, without the library, and return it."""
        value = self.new_value(provider)
        if provider == "env":
            os.environ[name] = value
        elif provider == "dotenv":
            self.write(".env", f"{name}={value}\n")
        else:
            (kept_by,) = (each for each in self.resolver.providers() if each.name == provider)
            place = kept_by.locate(name)
            assert isinstance(place, SecretRef)
            self.servers[provider].put(place.location, value)
        return value

    def write(self, name: str, text: str) -> None:
        """Write a file that only its owner may read."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")

    def say(self, line: str) -> None:
        """Add a line to the transcript; a line with a value in it would be a leak."""
        expect(not any(value in line for value in self._values), "no line of the transcript holds a value")
        self._tell(line)

    def show(self, secret: Secret) -> None:
        """Write the result of a look-up: the beginning and length of the value, and its provider."""
        version = f", version {short(secret.version)}" if secret.version else ""
        self.say(f"{secret.name} = {masked(secret)}  from {secret.provider}{version}, served={secret.served}")

    def explain(self, name: str) -> None:
        """Write how a name resolves now."""
        first, *steps = str(self.resolver.explain(name)).splitlines()
        self.say(f"explain {first}")
        for step in steps:
            self.say(step)


class Step(NamedTuple):
    """One step of the demo.

    Attributes:
        title: The heading of the step.
        play: Runs the step on a scene, writes each result, and raises `Surprise` when the result is unexpected.
    """

    title: str
    play: Callable[[Scene], None]


def expect(is_so: object, told: str) -> None:
    """Fail the demo when a result is not as announced.

    Raises:
        Surprise: ``is_so`` is false.
    """
    if not is_so:
        raise Surprise(told)


def masked(value: str) -> str:
    """Shorten a value to what may be shown: its first characters and its length."""
    return f"{value[:3]}…({len(value)})"


def short(version: str | None) -> str:
    """Shorten the identifier of a version to its beginning."""
    return "none" if version is None else f"{version[:8]}…"


@contextmanager
def clean_environment(home: Path) -> Generator[None]:
    """Remove credentials, addresses and proxies from the environment, and restore them afterwards.

    Args:
        home: An empty folder, in which the clients of the vendors look for saved logins.
    """
    before = dict(os.environ)
    for name in before:
        if name.startswith(FOREIGN) or name.lower() in PROXIES:
            del os.environ[name]
    os.environ.update(dict.fromkeys(HOMES, str(home)))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
