"""A proxy on a free port of this machine that connects nobody, and notes what it is asked.

with listening_proxy() as (url, heard):
    ...
"""

from __future__ import annotations

import socket
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["listening_proxy"]


@contextmanager
def listening_proxy(read: Callable[[bytes], bytes] = bytes) -> Generator[tuple[str, list[bytes]]]:
    """Listen until the end of the ``with`` block; yield the URL, and what each client begins with."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        heard.append(read(client.recv(65536)))

        Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        listener.shutdown(socket.SHUT_RDWR)
