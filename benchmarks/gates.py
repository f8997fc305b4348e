"""The checks for gateways and for other services over HTTP, beside a bare application on the same server."""

from __future__ import annotations

import shutil

from benchmarks.edge import cheaper, loaded, told
from benchmarks.harness import Figure, at_least

TITLE = "gates: forward-auth and keys:verify over HTTP"
SERVED = ("bare", "forward-auth", "forward-auth, limit", "verify", "verify, posted to a bare one")


def measure(rounds: int = 5, length: float = 1.0) -> list[Figure]:
    """Ask each application in turn, as fast as it answers, with wrk; without wrk, measure nothing."""
    if shutil.which("wrk") is None:
        return []
    loads = loaded(SERVED, rounds, length, "benchmarks.gates_server")
    return [
        Figure("forward-auth: requests for the processor time of a bare one",
               cheaper(loads["forward-auth"], loads["bare"]), "x", at_least(0.7)),
        Figure("forward-auth, of a key with a limit: the same", cheaper(loads["forward-auth, limit"], loads["bare"])),
        Figure("keys:verify: the same, beside a bare application that gets the same body",
               cheaper(loads["verify"], loads["verify, posted to a bare one"]), "x", at_least(0.5)),
        Figure("keys:verify, beside a bare application that gets no body", cheaper(loads["verify"], loads["bare"])),
        *(figure for name in SERVED for figure in told(name, loads[name])),
    ]  # fmt: skip
