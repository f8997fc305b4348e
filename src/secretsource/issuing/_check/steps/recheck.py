"""The repeated check of a key that was accepted a while ago, without its text: for connections that stay open."""

from __future__ import annotations

from secretsource.issuing._check.steps.weighing import weigh
from secretsource.issuing._verdict import Reason, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts
    from secretsource.issuing._check.policy import Kind
    from secretsource.stores.base import KeyRecord


def recheck(
    parts: Parts,
    begin: Callable[[], int],
    accepted: KeyRecord,
    demanded: tuple[str, ...],
    ip: str | None,
    kind: Kind | None,
) -> Flow[Rejected | None]:
    """Return why a key would be refused now, or None; its limits are not drawn on.

    Args:
        parts: The parts to work with.
        begin: Called before the store is asked; see `Records.begin`.
        accepted: Its record at that time.
        demanded: The scopes that are all needed.
        ip: The address it came from.
        kind: The accepted kind of keys, or None for all keys of customers.

    Raises:
        StoreError: The store could not answer.
    """
    cache, (mono, wall) = parts.cache, parts.present.both()
    entry = cache.peek(accepted.key_id, mono)
    if entry is None:
        begun = begin()
        record: KeyRecord | None = yield parts.store.get(accepted.key_id)
        if record is None:
            return Rejected(Reason.UNKNOWN)
        # An imported key that was not used here has no hash yet, and its stand-in finds nothing.
        entry = cache.fill(record.hash or record.key_id.encode(), record, mono, wall, begun)
        mono, wall = parts.present.both()  # the store may have been slow
    return weigh(entry, demanded, ip, wall, kind)
