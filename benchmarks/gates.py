"""The checks for gateways and for other services over HTTP, beside a bare application on the same server."""

from __future__ import annotations

import shutil

from benchmarks.edge import cheaper, loaded, told
from benchmarks.harness import Figure, at_least

TITLE = "gates: the service over HTTP, asked for forward-auth and keys:verify"
SERVED = (
    "bare", "bare, with all headers", "forward-auth", "forward-auth, limit", "forward-auth, spans",
    "verify", "verify, posted to a bare one", "forward-auth, by hand", "verify, by hand",
    "forward-auth, uncached", "by hand, uncached", "by hand, uncached, for operators",
)  # fmt: skip
PEERS = ("FastAPI and keyshield", "DRF and djangorestframework-api-key")


def measure(rounds: int = 5, length: float = 1.0) -> list[Figure]:
    """Ask each application in turn, as fast as it answers, with wrk; without wrk, measure nothing."""
    if shutil.which("wrk") is None:
        return []
    loads = loaded(SERVED, rounds, length, "benchmarks.gates_server")
    peers = loaded(("ASGI middleware", *PEERS), rounds, length, "benchmarks.peers_server")
    return [
        Figure("forward-auth: requests for the processor time of a bare one",
               cheaper(loads["forward-auth"], loads["bare"]), "x", at_least(0.7)),
        Figure("forward-auth, beside a bare application that gets and sends the same headers",
               cheaper(loads["forward-auth"], loads["bare, with all headers"])),
        Figure("forward-auth: requests for the processor time of one by hand, for operators",
               cheaper(loads["forward-auth"], loads["forward-auth, by hand"]), "x", at_least(0.8)),
        Figure("forward-auth, by hand, beside a bare one", cheaper(loads["forward-auth, by hand"], loads["bare"])),
        Figure("forward-auth, of a key with a limit, beside a bare one",
               cheaper(loads["forward-auth, limit"], loads["bare"])),
        Figure("keys:verify: the same, beside a bare application that gets the same body",
               cheaper(loads["verify"], loads["verify, posted to a bare one"]), "x", at_least(0.5)),
        Figure("keys:verify: requests for the processor time of one by hand",
               cheaper(loads["verify"], loads["verify, by hand"]), "x", at_least(0.8)),
        Figure("keys:verify, by hand, beside a bare application that gets the same body",
               cheaper(loads["verify, by hand"], loads["verify, posted to a bare one"])),
        Figure("keys:verify, beside a bare application that gets no body", cheaper(loads["verify"], loads["bare"])),
        Figure("forward-auth, with spans that nobody records: requests for the processor time of one without",
               cheaper(loads["forward-auth, spans"], loads["forward-auth"])),
        Figure("forward-auth, uncached on SQLite: requests for the processor time of one by hand, for operators",
               cheaper(loads["forward-auth, uncached"], loads["by hand, uncached, for operators"]), "x", at_least(0.9)),
        Figure("forward-auth, uncached on SQLite, beside the least by hand",
               cheaper(loads["forward-auth, uncached"], loads["by hand, uncached"])),
        *(Figure(f"our ASGI middleware: requests for the processor time of {name}, cached where it caches",
                 cheaper(peers["ASGI middleware"], peers[name]), "x", at_least(1)) for name in PEERS),
        *(figure for name in SERVED for figure in told(name, loads[name])),
        *(figure for name, each in peers.items() for figure in told(name, each)),
    ]  # fmt: skip
