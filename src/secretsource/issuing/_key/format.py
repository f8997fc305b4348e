"""The text of an API key, grammar version 1: its form, and whether a text has that form. Pure.

``{prefix}_{environment}_{locator:22}{secret:32}ss1{crc:6}``, for example 71 characters that start with ``sk_live_``.
The last 63 characters have fixed places. ``_`` is the only separator, because it survives a double click.
"""

# pure: decides from its arguments; no clock, no I/O, no await

from __future__ import annotations

import re
from zlib import crc32

from secretsource._ground.key_text import ENVIRONMENT, LONGEST_WORD, PREFIX, TAIL, is_key_id, quote, written
from secretsource._ground.namedtuple import NamedTuple
from secretsource._traceless import traceless
from secretsource.exceptions import ConfigurationError, InvalidRequest
from secretsource.issuing._key import base62 as _base62
from secretsource.issuing._verdict import Reason, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_CREDENTIAL = 512
"""Characters above which a credential is rejected unread."""

LOCATOR_LENGTH = 22
SECRET_LENGTH = 32
MARK = "ss1"
CRC_LENGTH = 6
TAIL_LENGTH = LOCATOR_LENGTH + SECRET_LENGTH + len(MARK) + CRC_LENGTH
_LONGEST = 16 + 1 + 8 + 1 + TAIL_LENGTH
_LOCATOR = slice(-TAIL_LENGTH, LOCATOR_LENGTH - TAIL_LENGTH)
_BODY, _CRC = slice(-CRC_LENGTH), slice(-CRC_LENGTH, None)
_LAST_LOCATOR = _base62.encode(2**128 - 1, LOCATOR_LENGTH)

_IS_PREFIX = re.compile(PREFIX)
_IS_ENVIRONMENT = re.compile(ENVIRONMENT)

_ESCAPE = "|".join(
    (
        r"\\x[0-9A-Fa-f]{2}",
        r"\\u[0-9A-Fa-f]{4}",
        r"\\[0-7]{3}",
        r"\\[bfnrt]",
        "%[0-9A-Fa-f]{2}",
        "=[0-9A-F]{2}",
        r"\[[0-9;]*m",
    )
)
"""Escapes of JSON, C, addresses, mails and terminals; each ends with a letter or a digit, and a key may follow it."""

_MALFORMED = Rejected(Reason.MALFORMED)
_BAD_CHECKSUM = Rejected(Reason.BAD_CHECKSUM)


class ParsedKey(NamedTuple):
    """A text with the grammar and checksum of a key; that does not prove that we made it.

    Attributes:
        prefix: 1 to 16 characters of ``a-z0-9``, a letter first.
        environment: 2 to 8 characters of ``a-z``.
        locator: 22 characters of ``0-9A-Za-z``, below 2**128 as a number.
    """

    prefix: str
    environment: str
    locator: str


class GithubPattern(NamedTuple):
    """A custom pattern for GitHub secret scanning, field by field as its form asks for it."""

    name: str
    secret_format: str
    before_secret: str
    after_secret: str


class ScannerRules(NamedTuple):
    """The rules by which secret scanners find keys of this format.

    Attributes:
        gitleaks: A ``.gitleaks.toml`` of one rule, which leaves the scanner's own rules on (``useDefault``).
        github: A custom pattern for GitHub secret scanning.
    """

    gitleaks: str
    github: GithubPattern


class KeyFormat:
    """Grammar version 1 of an API key: 68 to 89 characters of ``0-9A-Za-z`` and ``_``.

    Args:
        prefixes: The kinds of key to allow, each 1 to 16 characters of ``a-z0-9`` with a letter first; empty for any.
        environments: The environments to allow, each 2 to 8 characters of ``a-z``; empty for any.

    Raises:
        ConfigurationError: A prefix or an environment has another form.
    """

    __slots__ = ("_match", "environments", "prefixes")

    version = 1

    @traceless
    def __init__(self, *, prefixes: Sequence[str] = (), environments: Sequence[str] = ()) -> None:
        self.prefixes = _listed(prefixes, _IS_PREFIX, "key prefix", "a letter, then up to 15 of a-z and 0-9")
        self.environments = _listed(environments, _IS_ENVIRONMENT, "key environment", "2 to 8 of a-z")
        self._match = re.compile(
            f"{self._front('(', ')')}([0-9A-Za-z]{{22}})[0-9A-Za-z]{{32}}ss1[0-9A-Za-z]{{6}}"
        ).fullmatch

    def mint(self, prefix: str, environment: str, locator: str) -> str:
        """Make a new key around a locator.

        Args:
            prefix: 1 to 16 characters of ``a-z0-9``, a letter first.
            environment: 2 to 8 characters of ``a-z``.
            locator: 22 characters of ``0-9A-Za-z``.

        Returns:
            The whole key, 68 to 89 characters; its 32 secret characters carry 190 bits.

        Raises:
            InvalidRequest: The prefix, the environment or the locator has another form.
        """
        body = f"{prefix}_{environment}_{locator}{_base62.random_text(SECRET_LENGTH)}{MARK}"
        text = body + _crc(body.encode("ascii", "replace"))
        if self._match(text) is not None and locator <= _LAST_LOCATOR:
            return text
        del body, text
        self.check_front(prefix, environment)
        raise InvalidRequest("a key needs a locator of 22 characters of 0-9A-Za-z, below 2**128 as a number")

    def parse(self, text: str) -> ParsedKey | Rejected:
        """Return whether a text is a key by its grammar and its checksum.

        Args:
            text: Any value; over 89 characters it is not read.

        Returns:
            The clear parts, or ``Rejected(MALFORMED)``, or ``Rejected(BAD_CHECKSUM)``.
        """
        located = self.locate(text)
        if isinstance(located, Rejected):
            return located
        prefix, environment = text[: -TAIL_LENGTH - 1].split("_")
        return ParsedKey(prefix, environment, located)

    def locate(self, text: str) -> str | Rejected:
        """Return the locator alone, as `parse` reads it, or why there is no such key; every uncached check calls it."""
        if len(text) > _LONGEST or self._match(text) is None:
            return _MALFORMED
        if text[_CRC] != _base62.encode_crc(crc32(text[_BODY].encode())):
            return _BAD_CHECKSUM
        locator = text[_LOCATOR]
        return _MALFORMED if locator > _LAST_LOCATOR else locator

    @staticmethod
    def display(prefix: str, environment: str, locator: str) -> str:
        """Return the part of a key to show: its clear front and four characters of its locator, 10 to 31 characters.

        Args:
            prefix: 1 to 16 characters of ``a-z0-9``, a letter first.
            environment: 2 to 8 characters of ``a-z``.
            locator: 22 characters of ``0-9A-Za-z``.
        """
        return f"{prefix}_{environment}_{locator[:4]}…"

    def rules(self) -> ScannerRules:
        """Return the rules by which secret scanners find these keys in code and logs."""
        secret = f"{self._front('(?:', ')')}{TAIL}"
        kinds = "-".join(self.prefixes)
        gitleaks = (
            "[extend]\nuseDefault = true\n\n[[rules]]\n"
            f'id = "secretsource-api-key{"-" + kinds if kinds else ""}"\n'
            'description = "An API key issued with secretsource (grammar 1)"\n'
            f"regex = '''(?:\\b|_|{_ESCAPE})({secret})(?:\\b|_)'''\n"
            'keywords = ["ss1"]\n'
        )
        name = f"secretsource API key ({', '.join(self.prefixes)})" if kinds else "secretsource API key"
        return ScannerRules(gitleaks, GithubPattern(name, secret, rf"\A|{_ESCAPE}|[^0-9A-Za-z]", r"\z|[^0-9A-Za-z]"))

    def locator(self, text: object) -> str | None:
        """Return the locator in a whole key, or in a text that is only a locator of 22 characters; else None.

        Args:
            text: Any value.
        """
        if not isinstance(text, str):
            return None
        if len(text) == LOCATOR_LENGTH:
            return text if is_key_id(text) and text <= _LAST_LOCATOR else None
        located = self.locate(text)
        return None if isinstance(located, Rejected) else located

    def check_front(self, prefix: str, environment: str) -> None:
        """Refuse a front that no key made here has.

        Args:
            prefix: 1 to 16 characters of ``a-z0-9``, a letter first.
            environment: 2 to 8 characters of ``a-z``.

        Raises:
            InvalidRequest: Keys made here have other prefixes or environments.
        """
        rest = f"{'0' * (LOCATOR_LENGTH + SECRET_LENGTH)}{MARK}{'0' * CRC_LENGTH}"
        if self._match(f"{written(prefix)}_{written(environment)}_{rest}"):
            return
        raise InvalidRequest(
            f"a key cannot start with {quote(prefix, LONGEST_WORD)} and {quote(environment, LONGEST_WORD)}: "
            f"its prefix is {' or '.join(self.prefixes) or 'a letter and up to 15 of a-z0-9'}, "
            f"its environment {' or '.join(self.environments) or '2 to 8 of a-z'}",
            field="prefix" if self._has_environment(environment) else "environment",
        )

    def _has_environment(self, environment: object) -> bool:
        """Return whether keys made here may be of an environment."""
        if self.environments:
            return environment in self.environments
        return isinstance(environment, str) and _IS_ENVIRONMENT.fullmatch(environment) is not None

    def allows(self, prefix: str, environment: str) -> bool:
        """Return whether a key of this prefix and environment is accepted here, wherever it was issued.

        Args:
            prefix: The prefix of its record.
            environment: The environment of its record.
        """
        return (not self.prefixes or prefix in self.prefixes) and (
            not self.environments or environment in self.environments
        )

    def _front(self, opened: str, closed: str) -> str:
        prefix = "|".join(self.prefixes) or PREFIX
        environment = "|".join(self.environments) or ENVIRONMENT
        return f"{opened}{prefix}{closed}_{opened}{environment}{closed}_"

    def __repr__(self) -> str:
        return f"KeyFormat(prefixes={self.prefixes!r}, environments={self.environments!r})"


def _listed(given: Sequence[str], form: re.Pattern[str], what: str, write: str) -> tuple[str, ...]:
    """Return words that each have a form."""
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise ConfigurationError(f"each {what} must be in a list of texts: write  [...]")
    for word in given:
        if not isinstance(word, str) or not form.fullmatch(word):
            raise ConfigurationError(f"a {what} must be {write}, not {quote(word, LONGEST_WORD)}")
    return tuple(given)


def _crc(body: bytes) -> str:
    return _base62.encode_crc(crc32(body))
