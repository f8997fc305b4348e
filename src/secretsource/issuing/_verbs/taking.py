"""The verbs of `ApiKeys` and `AsyncApiKeys` about what checks take: top-ups, refunds and leases."""

from __future__ import annotations

from secretsource._ground.flow import arun, run
from secretsource._traceless import boundaries
from secretsource.issuing._manage.field import by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from secretsource.issuing._check.receipts import Returns
    from secretsource.issuing._manage.updates import Updates
    from secretsource.issuing._verdict import Verdict
    from secretsource.stores.base import KeyRecord

__all__ = ["AsyncKeyTaking", "KeyTaking"]


@boundaries()
class KeyTaking:
    """The verbs about what checks take."""

    _returns: Returns
    _updates: Updates

    def add_credits(
        self,
        key_id: str,
        credits: int,
        *,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> KeyRecord:
        """Add credits to those of a key, and of the keys that it rotates with; simultaneous calls all count.

        Other processes learn of it as of a revocation, and may refuse the key until then.

        Args:
            key_id: The key: 22 characters of ``0-9A-Za-z``.
            credits: The credits to add, from 1.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that adds them.
            origin: Its address or host name.

        Returns:
            The record as it is now.

        Raises:
            KeyNotFound: There is no such key.
            InvalidTransition: The key has ended.
            InvalidRequest: It is not such a number, or the key has no credits to add to; nothing was changed.
            StoreError: The store could not answer; see the record for whether they were added.
        """
        return run(self._updates.add_credits(key_id, credits, by(actor, origin, reason)))

    def add_credits_once(
        self,
        token: str,
        key_id: str,
        credits: int,
        *,
        caller: str,
        fingerprint: str,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> KeyRecord:
        """Add credits as `add_credits` does, once for each token of a caller, however often the call is repeated.

        The token is stored together with the sum, so a process that is killed on the way leaves no doubt. It is
        remembered for a day.

        Args:
            token: As for `issue_once`, like `caller` and `fingerprint`.
            key_id: The key: 22 characters of ``0-9A-Za-z``.
            credits: The credits to add, from 1.
            caller: The caller.
            fingerprint: The request of the caller.
            reason: The reason, for the event; this and the next two are cut to 255 characters.
            actor: The person or program that adds them.
            origin: Its address or host name.

        Returns:
            The record as it is now.

        Raises:
            RepeatDiffers: The token was used with another fingerprint.
            KeyNotFound: There is no such key.
            InvalidTransition: The key has ended.
            InvalidRequest: It is not such a number, or the key has no credits to add to; nothing was changed.
            ConfigurationError: The store keeps no claims.
            StoreError: The store could not answer; repeat it with the same token.
        """
        claim = self._updates.claims.of(token, caller, f"{key_id}\n{fingerprint}", key_id)
        return run(self._updates.add_credits(key_id, credits, by(actor, origin, reason), claim))

    def refund(self, verdict: Verdict) -> bool:
        """Refund what a check took from rates, quotas and credits, once, for a request that did not do its work.

        A rate regains what time has not refilled since; a quota that was refilled since regains nothing.

        Args:
            verdict: The verdict of `check`.

        Returns:
            Whether something was refunded; False for a repeat, for a refusal, and for a key without limits.

        Raises:
            ConfigurationError: The limiter takes nothing back.
            StoreError: The store or the shared limiter could not answer; a repeat refunds the rest.
        """
        return run(self._returns.refund(verdict))

    def release(self, verdict: Verdict) -> bool:
        """Release the place of a request that is done, for a limit such as ``5 at once``; edges call this.

        A request that is not released counts as done when its lease ends: after 60 seconds, unless the limit says
        otherwise.

        Args:
            verdict: The verdict of `check`.

        Returns:
            Whether the request was under way until now; False for a repeat, and for a key without such a limit.

        Raises:
            StoreError: The shared limiter could not answer; the lease ends by itself.
        """
        return run(self._returns.release(verdict))

    def renew(self, verdict: Verdict) -> bool:
        """Renew the lease of a long request; call this before the lease ends.

        Args:
            verdict: As for `release`.

        Returns:
            Whether the request is under way; False after `release`, and for a key without such a limit.

        Raises:
            StoreError: The shared limiter could not answer.
        """
        return run(self._returns.renew(verdict))


@boundaries()
class AsyncKeyTaking:
    """The same verbs of `AsyncApiKeys`."""

    _returns: Returns
    _updates: Updates

    async def add_credits(
        self,
        key_id: str,
        credits: int,
        *,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> KeyRecord:
        """Do as `ApiKeys.add_credits` does."""
        return await arun(self._updates.add_credits(key_id, credits, by(actor, origin, reason)))

    async def add_credits_once(
        self,
        token: str,
        key_id: str,
        credits: int,
        *,
        caller: str,
        fingerprint: str,
        reason: str | None = None,
        actor: str | None = None,
        origin: str | None = None,
    ) -> KeyRecord:
        """Do as `ApiKeys.add_credits_once` does."""
        claim = self._updates.claims.of(token, caller, f"{key_id}\n{fingerprint}", key_id)
        return await arun(self._updates.add_credits(key_id, credits, by(actor, origin, reason), claim))

    async def refund(self, verdict: Verdict) -> bool:
        """Do as `ApiKeys.refund` does."""
        return await arun(self._returns.refund(verdict))

    async def release(self, verdict: Verdict) -> bool:
        """Do as `ApiKeys.release` does."""
        return await arun(self._returns.release(verdict))

    async def renew(self, verdict: Verdict) -> bool:
        """Do as `ApiKeys.renew` does."""
        return await arun(self._returns.renew(verdict))
