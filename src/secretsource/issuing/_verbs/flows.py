"""The flows behind the verbs: `ApiKeys` runs them in the thread of its caller, and `AsyncApiKeys` in its task."""

from __future__ import annotations

from secretsource.issuing._check.receipts import Returns
from secretsource.issuing._check.verifier import Verifier
from secretsource.issuing._manage.ending.leaks import Leaks
from secretsource.issuing._manage.ending.revocations import Revocations
from secretsource.issuing._manage.flushing.flushes import Flushes
from secretsource.issuing._manage.once import Once
from secretsource.issuing._manage.operations import Operations
from secretsource.issuing._manage.overview import Overview
from secretsource.issuing._manage.reports import Reports
from secretsource.issuing._manage.updates import Updates
from secretsource.issuing._manage.upkeep.purges import Purges
from secretsource.issuing._manage.upkeep.rounds import Rounds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from secretsource.issuing._check.parts import Parts

__all__ = ["Flows"]


class Flows:
    """The flows of a service, over the same parts."""

    def _work_with(self, parts: Parts, begin: Callable[[], None]) -> None:
        """Make the flows, at first and for new peppers.

        Args:
            parts: The parts to work with.
            begin: Called before the store is asked for a key; starts the work beside the checks.
        """
        self._parts = parts
        self._operations = Operations(parts)
        self._flushes = Flushes(parts, self._operations)
        self._overview = Overview(parts, self._operations)
        self._reports = Reports(parts, self._operations)
        self._revocations = Revocations(parts, self._operations)
        self._leaks = Leaks(parts, self._operations, self._revocations)
        self._updates = Updates(parts, self._operations)
        self._once = Once(parts, self._operations)
        self._rounds = Rounds(parts, self._operations)
        self._purges = Purges(parts, self._revocations)
        self._returns = Returns(parts)
        self._verifier = Verifier(parts, begin)
        self._glance = self._verifier.glance
