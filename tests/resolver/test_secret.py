"""`Secret` is a `str` that does not travel by accident."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from secretsource import Secret, SecretSet
from secretsource._secret import Origin
from secretsource.exceptions import ProviderResponseError
from secretsource.providers.base import Found, SecretRef

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary-91f3"


def secret(value: str | bytes = CANARY, **origin: Any) -> Secret:
    """A secret with an origin, parts of which a test may choose."""
    whole: dict[str, Any] = {
        "name": "KEY", "fields": (), "ref": SecretRef("aws", "key"), "version": "7", "fetched": 0.0, "expires": None,
        "served": "live",
    }  # fmt: skip
    return Secret(value, Origin(**{**whole, **origin}))


def test_it_is_a_str() -> None:
    """It equals, hashes, formats and encodes as its text."""
    one = secret()
    assert isinstance(one, str)
    assert (one, hash(one), f"{one}", "".join([one]), one.encode()) == (
        CANARY,
        hash(CANARY),
        CANARY,
        CANARY,
        b"canary-91f3",
    )
    assert json.dumps({"k": one}) == f'{{"k": "{CANARY}"}}'
    assert type(one + "x") is str


def test_repr_masks() -> None:
    """Its repr tells where it is from; so do containers of it."""
    assert repr(secret()) == "Secret('KEY', provider='aws', version='7', served='live')"
    assert CANARY not in repr([secret(), {"k": secret()}, SecretSet([secret()])])
    assert CANARY not in f"{secret()!r}"


def test_its_origin() -> None:
    """Instants are aware UTC."""
    one = secret(expires=60.0)
    assert (one.name, one.provider, one.version, one.served) == ("KEY", "aws", "7", "live")
    assert one.fetched_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert one.expires_at == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert secret().expires_at is None


@pytest.mark.parametrize(
    ("expires", "year"), [(1e30, 9999), (float("inf"), 9999), (float("-inf"), 1970), (float("nan"), 1970)]
)
def test_an_end_that_is_no_date(expires: float, year: int) -> None:
    """An end that a service or a driver gives beyond all dates is the last or the first of them."""
    ends = secret(expires=expires).expires_at
    assert ends is not None
    assert ends.year == year


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("thing", [secret(), SecretSet([secret()]), {"k": secret()}, Found(CANARY)], ids=repr)
def test_not_pickled(thing: Any, protocol: int) -> None:
    """Neither alone nor inside of something."""
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(thing, protocol)
    assert CANARY not in str(caught.value)


def test_copies_are_itself() -> None:
    """Also deep inside."""
    one = secret()
    assert copy.copy(one) is one
    assert copy.deepcopy({"k": [one]})["k"][0] is one


@pytest.mark.parametrize("attribute", ["name", "_origin", "_raw", "other"])
def test_immutable(attribute: str) -> None:
    """No attribute is set, or taken away."""
    one = secret()
    with pytest.raises(AttributeError, match="cannot be changed"):
        setattr(one, attribute, "x")
    with pytest.raises(AttributeError, match="cannot be changed"):
        delattr(one, attribute)


def test_as_bytes() -> None:
    """The bytes of a binary one, else those of its text."""
    assert secret(b"\x00\xff").as_bytes() == b"\x00\xff"
    assert secret("ü").as_bytes() == b"\xc3\xbc"


def test_as_base64() -> None:
    """The same bytes as text."""
    assert secret(b"\x00\xff").as_base64() == "AP8="
    assert secret("ü").as_base64() == "w7w="


@pytest.mark.parametrize(
    "use",
    [str, format, str.encode, lambda one: one.encode("latin-1"), lambda one: f"Bearer {one}"],
    ids=["str", "format", "C encode", "encode", "f-string"],
)
def test_a_binary_one_is_no_text(use: Callable[[Secret], object]) -> None:
    """What takes it for text fails, and the sentence says what to use; the bytes are nowhere in the error."""
    with pytest.raises((ProviderResponseError, UnicodeEncodeError)) as caught:
        use(secret(b"\xff" + CANARY.encode()))
    assert CANARY not in repr(caught.value) + repr(getattr(caught.value, "object", ""))
    assert isinstance(caught.value, UnicodeEncodeError) or "as_bytes()" in str(caught.value)


def test_a_binary_one_that_slips_into_text() -> None:
    """Where Python asks no method, what comes of it cannot be sent or written."""
    for text in ("Bearer " + secret(b"\xff"), "".join([secret(b"\xff")])):
        with pytest.raises(UnicodeEncodeError):
            text.encode()


def test_binary_ones_are_equal_by_their_bytes() -> None:
    """Another secret is equal if its bytes are; a text never is, also not the one that stands in for all of them."""
    one, same, other = secret(b"\xff1"), secret(b"\xff1", version="8"), secret(b"\xff2")
    assert (one == same, one != same, hash(one) == hash(same)) == (True, False, True)
    assert (one == other, one != other, len({one, same, other})) == (False, True, 2)
    for text in (str.__str__(one), secret(str.__str__(one)), "", b"\xff1"):
        assert (one == text, text == one, one != text, text != one) == (False, False, True, True)


def test_as_json() -> None:
    """The parsed document, of text or bytes."""
    assert secret('{"a": [1]}').as_json() == {"a": [1]}
    assert secret(b'{"a": [1]}').as_json() == {"a": [1]}


@pytest.mark.parametrize(
    ("value", "method"),
    [
        (CANARY, "as_json"),
        ('{"k": "canary-91f3"', "as_json"),
        (b"\xff canary-91f3", "as_json"),
        ("[" * 100_000 + CANARY, "as_json"),
        (f'{{"k": "{CANARY}", "k": "other"}}', "as_json"),
        ("canary-91f3 \ud800", "as_bytes"),
    ],
    ids=["text", "broken", "not UTF-8", "too deep", "several values", "half a pair"],
)
def test_what_it_is_not(value: str | bytes, method: str) -> None:
    """The error names the secret, and neither it nor anything behind it shows the value."""
    one = secret(value)
    with pytest.raises(ProviderResponseError, match="secret 'KEY' from provider 'aws' is not") as caught:
        getattr(one, method)()
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)
    frames = caught.value.__traceback__
    assert frames is not None
    ours = traceback.TracebackException(type(caught.value), caught.value, frames.tb_next, capture_locals=True)
    assert "secret.py" in "".join(ours.format())
    assert CANARY not in "".join(ours.format())


def test_a_set() -> None:
    """Newest first, with words for both."""
    one = SecretSet([secret("new"), secret("old")])
    assert (one.current, one.previous, len(one)) == ("new", "old", 2)
    assert SecretSet([secret("new")]).previous is None
    assert copy.copy(one) == one


def test_rich_masks() -> None:
    """rich prints a str as it is, unless it is told what to print; so do tracebacks that show locals with it."""
    from io import StringIO

    from rich.console import Console
    from rich.pretty import pretty_repr
    from rich.traceback import Traceback

    def fail() -> None:
        one, many = secret(LONG), SecretSet([secret(LONG), secret(LONG)])
        raise ValueError(one.name, many[0].name)

    shown = pretty_repr([secret(LONG), SecretSet([secret(LONG)])], max_string=20)
    assert shown.count("Secret('KEY', provider='aws', version='7', served='live')") == 2
    out = StringIO()
    try:
        fail()
    except ValueError:
        Console(file=out, width=200).print(Traceback(show_locals=True))
    assert CANARY not in shown + out.getvalue()
    assert "one = Secret('KEY'" in out.getvalue()


LONG = CANARY + "x" * 200


class TestJson:
    """A secret that is a document."""

    def test_numbers(self) -> None:
        """Whole numbers of any length are ints, all others floats."""
        digits = "9" * 5000
        document = secret('{"n": 12, "f": 1.5, "long": ' + digits + "}").as_json()
        assert (document["n"], document["f"], document["long"] % 1000, type(document["long"])) == (12, 1.5, 999, int)

    def test_a_byte_order_mark(self) -> None:
        """One is taken off, from text and from bytes."""
        assert secret('\ufeff{"a": 1}').as_json() == secret('\ufeff{"a": 1}'.encode()).as_json() == {"a": 1}

    @pytest.mark.parametrize("value", [LONG, '{"a": NaN}', "[" * 100_000 + CANARY, b"\xff" + CANARY.encode()])
    def test_what_is_not_json(self, value: str | bytes) -> None:
        """The error names the secret; no frame that it came through still has the value."""
        with pytest.raises(ProviderResponseError, match="'KEY' from provider 'aws' is not a JSON document") as caught:
            secret(value).as_json()
        frames = [frame for frame, _ in traceback.walk_tb(caught.tb) if frame.f_code.co_name != "test_what_is_not_json"]
        held = [local for frame in frames for local in frame.f_locals.values()]
        assert frames
        assert not [local for local in held if isinstance(local, (str, bytes)) and CANARY in str(local)]
        assert caught.value.__context__ is None
