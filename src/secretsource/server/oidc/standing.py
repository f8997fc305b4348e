"""The standing of a person at the service: the rights of an operator, by the claims of the provider. Pure."""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from secretsource.server.oidc.settings import OperatorRule

__all__ = ["Person", "standing"]

LONGEST_NAME = 100


class Person(NamedTuple):
    """An operator that signed in at the provider.

    Attributes:
        subject: The provider's id of the person.
        name: The name for the pages and the events, by which nobody can be taken for another.
        rule: The line of the settings that makes the person an operator.
    """

    subject: str
    name: str
    rule: OperatorRule


def standing(claims: Mapping[str, object], rules: Iterable[OperatorRule], name_claim: str) -> Person | None:
    """Return the operator that some claims make; None for a person that no rule names.

    Args:
        claims: The claims of a verified ID token.
        rules: The rules; the first that matches counts.
        name_claim: The claim with the name.
    """
    subject = str(claims["sub"])
    for rule in rules:
        if _has(claims, rule.claim, rule.value):
            return Person(subject, _name(claims, name_claim, subject), rule)
    return None


def _has(claims: Mapping[str, object], claim: str, value: str) -> bool:
    """Return whether a claim is a text, or has it in its list; an address that was not verified does not count."""
    if claim == "email" and claims.get("email_verified") is not True:
        return False
    found = claims.get(claim)
    return found == value or (isinstance(found, list) and value in found)


def _name(claims: Mapping[str, object], claim: str, subject: str) -> str:
    """Return the name of a person; with its id, unless the provider says that nobody else has the name."""
    name = claims.get(claim)
    shown = _shown(name) if isinstance(name, str) else ""
    if not shown:
        return _shown(subject)
    is_verified = claim == "email" and claims.get("email_verified") is True
    is_its_own = shown == subject or (is_verified and shown == name)  # what is left out may tell two addresses apart
    return shown if is_its_own else f"{shown} ({_shown(subject)})"


def _shown(text: str) -> str:
    return "".join(each for each in text if each.isprintable()).strip()[:LONGEST_NAME]
