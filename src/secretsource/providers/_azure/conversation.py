"""The conversations with a vault: which questions a reference asks, in which order, and the meaning of the answers.

A reference can have a second place, after ``or``: the vault is asked for it if the first place holds no such secret. A
bare name has two places where people and this driver would write it differently.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING

from secretsource.providers._azure.names import is_secret_name, is_version
from secretsource.providers._azure.question import Held, Question, version_before
from secretsource.providers._meaning import told_with_place
from secretsource.providers.base import Failed, FailureCode, NotFound, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from secretsource.providers._azure.question import Answer, Conversation
    from secretsource.providers.base import Outcome

__all__ = ["BEFORE", "CURRENT", "OR", "PREVIOUS", "absent", "conversation", "home", "places", "reference"]

BEFORE, OR = "before", "or"
"""Options of a reference: the version to look before, and the second place."""

CURRENT, PREVIOUS = "current", "previous"
"""The stages that Key Vault has, in our words."""

_THERE = frozenset({FailureCode.DISABLED, FailureCode.DELETED, FailureCode.MALFORMED})
"""Failures of a secret that is there."""


def reference(provider: str, names: Sequence[str]) -> SecretRef:
    """Return the reference to one or two places, in the order in which they are asked."""
    return SecretRef(provider, names[0], options=tuple((OR, name) for name in names[1:2]))


def places(ref: SecretRef) -> tuple[str, ...]:
    """Return the names that the vault is asked for, in order."""
    other = ref.option(OR)
    return (ref.location,) if other is None else (ref.location, other)


def absent(ref: SecretRef, host: str) -> NotFound:
    """Return the absence of a secret from all its places."""
    version = "" if ref.version is None else f"?version={ref.version}"
    there = " and no ".join(f"azure://{name}{version}" for name in places(ref))
    return NotFound(f"there is no {there} in {host}")


def conversation(ref: SecretRef, host: str, ruled: Callable[[Held], Outcome]) -> Conversation:
    """Ask for one version of a secret, at each of its places until one has the secret.

    Args:
        ref: The reference.
        host: The vault, for the reason of a failure.
        ruled: Decides whether a version that was found may be used.
    """
    flaw = _flaw(ref)
    if flaw is not None:
        return flaw
    names = places(ref)
    for name in names:
        outcome = yield from _at(ref, name, ruled)
        if isinstance(outcome, NotFound) and outcome.reason is None:
            continue
        if isinstance(outcome, Failed) and len(names) > 1:
            return told_with_place(outcome, f"azure://{name} in {host}")
        return outcome
    return absent(ref, host)


def home(ref: SecretRef) -> Generator[Question, Answer, str | Failed]:
    """Find the name under which to write: of the place that has the secret, or else of the first one."""
    names = places(ref)
    for name in names if len(names) > 1 else ():
        answer = yield Question("secrets/get", name)
        if isinstance(answer, Failed) and answer.code not in _THERE:
            return answer
        if not isinstance(answer, NotFound):
            return name
    return ref.location


def _flaw(ref: SecretRef) -> NotFound | Failed | None:
    """Return why a reference is not asked for; None if it can be."""
    if not all(map(is_secret_name, places(ref))):
        remedy = "write it with 1 to 127 letters, digits and hyphens"
        return Failed(FailureCode.MISCONFIGURED, "Key Vault allows no such name", remedy)
    if ref.version is not None and not is_version(ref.version):
        return NotFound("a version of Key Vault has 32 hexadecimal digits")
    if ref.stage not in {None, CURRENT, PREVIOUS} or (ref.version is not None and ref.stage is not None):
        return NotFound("Key Vault has only the stages current and previous, and not for a given version")
    return None


def _at(ref: SecretRef, name: str, ruled: Callable[[Held], Outcome]) -> Conversation:
    """Ask at one place; an absence without a reason says that the place has no such secret."""
    version = ref.version
    if ref.stage == PREVIOUS:
        earlier = yield from _before(ref.option(BEFORE), name)
        if not isinstance(earlier, str):
            return earlier
        version = earlier
    answer = yield Question("secrets/get", name, version)
    if isinstance(answer, (NotFound, Failed)):
        return answer
    assert isinstance(answer, Held)
    if ref.option(OR) is not None:
        answer.found.place = SecretRef(ref.provider, name, version=ref.version, stage=ref.stage)
    return ruled(answer)


def _before(current: str | None, name: str) -> Generator[Question, Answer, str | NotFound | Failed]:
    """Find the version before ``current``, or before the one that is current now."""
    if current is None:
        answer = yield Question("secrets/get", name)
        if isinstance(answer, (NotFound, Failed)):
            return answer
        assert isinstance(answer, Held)
        current = answer.found.version
        del answer
    versions = yield Question("secrets/list", name)
    if isinstance(versions, (NotFound, Failed)):
        return versions
    assert isinstance(versions, list)
    return version_before(versions, current) or NotFound("Key Vault keeps no enabled version before the current one")
