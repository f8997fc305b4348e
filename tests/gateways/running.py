"""Gateways of this machine, each with its files of ``examples/gateways``, in which only the addresses are others."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Generator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "gateways"
WHEELS = Path(sys.executable).parent
SYSTEM = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/usr/local/sbin"


class Kind(NamedTuple):
    """A gateway.

    Attributes:
        name: Its name in tests.
        program: Its program, or None where it is not installed.
        files: Its files among the examples, the first of which it is started with.
        command: Its arguments; ``{file}`` is the first file, and ``{folder}`` the folder that it is started in.
        install: How to install it.
    """

    name: str
    program: str | None
    files: tuple[str, ...]
    command: tuple[str, ...]
    install: str


def _of_the_system(program: str) -> str | None:
    return shutil.which(program, path=SYSTEM)


def _of_a_wheel(program: str) -> str | None:
    return shutil.which(program, path=str(WHEELS))


_NGINX = ("-p", "{folder}", "-c", "{folder}/{file}")
_CADDY = ("run", "--adapter", "caddyfile", "--config", "{file}")
_DEBIAN = "apt-get install nginx caddy haproxy apache2 lua-socket"
_PYPI = "pip install '.[gateways]'"
KINDS = (
    Kind("nginx", _of_the_system("nginx"), ("nginx.conf",), _NGINX, _DEBIAN),
    Kind("nginx-cached", _of_the_system("nginx"), ("nginx-cached.conf",), _NGINX, _DEBIAN),
    Kind("caddy-2.6", _of_the_system("caddy"), ("Caddyfile",), _CADDY, _DEBIAN),
    Kind("caddy-2.11", _of_a_wheel("caddy"), ("Caddyfile",), _CADDY, _PYPI),
    Kind("traefik", _of_a_wheel("traefik"), ("traefik.yml", "traefik-routes.yml"), ("--configFile={file}",), _PYPI),
    Kind(
        "envoy",
        _of_a_wheel("envoy"),
        ("envoy.yaml",),
        ("-c", "{file}", "--log-level", "error", "--concurrency", "1", "--disable-hot-restart"),
        _PYPI,
    ),
    Kind("haproxy", _of_the_system("haproxy"), ("haproxy.cfg", "haproxy-check.lua"), ("-db", "-f", "{file}"), _DEBIAN),
    Kind(
        "apache",
        _of_the_system("apache2"),
        ("apache.conf", "apache-check.lua"),
        ("-d", "{folder}", "-f", "{folder}/{file}", "-C", "Define HERE {folder}", "-DFOREGROUND"),
        _DEBIAN,
    ),
)


@contextmanager
def running(kind: Kind, port: int, keys: int, application: int) -> Generator[Path]:
    """Run a gateway until the end of the ``with`` block.

    Args:
        kind: Which one.
        port: Where it listens.
        keys: The port of the key service.
        application: The port of the application.

    Yields:
        The folder that it was started in.
    """
    assert kind.program is not None
    with TemporaryDirectory(prefix="gateway-") as name:
        folder = Path(name)
        folder.chmod(0o777)  # the workers of nginx and Apache are another user
        addresses = {"8080": port, "8811": keys, "8000": application}
        for file in kind.files:
            text = (EXAMPLES / file).read_text()
            for written, real in addresses.items():
                text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{real}")
                text = text.replace(f"port_value: {written}", f"port_value: {real}")
            (folder / file).write_text(text)
        arguments = [each.format(file=kind.files[0], folder=folder) for each in kind.command]
        environment = {"PATH": SYSTEM, "HOME": name, "XDG_DATA_HOME": name, "XDG_CONFIG_HOME": name}
        with (folder / "told").open("wb") as told:
            process = subprocess.Popen(
                [kind.program, *arguments], cwd=folder, env=environment, stdout=told, stderr=subprocess.STDOUT
            )
        try:
            _wait(port, process, folder / "told")
            yield folder
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], told: Path) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, told.read_text()
            assert time.monotonic() < until, told.read_text()
            time.sleep(0.01)
        else:
            return
