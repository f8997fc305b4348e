"""The torture by hand: ``python -m tests.torture --seconds 3600``, and ``--postgres`` for PostgreSQL."""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.postgres import postgres
from tests.torture.crew import Crew, Plan

from secretsource.stores import sql


def main() -> int:
    """Run it; 0 when nothing was lost."""
    reader = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    reader.add_argument("--seconds", type=float, default=60.0, help="for how long (60)")
    reader.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of what is chosen (by chance)")
    reader.add_argument("--processes", type=int, default=4, help="how many at a time (4)")
    reader.add_argument("--postgres", action="store_true", help="on PostgreSQL, and not on SQLite")
    reader.add_argument(
        "--patience", type=float, default=30.0, help="seconds until a child hangs; more where others work"
    )
    given = reader.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="torture-")))
        timeout = f"timeout={given.patience / 1.5:.0f}"
        url = f"sqlite:///{folder}/keys.db?{timeout}"
        if given.postgres:
            url = f"{stack.enter_context(postgres(max_connections='200')).url}?{timeout}&connect_{timeout}"
            sql.migrate(url)
        outcome = Crew(Plan(url, folder, given.seconds, given.seed, given.processes, given.patience)).play(print)
    print(outcome.whole())
    return 1 if outcome.lost else 0


if __name__ == "__main__":
    sys.exit(main())
