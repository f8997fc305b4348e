"""A request that is let in: its record, and the work that an edge does for it."""

from __future__ import annotations

from secretsource._ground.namedtuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from secretsource.issuing._http.credential import Text
    from secretsource.issuing._verdict import Accepted
    from secretsource.stores.base import KeyRecord

__all__ = ["Admitted"]


class Admitted(NamedTuple):
    """A request that is let in.

    Attributes:
        record: The key's record; None where the request came without a key and needs none.
        headers: Headers for the application's answer, ASCII; ``Vary`` adds to the application's own, others replace it.
        visible: The request's headers without the key, where it is hidden; else None.
        subprotocol: The web socket subprotocol that announced the key, for the server to accept; else None.
        verdict: The verdict of the check, for `Admission.release` and `ApiKeys.refund`; None without a key.
        lease: Seconds after which the request counts as done, unless it is released or renewed. It is None without a
            limit such as ``5 at once``, as for nearly all requests.
    """

    record: KeyRecord | None
    headers: tuple[tuple[str, str], ...] = ()
    visible: Sequence[tuple[Text, Text]] | None = None
    subprotocol: str | None = None
    verdict: Accepted | None = None
    lease: float | None = None

    def __eq__(self, other: object) -> bool:
        """Return whether client and application see the same of both; each check has its own verdict."""
        return isinstance(other, Admitted) and self[:4] == other[:4]

    def __ne__(self, other: object) -> bool:
        """Return the opposite, which a tuple would compare by itself."""
        return not self == other

    def __hash__(self) -> int:
        """Return the hash of what is compared."""
        return hash(self[:4])

    def __repr__(self) -> str:
        return f"Admitted({self.record!r}, headers={self.headers!r})"


def lease_of(verdict: Accepted | None) -> float | None:
    """Return the seconds of the lease that a verdict holds now, or None.

    Args:
        verdict: The verdict of a check; None for a request without a key.
    """
    receipt = getattr(verdict, "_receipt", None)
    return None if receipt is None or receipt.lease is None else receipt.lease.plan.leases
