"""A key that was accepted a while ago, weighed anew without its text: for connections that stay open."""

from __future__ import annotations

from secretsource.issuing._verdict import Reason, Rejected
from secretsource.issuing._weighing import weigh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource._flow import Flow
    from secretsource.issuing._wiring import Wiring
    from secretsource.stores.base import KeyRecord


def recheck(wiring: Wiring, accepted: KeyRecord, demanded: tuple[str, ...], ip: str | None) -> Flow[Rejected | None]:
    """Why a key would not be accepted any more, or None; its limits are not asked.

    Args:
        wiring: What it is checked against.
        accepted: Its record, as it was.
        demanded: The scopes that are all needed.
        ip: The address it came from.

    Raises:
        StoreError: The store could not answer.
    """
    cache, now = wiring.cache, wiring.clock.now()
    entry = cache.peek(accepted.key_id, now.mono)
    if entry is None:
        begun = cache.begin()
        record: KeyRecord | None = yield wiring.store.get(accepted.key_id)
        if record is None:
            return Rejected(Reason.UNKNOWN)
        # An imported key that was not used here has no hash yet, and nothing is found under what stands for it.
        entry = cache.fill(record.hash or record.key_id.encode(), record, now.mono, now.wall, begun)
    return weigh(entry, demanded, ip, wiring.clock.now().wall)
