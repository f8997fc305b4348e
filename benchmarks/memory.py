"""What remembering a secret costs in memory, the value and its bookkeeping together."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import ClassVar

from benchmarks.harness import Figure
from benchmarks.samples import VALUE, quiet_environment
from secretsource import Resolver
from secretsource.providers.base import Found, Provider, SecretRef

TITLE = "memory: many remembered secrets"
SECRETS = 10_000


class NumberedProvider(Provider):
    """Has every secret, with a value of its own of 107 characters that it does not keep."""

    scheme: ClassVar[str] = "numbered"

    def fetch(self, ref: SecretRef, *, timeout: float) -> Found:
        return Found(ref.location.ljust(len(VALUE), "x"), version="1")


def measure(secrets: int = SECRETS) -> list[Figure]:
    """Fill a resolver in a new process: once under tracemalloc, once watched from outside."""
    traced, resident = in_new_process("traced", secrets), in_new_process("resident", secrets)
    return [
        Figure(f"each of {secrets} secrets, as Python allocates it", traced / secrets, "bytes"),
        Figure(f"each of {secrets} secrets, as the process grows", resident / secrets, "bytes"),
        Figure("of it the text of the value", sys.getsizeof(VALUE), "bytes"),
    ]


def in_new_process(how: str, secrets: int) -> int:
    """Bytes that a new process needs for that many secrets."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", how, str(secrets)],
        cwd=Path(__file__).parent.parent,
        env=quiet_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    size: int = json.loads(done.stdout)
    return size


def fill(how: str, secrets: int) -> int:
    """Bytes that this process needs for that many secrets; ``traced`` or ``resident``."""
    names = [f"SERVICE_{number:05d}_SECRET_KEY" for number in range(secrets)]
    size = traced if how == "traced" else resident
    with Resolver(["env", NumberedProvider()], max_entries=secrets) as resolver:
        resolver.get("WARM_UP")
        gc.collect()
        before = size()
        for name in names:
            resolver.get(name)
        gc.collect()
        return size() - before


def traced() -> int:
    """Bytes that are allocated since the first call."""
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    return tracemalloc.get_traced_memory()[0]


def resident() -> int:
    """Bytes of this process in memory; its peak, where the system tells no more."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    print(fill(sys.argv[1], int(sys.argv[2])))
