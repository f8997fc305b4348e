"""Where the demo plays: a folder of its own, an environment without anybody's credentials, and servers on loopback."""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from secretsource import Resolver
from secretsource.providers.base import SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from secretsource import Secret
    from secretsource.cli._demo_servers import Servers
    from secretsource.cli._demo_shop import Shop

__all__ = ["Scene", "Step", "Surprise", "clean_environment", "expect", "short"]

FOREIGN = (
    *("AWS_", "VAULT_", "BAO_", "SECRETSOURCE_"),
    *("GOOGLE_", "CLOUDSDK_", "GCLOUD_", "GCE_"),
    *("AZURE_", "IDENTITY_", "IMDS_", "MSI_"),
)
"""What variables begin with that would lead the demo to somebody's real secrets."""

HOMES = ("HOME", "USERPROFILE", "APPDATA")
"""Where ``.aws``, ``.vault-token``, ``.azure`` and the credentials of gcloud are looked for."""

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

TTL = 0.5
"""Seconds for which a value is fresh here, so that nobody waits; 300 is usual."""

PATIENCE = 10.0
"""Seconds within which a change must have been noticed, however slow the machine."""

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
    """A step did not behave as it tells; its message holds no value."""


class Scene:
    """What the steps of the demo share.

    Args:
        folder: An empty folder.
        tell: Takes each line of the transcript.
    """

    environment = "demo"

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self.folder = folder
        self.resources = ExitStack()
        """Closes what the steps open, the last first."""
        self._tell = tell
        self._values: list[str] = []

    @cached_property
    def servers(self) -> Servers:
        """A server for each provider that asks one."""
        from secretsource.cli._demo_servers import Servers

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
        resolver._engine.notices.quiet = True  # the tour tells of each fault itself
        return self.resources.enter_context(resolver)

    @cached_property
    def shop(self) -> Shop:
        """A web service of our own that asks its customers for keys."""
        from secretsource.cli._demo_shop import Shop

        return self.resources.enter_context(Shop(self))

    def until(self, name: str, is_so: Callable[[Secret], bool]) -> Secret:
        """Read a secret as an application does, again and again, until it is as expected.

        Raises:
            Surprise: That takes too long.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            secret = self.resolver.get(name)
            if is_so(secret):
                return secret
            time.sleep(TTL / 5)
        raise Surprise(f"what was to be seen of {name} is seen within {PATIENCE:.0f} seconds")

    def new_value(self, prefix: str) -> str:
        """A value to hide, which `say` will refuse to show."""
        value = f"{prefix}_{secrets.token_hex(16)}"
        self.hide(value)
        return value

    def hide(self, value: str) -> None:
        """Note a value that `say` will refuse to show."""
        self._values.append(value)

    def put(self, provider: str, name: str) -> str:
        """Give a provider of the chain a new value of a name, by other means than ours; the value."""
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
        """Write a file of the scene that only its owner may read."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(text, encoding="utf-8")

    def say(self, line: str) -> None:
        """Add a line to the transcript; one with a value in it would be a leak."""
        expect(not any(value in line for value in self._values), "no line of the transcript holds a value")
        self._tell(line)

    def show(self, secret: Secret) -> None:
        """Say what a look-up gave: the beginning and the length of the value, and where it is from."""
        version = f", version {short(secret.version)}" if secret.version else ""
        self.say(f"{secret.name} = {masked(secret)}  from {secret.provider}{version}, served={secret.served}")

    def explain(self, name: str) -> None:
        """Say how a name is resolved now."""
        first, *steps = str(self.resolver.explain(name)).splitlines()
        self.say(f"explain {first}")
        for step in steps:
            self.say(step)


class Step(NamedTuple):
    """One thing that the demo shows.

    Attributes:
        title: What it is.
        play: Does it on a scene, says what happens, and raises `Surprise` when that is not what was told.
    """

    title: str
    play: Callable[[Scene], None]


def expect(is_so: object, told: str) -> None:
    """Fail the demo when something is not as it was told.

    Raises:
        Surprise: It is not.
    """
    if not is_so:
        raise Surprise(told)


def masked(value: str) -> str:
    """A value as it may be shown: its first characters and its length."""
    return f"{value[:3]}…({len(value)})"


def short(version: str | None) -> str:
    """The beginning of a version identifier, which is enough to tell it from another."""
    return "none" if version is None else f"{version[:8]}…"


@contextmanager
def clean_environment(home: Path) -> Generator[None]:
    """Put away credentials, addresses and proxies, and put them back afterwards.

    Args:
        home: An empty folder, where the vendors' clients will look for what its owner has logged in to.
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
