"""The key service behind a gateway, in a process of its own, so that it can be stopped and killed.

    python -m tests.gateways.keyservice PORT DATABASE CACHE

prints ``ready`` once it serves. For each line ``revoke KEY_ID`` that it reads, it revokes a key; for each line
``questions``, it prints the number of questions so far. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import uvicorn

from secretsource.issuing import ApiKeys, AsyncApiKeys
from secretsource.server.forward_auth import forward_auth
from secretsource.server.root_keys import RootKeys
from secretsource.server.service import Service
from secretsource.server.settings import Route, ServerSettings

ROOT = Path(__file__).resolve().parents[2]
PEPPER = "a pepper of the tests, long enough"
ROUTES = (Route("*", "/admin/*", "admin"), Route("*", "/*", "orders:read"))


class KeyService:
    """The process, and the keys that it knows.

    Attributes:
        port: Where it answers.
    """

    def __init__(self, folder: Path, port: int, cache: float = 0.0) -> None:
        self.port = port
        self._database = f"sqlite:///{folder}/keys.db"
        self._command = [sys.executable, "-m", "tests.gateways.keyservice", str(port), self._database, str(cache)]
        self.start()

    def start(self) -> None:
        """Start the process, and wait until it serves."""
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "ready"

    def issue(self, **request: Any) -> Any:
        """A new key of acme that may read orders."""
        wanted: dict[str, Any] = {"owner": "acme", "scopes": ["orders:read"], **request}
        with ApiKeys.open(self._database, peppers=[PEPPER]) as keys:
            return keys.issue(**wanted)

    def revoke(self, key_id: str) -> None:
        """Revoke a key in the process itself, which refuses it from then on."""
        self._say(f"revoke {key_id}")
        assert self._line() == "revoked"

    def questions(self) -> int:
        """The number of questions that gateways have asked."""
        self._say("questions")
        return int(self._line())

    def hang(self) -> None:
        """Stop the process: it holds its connections, and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a stopped process go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._close()

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._close()

    def _close(self) -> None:
        with self._process:
            self._process.wait(20)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


async def serve(port: int, database: str, cache: float) -> None:
    """Serve until standard input ends."""
    keys = await AsyncApiKeys.open(database, peppers=[PEPPER])
    settings = ServerSettings(
        trusted_proxies=(ip_network("127.0.0.0/8"),), routes=ROUTES, forward_auth_cache=cache, preflight=False
    )
    gate, asked = forward_auth(Service(keys, settings, RootKeys(keys))), 0

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        nonlocal asked
        asked += 1
        await gate(scope, receive, send)

    config = uvicorn.Config(
        counted, host="127.0.0.1", port=port, lifespan="off", ws="none", proxy_headers=False, log_level="critical"
    )
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        word, _, key_id = line.strip().partition(" ")
        if word == "revoke":
            await keys.revoke(key_id)
            print("revoked", flush=True)
        else:
            print(json.dumps(asked), flush=True)
    server.should_exit = True
    await serving
    await keys.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
