"""Programs of a customer beside the browser: ``curl``, a shell, and a worker that asks for its requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.server.pages.chromium.site import Site

__all__ = ["curl", "shell", "use"]

ASKED = {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/orders/1", "X-Forwarded-For": "203.0.113.7"}
"""The words of a gateway about the request that it asks for."""
STATUS = ("-o", "/dev/null", "-w", "%{http_code}")


async def curl(*arguments: str) -> str:
    """Run curl, and return what it writes."""
    return await _output("curl", "-sS", *arguments)


async def shell(site: Site, environment: str, command: str) -> str:
    """Run a line of curl from a page in a shell whose environment has a line of a ``.env`` file.

    Returns:
        The status of the answer: that of a gateway which asks the service, in place of the API that the line calls.
    """
    pages = site.settings.pages
    assert pages is not None
    assert pages.api in command
    called = command.replace(pages.api, f"{site.base}/v1/forward-auth")
    told = " ".join(f"-H '{name}: {value}'" for name, value in ASKED.items())
    return await _output("sh", "-c", f"{environment}\n{called} -sS {' '.join(STATUS[:3])} '{STATUS[3]}' {told}")


async def use(site: Site, key: str, times: int = 1, program: str = "curl/8.14") -> int:
    """Send requests with a key, as a program of the customer does by way of a gateway, and return the last status."""
    headers = {"Authorization": f"Bearer {key}", "User-Agent": program, **ASKED}
    told = [each for name, value in headers.items() for each in ("-H", f"{name}: {value}")]
    address = f"{site.base}/v1/forward-auth?[1-{times}]"
    return int((await curl(*STATUS, *told, address))[-3:])


async def _output(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0, words[0]
    return output.decode()
