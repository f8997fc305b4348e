"""The suites pass an honest driver, and catch each way of being dishonest."""

from __future__ import annotations

import asyncio
import logging
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from secretsource.providers.base import (
    AsyncProvider,
    BatchProvider,
    Failed,
    FailureCode,
    Found,
    NotFound,
    SecretRef,
)
from secretsource.testing import (
    AsyncProviderConformance,
    BatchProviderConformance,
    ProviderConformance,
    ProviderHarness,
)
from secretsource.testing._cases import CANARY, NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from secretsource.providers.base import Outcome

    Outcomes = Mapping[SecretRef, Outcome]

pytest_plugins = ["pytester"]

QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:asyncio")

FAULTS = {
    "deny": FailureCode.DENIED,
    "throttle": FailureCode.THROTTLED,
    "down": FailureCode.UNAVAILABLE,
    "break_response": FailureCode.MALFORMED,
}


class Shelf:
    """The service: versions on a shelf, and at most one fault."""

    def __init__(self) -> None:
        self.versions: dict[str, list[str | bytes]] = {}
        self.refused: set[str] = set()
        self.fault = ""
        self.answer = Event()


class HonestProvider(BatchProvider, AsyncProvider):
    """A driver with every ability, that does all it should."""

    scheme = "shelf"

    def __init__(self, shelf: Shelf) -> None:
        super().__init__()
        self.shelf = shelf

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        if self.shelf.fault == "hang" and not self.shelf.answer.wait(timeout):
            return Failed(FailureCode.TIMEOUT)
        return self.look(ref)

    def look(self, ref: SecretRef) -> Outcome:
        if self.shelf.fault in FAULTS:
            return Failed(FAULTS[self.shelf.fault])
        if ref.location in self.shelf.refused:
            return Failed(FailureCode.DENIED)
        versions = self.shelf.versions.get(ref.location, [])
        number = int(ref.version) if ref.version else len(versions)
        number -= ref.stage == "previous"
        return Found(versions[number - 1], version=str(number)) if 0 < number <= len(versions) else NotFound()

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        return ref._replace(stage="previous")

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Outcomes:
        if self.shelf.fault == "hang" and not self.shelf.answer.wait(timeout):
            return dict.fromkeys(refs, Failed(FailureCode.TIMEOUT))
        return {ref: self.look(ref) for ref in refs}

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        if self.shelf.fault == "hang":
            await asyncio.sleep(timeout)
            return Failed(FailureCode.TIMEOUT)
        return self.look(ref)


class ShelfHarness(ProviderHarness):
    """Puts things on the shelf, and breaks it."""

    def __init__(self, driver: type[HonestProvider] = HonestProvider) -> None:
        self.shelf = Shelf()
        self.provider = driver(self.shelf)

    def put(self, name: str, value: str | bytes) -> None:
        self.shelf.versions.setdefault(name, []).append(value)

    def delete(self, name: str) -> None:
        del self.shelf.versions[name]

    def older_stage(self, name: str) -> str:
        return "previous"

    def deny(self) -> None:
        self.shelf.fault = "deny"

    def deny_one(self, name: str) -> None:
        self.shelf.refused.add(name)

    def throttle(self) -> None:
        self.shelf.fault = "throttle"

    def hang(self) -> None:
        self.shelf.fault = "hang"

    def down(self) -> None:
        self.shelf.fault = "down"

    def break_response(self, planted: str) -> None:
        self.shelf.fault = "break_response"

    def heal(self) -> None:
        self.shelf.fault = ""


class Suite(BatchProviderConformance, AsyncProviderConformance):
    """All cases there are, in little time."""

    impossible: ClassVar = {"wire": "a shelf is asked over no network"}
    timeout: ClassVar[float] = 0.5
    patience: ClassVar[float] = 0.05
    slack: ClassVar[float] = 0.2


class TestHonestProvider(Suite):
    """An honest driver passes every case."""

    @pytest.fixture
    def harness(self) -> ShelfHarness:
        """An empty shelf."""
        return ShelfHarness()


class AbsentWhenDenied(HonestProvider):
    """Takes a refusal for an absence."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        return NotFound() if isinstance(outcome, Failed) and outcome.code is FailureCode.DENIED else outcome


class AbsentWhenEmpty(HonestProvider):
    """Takes an empty value for an absence."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        return NotFound() if isinstance(outcome, Found) and not outcome.value else outcome


class FailsWhenAbsent(HonestProvider):
    """Takes an absence for a failure."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        return Failed(FailureCode.UNAVAILABLE) if isinstance(outcome, NotFound) else outcome


class KeepsACache(HonestProvider):
    """Answers the second question from memory."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self.kept: dict[SecretRef, Found] = {}

    def look(self, ref: SecretRef) -> Outcome:
        outcome = self.kept[ref] if ref in self.kept else super().look(ref)
        if isinstance(outcome, Found):
            self.kept[ref] = outcome
        return outcome


class StripsValues(HonestProvider):
    """Cuts a value short."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        return Found(outcome.value[:100]) if isinstance(outcome, Found) and isinstance(outcome.value, str) else outcome


class ReadsBytesAsText(HonestProvider):
    """Makes text of whatever there is."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        value = getattr(outcome, "value", None)
        return Found(value.decode("latin-1")) if isinstance(value, bytes) else outcome


class HasOneVersion(HonestProvider):
    """Calls every version by the same name."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        return Found(outcome.value, version="latest") if isinstance(outcome, Found) else outcome


class IgnoresTheVersion(HonestProvider):
    """Gives the current value to whoever asks for an old one."""

    def look(self, ref: SecretRef) -> Outcome:
        return super().look(ref._replace(version=None, stage=None))


class KnowsNoPrevious(HonestProvider):
    """Keeps the version before, and does not say where."""

    def previous(self, ref: SecretRef, current: Found) -> SecretRef | None:
        return None


class MixesUpTheCauses(HonestProvider):
    """Has one word for every failure."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        return Failed(FailureCode.MISCONFIGURED) if isinstance(outcome, Failed) else outcome


class ForgetsTheTime(HonestProvider):
    """Waits as long as it likes."""

    def fetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        return super().fetch(ref, timeout=timeout + 0.3)

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Outcomes:
        return super().fetch_many(refs, timeout=timeout + 0.3)

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        return await super().afetch(ref, timeout=timeout + 0.3)


class QuotesTheService(HonestProvider):
    """Puts the body of a broken answer into the reason."""

    def look(self, ref: SecretRef) -> Outcome:
        outcome = super().look(ref)
        return outcome._replace(reason=f"cannot parse {CANARY}") if isinstance(outcome, Failed) else outcome


class LogsTheAnswer(HonestProvider):
    """Tells the log what it was told, as an argument."""

    def look(self, ref: SecretRef) -> Outcome:
        for version in self.shelf.versions.get(ref.location, []):
            logging.getLogger("shelf").debug("got an answer", extra={"body": version})
        return super().look(ref)


class ShowsItself(HonestProvider):
    """Has everything in its repr, in base64."""

    def __repr__(self) -> str:
        from base64 import b64encode

        return f"ShowsItself({b64encode(CANARY.encode())!r})"


class RaisesFaults(HonestProvider):
    """Lets an exception through."""

    def look(self, ref: SecretRef) -> Outcome:
        if isinstance(super().look(ref), Failed):
            raise ConnectionError("the shelf fell down")
        return super().look(ref)


class ClosesOnce(HonestProvider):
    """Does not expect to be closed again."""

    closed = False

    def close(self) -> None:
        assert not self.closed, "already closed"
        self.closed = True

    async def aclose(self) -> None:
        self.close()


class DoesNotSurviveAReset(HonestProvider):
    """Loses its way after a fork."""

    def reset(self) -> None:
        self.shelf = Shelf()


class StaysDown(HonestProvider):
    """Remembers a failure for ever."""

    failure: Failed | None = None

    def look(self, ref: SecretRef) -> Outcome:
        outcome = self.failure or super().look(ref)
        self.failure = outcome if isinstance(outcome, Failed) else None
        return outcome


class SharesOneAnswer(HonestProvider):
    """Gives every caller what the first one asked for."""

    first: SecretRef | None = None

    def look(self, ref: SecretRef) -> Outcome:
        self.first = self.first or ref
        return super().look(self.first)


class OneOutcomeForTheBatch(HonestProvider):
    """Lets one absence or refusal speak for all."""

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Outcomes:
        answers = super().fetch_many(refs, timeout=timeout)
        bad = [outcome for outcome in answers.values() if not isinstance(outcome, Found)]
        return dict.fromkeys(refs, bad[0]) if bad else answers


class TakesTenAtMost(HonestProvider):
    """Drops what is beyond the service's limit, and asks for nothing when there is nothing to ask."""

    def fetch_many(self, refs: Sequence[SecretRef], *, timeout: float) -> Outcomes:
        return super().fetch_many(refs[:10], timeout=timeout) or {SecretRef("", ""): NotFound()}


class CannotBeCancelled(HonestProvider):
    """Takes a cancellation for a timeout."""

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        try:
            return await super().afetch(ref, timeout=timeout)
        except asyncio.CancelledError:
            return Failed(FailureCode.TIMEOUT)


class BoundToOneLoop(HonestProvider):
    """Keeps a lock of the first event loop."""

    loop: asyncio.AbstractEventLoop | None = None

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        self.loop = self.loop or asyncio.get_running_loop()
        assert self.loop is asyncio.get_running_loop(), "attached to a different loop"
        return await super().afetch(ref, timeout=timeout)


class AsyncDisagrees(HonestProvider):
    """Is another driver when it is awaited."""

    async def afetch(self, ref: SecretRef, *, timeout: float) -> Outcome:
        outcome = await super().afetch(ref, timeout=timeout)
        return Failed(FailureCode.UNAVAILABLE) if isinstance(outcome, Failed) else outcome


CAUGHT = [
    (AbsentWhenDenied, "test_denied_is_not_an_absence", {}),
    (AbsentWhenDenied, "test_batch_with_one_refused", {}),
    (AbsentWhenEmpty, "test_empty_is_a_value", {}),
    (FailsWhenAbsent, "test_absent_is_not_found", {}),
    (FailsWhenAbsent, "test_first_version_has_nothing_before_it", {}),
    (KeepsACache, "test_new_value_is_seen_on_the_next_fetch", {}),
    (KeepsACache, "test_deleted_is_not_served", {}),
    (StripsValues, "test_large_is_given_whole", {}),
    (ReadsBytesAsText, "test_binary_is_given_as_bytes", {}),
    (HasOneVersion, "test_new_version_has_another_identifier", {}),
    (IgnoresTheVersion, "test_old_version_is_given_by_its_identifier", {}),
    (IgnoresTheVersion, "test_stage_is_followed", {}),
    (IgnoresTheVersion, "test_previous_is_the_version_before", {}),
    (KnowsNoPrevious, "test_previous_is_the_version_before", {}),
    (MixesUpTheCauses, "test_throttled_is_retryable", {}),
    (MixesUpTheCauses, "test_down_is_unavailable", {}),
    (MixesUpTheCauses, "test_malformed_is_told_apart", {}),
    (ForgetsTheTime, "test_timeout_is_kept", {}),
    (ForgetsTheTime, "test_async_fault_agrees_with_fetch", {"fault": "hang"}),
    (QuotesTheService, "test_fault_does_not_show_the_secret", {"fault": "break_response"}),
    (QuotesTheService, "test_batch_fault_is_every_ones_outcome", {"fault": "throttle"}),
    (QuotesTheService, "test_async_fault_agrees_with_fetch", {"fault": "down"}),
    (LogsTheAnswer, "test_answer_is_not_shown", {}),
    (ShowsItself, "test_answer_is_not_shown", {}),
    (RaisesFaults, "test_fault_does_not_show_the_secret", {"fault": "down"}),
    (ClosesOnce, "test_closed_twice", {}),
    (ClosesOnce, "test_used_then_closed_twice", {}),
    (ClosesOnce, "test_async_closed_twice", {}),
    (DoesNotSurviveAReset, "test_reset_then_fetch", {}),
    (StaysDown, "test_recovers_when_the_service_does", {}),
    (SharesOneAnswer, "test_used_from_two_threads", {}),
    (SharesOneAnswer, "test_async_calls_run_at_once", {}),
    (SharesOneAnswer, "test_batch_agrees_with_fetch", {}),
    (OneOutcomeForTheBatch, "test_batch_keeps_each_outcome", {}),
    (OneOutcomeForTheBatch, "test_batch_with_one_refused", {}),
    (TakesTenAtMost, "test_batch_beyond_the_limit_is_split", {}),
    (TakesTenAtMost, "test_batch_of_none", {}),
    (CannotBeCancelled, "test_cancelled_while_waiting", {}),
    (BoundToOneLoop, "test_async_on_a_second_event_loop", {}),
    (AsyncDisagrees, "test_async_fault_agrees_with_fetch", {"fault": "deny"}),
]


@pytest.mark.parametrize(("driver", "case", "arguments"), CAUGHT, ids=lambda value: getattr(value, "__name__", None))
def test_a_dishonest_driver_is_caught(
    driver: type[HonestProvider], case: str, arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each defect fails the case that is there to find it."""
    test = getattr(Suite(), case)
    if "caplog" in test.__code__.co_varnames:
        arguments = {**arguments, "caplog": caplog}
    with pytest.raises((AssertionError, ConnectionError, KeyError)):
        test(harness=ShelfHarness(driver), **arguments)


class TestWhatIsImpossible:
    """Cases of an ability that was declared impossible are not generated; others fail until they are written."""

    def test_a_declared_ability_is_not_asked_for(self) -> None:
        """The cases that need it are gone; the others are not."""

        class Voiceless(ProviderConformance):
            impossible: ClassVar = {"stage": "no labels"}

        assert vars(Voiceless)["test_stage_is_followed"] is None
        assert "test_empty_is_a_value" not in vars(Voiceless)
        assert callable(ProviderConformance.test_stage_is_followed)

    def test_without_any_fault_there_are_no_cases_of_faults(self) -> None:
        """The cases that run once for each fault go with the last fault."""
        four: dict[str, str] = {"deny": "local", "throttle": "local", "hang": "local", "down": "local", "wire": "local"}

        class OneFault(ProviderConformance):
            impossible: ClassVar = four

        class NoFault(ProviderConformance):
            impossible: ClassVar = {**four, "break_response": "local"}

        assert "test_fault_does_not_show_the_secret" not in vars(OneFault)
        assert vars(NoFault)["test_fault_does_not_show_the_secret"] is None

    @pytest.mark.parametrize("impossible", [{"stages": "misspelled"}, {"stage": ""}])
    def test_a_declaration_is_checked(self, impossible: dict[str, str]) -> None:
        """A word that is no ability, or one without a reason, is an error of the test class."""
        with pytest.raises(TypeError, match="stage"):
            type("Careless", (ProviderConformance,), {"impossible": impossible})

    def test_only_possible_faults_are_run(self, pytester: pytest.Pytester) -> None:
        """pytest generates a case for each fault that is possible, and skips nothing."""
        pytester.makepyfile(
            """
            import pytest
            from secretsource.testing import ProviderConformance

            class TestPartly(ProviderConformance):
                impossible = {"deny": "no", "throttle": "no", "hang": "no", "heal": "no", "wire": "no"}
            """
        )
        result = pytester.runpytest_inprocess("--collect-only", *QUIET)
        lines = [line.partition("::")[2] for line in result.outlines if "[" in line]
        assert lines == [
            f"TestPartly::test_fault_does_not_show_the_secret[{fault}]" for fault in ("break_response", "down")
        ]

    def test_an_ability_that_is_neither_written_nor_declared_fails(self) -> None:
        """A harness that is silent about an ability says what to do."""

        class Silent(ProviderHarness):
            def __init__(self) -> None:
                self.provider = HonestProvider(Shelf())

            def put(self, name: str, value: str | bytes) -> None:
                """Nothing is stored."""

        silent = Silent()
        silent.rotate(NAME, "value")
        calls: list[tuple[str, list[str]]] = [
            ("delete", [NAME]),
            ("older_stage", [NAME]),
            ("deny", []),
            ("deny_one", [NAME]),
            ("deny_write", []),
            ("throttle", []),
            ("hang", []),
            ("break_response", ["planted"]),
            ("down", []),
            ("heal", []),
            ("behind", ["http://127.0.0.1:9"]),
        ]
        for method, arguments in calls:
            with pytest.raises(NotImplementedError, match=r"Silent has no way to cause .* or declare '.*' in"):
                getattr(silent, method)(*arguments)

    def test_a_name_that_the_provider_cannot_hold(self) -> None:
        """A harness whose provider refuses the suite's names is told to say where they are."""

        class Choosy(HonestProvider):
            def locate(self, name: str) -> SecretRef | NotFound:
                return NotFound("not this one")

        with pytest.raises(TypeError, match=r"override ProviderHarness\.ref"):
            ShelfHarness(Choosy).ref(NAME)

    def test_a_class_without_a_harness(self, pytester: pytest.Pytester) -> None:
        """A test class that forgot the fixture says so."""
        pytester.makepyfile(
            """
            from secretsource.testing import ProviderConformance

            class TestForgotten(ProviderConformance):
                pass
            """
        )
        result = pytester.runpytest_inprocess(*QUIET, "-k", "closed_twice")
        result.assert_outcomes(errors=2, deselected=result.parseoutcomes()["deselected"])
        result.stdout.fnmatch_lines(["*override the fixture `harness`*"])


class TestFields:
    """Services that keep fields are compared by the field that a reference is completed with."""

    def test_the_default_field_is_the_value(self) -> None:
        """A mapping passes when the completed reference names the field."""

        class Fields(HonestProvider):
            def complete(self, ref: SecretRef) -> SecretRef:
                return ref._replace(field="value")

            def look(self, ref: SecretRef) -> Outcome:
                outcome = super().look(ref)
                return Found({"value": outcome.value}) if isinstance(outcome, Found) else outcome

        Suite().test_text_is_given_as_stored(ShelfHarness(Fields))
        Suite().test_batch_agrees_with_fetch(ShelfHarness(Fields))
