"""The first steps of a check: all that needs the text of a key, so that its text can be dropped.

     0  take the credential      none at all, or over 512 characters: rejected unread
     1  hash the whole text      under each pepper
     3  parse                    grammar and checksum
     4  open the locator         not sealed by any known pepper: rejected

Step 4 knows the seals of our own peppers, and those that other peppers left in the store: dropped peppers, and newer
ones that this process does not have. They are read when none of ours opens a locator, at most once a second, however
many keys are made up.
"""

from __future__ import annotations

import re

from secretsource.exceptions import StoreError
from secretsource.issuing._key import foreign
from secretsource.issuing._key.format import LONGEST_CREDENTIAL
from secretsource.issuing._verdict import Reason, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from secretsource._ground.flow import Flow
    from secretsource.issuing._check.parts import Parts

_IS_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\Z")
_MOST_LOCATED = 10_000
"""Texts that are remembered as credentials, by their hash, so that steps 3 and 4 are not repeated; about 4 MB."""
SEALS_EVERY = 1.0
"""Seconds between two readings of the store's seals."""


class Presented:
    """A credential that may be a key: hashes and a locator instead of its text.

    Attributes:
        hash: Its hash under the newest pepper; 32 bytes.
        hashes: Its hash under each pepper, by pepper version.
        key_id: Its locator, or None for a key of another grammar.
        lookups: The values that an imported record may be found by, for a key of another grammar.
        is_described_by: Whether a described hash of another system was made from it.
        otherwise: The reason to refuse it if it is not a key of another system either.
    """

    __slots__ = ("hash", "hashes", "is_described_by", "key_id", "lookups", "otherwise")

    def __init__(
        self,
        hash: bytes,
        hashes: Mapping[str, bytes],
        key_id: str | None,
        lookups: tuple[bytes, ...] = (),
        is_described_by: Callable[[str], bool] | None = None,
        otherwise: Rejected | None = None,
    ) -> None:
        self.hashes = hashes
        self.hash = hash
        self.key_id = key_id
        self.lookups = lookups
        self.is_described_by = is_described_by
        self.otherwise = otherwise

    def __repr__(self) -> str:
        return f"Presented(<masked>, key_id={self.key_id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Presented holds what a key hashes to and is not pickled")


class Gate:
    """Steps 0, 1, 3 and 4 with one set of parts.

    Attributes:
        again: Returns the credential that `present` made of a text before, by its hash under the newest pepper; or
            None.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._newest = parts.peppers.newest.version
        self._has_one_pepper = len(parts.peppers) == 1
        self._hash = parts.peppers.newest.hash_again
        self._hashes = parts.peppers.hashes
        self._locate = parts.format.locate
        self._is_ours = parts.seals.is_ours
        self._known = parts.cache.get
        self._located: dict[bytes, Presented] = {}
        self.again = self._located.get
        self._not_ours = Reason.NOT_OURS
        self._seals_due = float("-inf")

    def present(self, text: object, hashed: bytes | None = None) -> Presented | Rejected:
        """Return a text as a credential, or why it is refused.

        Args:
            text: The text that the client sent.
            hashed: Its hash under the newest pepper, if known.
        """
        if text is None:
            return Rejected(Reason.MISSING)
        if not isinstance(text, str) or len(text) > LONGEST_CREDENTIAL:
            return Rejected(Reason.MALFORMED)
        if hashed is None:
            try:
                hashed = self._hash(text.encode())  # 1 hash the whole text
            except UnicodeEncodeError:
                return self._present_imported(text, Rejected(Reason.MALFORMED))
        presented = self.again(hashed)
        if presented is not None:  # this very text came through here before
            return presented
        locator = self._matched(hashed)
        if locator is None:
            located = self._locate(text)  # 3 parse
            if type(located) is Rejected:
                return self._present_imported(text, located)
            if not self._is_ours(located):  # 4 open the locator
                return Rejected(self._not_ours)
            locator = located
        hashes = {self._newest: hashed} if self._has_one_pepper else self._hashes(text)
        return self._remembered(Presented(hashed, hashes, locator))

    def _matched(self, hashed: bytes) -> str | None:
        """Return the locator of a text whose record is cached; an imported one is found by its ``lookup``."""
        known = self._known(hashed)
        return None if known is None or known.record.lookup is not None else known.record.key_id

    def _remembered(self, presented: Presented) -> Presented:
        """Remember a text that is ours by its grammar, checksum and locator; its secret may still be wrong."""
        located = self._located
        if len(located) >= _MOST_LOCATED:
            located.clear()
        located[presented.hash] = presented
        return presented

    def _present_imported(self, text: str, otherwise: Rejected) -> Presented | Rejected:
        if not (self._parts.imported and text and text.isprintable()):
            return otherwise
        hashes = self._hashes(text)
        lookups = self._parts.lookups.every(foreign.lookups(text))
        newest = hashes[self._newest]
        return Presented(newest, hashes, None, lookups, lambda described: foreign.matches(described, text), otherwise)

    def admit(self, text: object) -> Flow[Presented | Rejected]:
        """Return a text as `present` does, and `reconsider` a refused one."""
        presented = self.present(text)
        try:
            if isinstance(presented, Rejected):
                presented = yield from self.reconsider(presented, text)
        finally:
            del text  # a traceback shows no key
        return presented

    def reconsider(self, refused: Rejected, text: object, hashed: bytes | None = None) -> Flow[Presented | Rejected]:
        """Look once more, if the store may have a seal that opens a locator that ours do not, and may be asked now."""
        if not self.may_reconsider(refused):
            return refused
        try:
            yield from self._read_seals()
            return self.present(text, hashed)
        finally:
            del text  # a traceback shows no key

    def could_be(self, text: str) -> bool:
        """Return whether a text may be a key, judged by the text alone.

        A signed token (JWT) is not taken for a key of another system, though it might be one.
        """
        return type(self._locate(text)) is not Rejected or (self._parts.imported and _IS_JWT.match(text) is None)

    def may_reconsider(self, refused: Rejected) -> bool:
        """Return whether the store may have a seal that opens a locator that ours do not, and may be asked now."""
        return refused.reason is self._not_ours and self._parts.clock.now().mono >= self._seals_due

    def _read_seals(self) -> Flow[None]:
        self._seals_due = self._parts.clock.now().mono + SEALS_EVERY
        try:
            keys: Mapping[str, bytes] = yield self._parts.store.seals()
        except StoreError:
            self._not_ours = Reason.STORE_UNAVAILABLE  # it is unknown now whether the key is ours
        else:
            self._not_ours = Reason.NOT_OURS
            self._parts.seals.add(keys)
