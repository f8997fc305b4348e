"""Text to `SecretRef` and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretsource.exceptions import InvalidReference
from secretsource.providers.base import SecretRef
from secretsource.providers.reference import (
    MAX_NAME,
    MAX_REFERENCE,
    format_reference,
    is_pointer,
    literal,
    parse_reference,
)

CANARY = "s3cr3t"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("NAME", SecretRef("", "NAME")),
        ("payments/stripe", SecretRef("", "payments/stripe")),
        ("payments/stripe#secret_key", SecretRef("", "payments/stripe", "secret_key")),
        ("NAME#/a/0?stage=x", SecretRef("", "NAME", "/a/0", stage="x")),
        ("aws://a/b", SecretRef("aws", "a/b")),
        ("ref+aws://a/b", SecretRef("aws", "a/b")),
        ("ref+x", SecretRef("", "ref+x")),
        ("aws://a#f?version=1&stage=s&z=1&a=2", SecretRef("aws", "a", "f", "1", "s", (("a", "2"), ("z", "1")))),
        ("aws://a?stage=s#f", SecretRef("aws", "a", "f", stage="s")),
        ("aws-eu_2://arn:aws:x:y", SecretRef("aws-eu_2", "arn:aws:x:y")),
        ("file:///run/secrets/x", SecretRef("file", "/run/secrets/x")),
        ("aws://a%23b%3Fc%26d%25e%20f#g%23h", SecretRef("aws", "a#b?c&d%e f", "g#h")),
        ("a%3A//b", SecretRef("", "a://b")),
        ("Schl%C3%BCssel", SecretRef("", "Schlüssel")),
        ("aws://a?", SecretRef("aws", "a")),
        ("aws://a?k=b=c", SecretRef("aws", "a", options=(("k", "b=c"),))),
    ],
)
def test_parsed(text: str, ref: SecretRef) -> None:
    """Each form, and it comes back after being written."""
    assert parse_reference(text) == ref
    assert parse_reference(format_reference(ref)) == ref


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "a str, not NoneType"),
        (3, "a str, not int"),
        (b"x", "a str, not bytes"),
        ("", "must not be empty"),
        (f"{CANARY} x", "character 7 of the secret name is a space"),
        (f"{CANARY}\n", "character 7"),
        (f"{CANARY}\0", "character 7"),
        (f"{CANARY}\udc80", "character 7"),
        (f"{CANARY}\u00a0", "character 7"),
        (CANARY * 100, f"has 600 characters: at most {MAX_NAME}"),
        (f"aws://{CANARY * 1000}", f"has 6006 characters: at most {MAX_REFERENCE}"),
        (f"://{CANARY}", "must start with a provider name"),
        (f"AWS{CANARY}://x", "must start with a provider name"),
        (f"{CANARY}/x://y", "must start with a provider name"),
        ("aws://", "must have a location"),
        ("aws:///", "must have a location"),
        (f"#{CANARY}", "must have a location"),
        (f"?stage={CANARY}", "must have a location"),
        (f"{CANARY}#", "ends in '#' without a field"),
        (f"{CANARY}#?stage=a", "ends in '#' without a field"),
        (f"{CANARY}?stage=a#", "ends in '#' without a field"),
        (f"a?{CANARY}", "must have the form key=value"),
        (f"a?={CANARY}", "must have the form key=value"),
        (f"a?{CANARY}=", "must have the form key=value"),
        (f"a?k={CANARY}&k=2", "must give each option once"),
        (f"a?k={CANARY}&%6B=2", "must give each option once"),
        (f"{CANARY}%00", "must be printable UTF-8"),
        (f"{CANARY}%ff", "must be printable UTF-8"),
        (f"{CANARY}#%0A", "must be printable UTF-8"),
        (f"{CANARY}?k=%0A", "must be printable UTF-8"),
    ],
)
def test_malformed(text: Any, message: str) -> None:
    """Each is refused, with what is wrong and where, and without the text."""
    with pytest.raises(InvalidReference, match=message) as caught:
        parse_reference(text)
    assert CANARY not in str(caught.value)
    assert isinstance(caught.value, ValueError)


printable = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" %#?&=/:"), min_size=1, max_size=30
).filter(lambda text: text.isprintable() and "\ufffd" not in text)
locations = printable.filter(lambda text: text.strip("/"))
schemes = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=8)
options = st.dictionaries(printable.filter(lambda key: key not in ("version", "stage")), printable, max_size=3)


@given(
    provider=st.one_of(st.just(""), schemes),
    location=locations,
    field=st.none() | printable,
    version=st.none() | printable,
    stage=st.none() | printable,
    others=options,
)
def test_there_and_back(
    provider: str,
    location: str,
    field: str | None,
    version: str | None,
    stage: str | None,
    others: dict[str, str],
) -> None:
    """Whatever is written is read back as the same reference."""
    ref = SecretRef(provider, location, field, version, stage, tuple(sorted(others.items())))
    assert parse_reference(format_reference(ref)) == ref
    if provider:
        assert parse_reference("ref+" + format_reference(ref)) == ref


@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    """Any text is either read, and then can be written, or refused; nothing else is raised."""
    try:
        ref = parse_reference(text)
    except InvalidReference:
        return
    assert parse_reference(format_reference(ref)) == ref


def test_parts_of_a_reference() -> None:
    """The document of a reference is what is fetched and kept; options are looked up by key."""
    ref = SecretRef("aws", "a", "f", options=(("k", "v"),))
    assert ref.document == ref._replace(field=None)
    assert ref.document.document == ref.document
    assert (ref.option("k"), ref.option("x")) == ("v", None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("ref+ref+aws://x", "ref+aws://x"),
        ("ref+secretref+aws://x", "secretref+aws://x"),
        ("ref+aws://x", None),
        ("secretref+aws://x", None),
        (" ref+aws://x", None),
        ("'ref+aws://x'", None),
        ('"ref+aws-ssm://x"', None),
        ("\ufeff\r\nref+aws://x", None),
        ("Ref+aws://x", None),
        ("SECRETREF+AWS://x", None),
        ("ref+ ref+aws://x", " ref+aws://x"),
        ("ref+REF+aws://x", "REF+aws://x"),
        ("x", None),
        ("", None),
        (b"ref+ref+x", None),
    ],
)
def test_a_value_that_really_begins_with_a_mark(value: object, text: str | None) -> None:
    """It is written with one mark more, which is taken off."""
    assert literal(value) == text
    assert is_pointer(value) == (text is None and isinstance(value, str) and len(value) > 1)


@pytest.mark.parametrize(
    "value", ["Reference", " ref+abc", "'ref+'", "Ref+a b://x", "R", " ", "Sref+aws://x", "'x ref+aws://"]
)
def test_a_value_that_only_resembles_a_pointer(value: str) -> None:
    """A blank, a quote or a capital makes no pointer of a value without a provider behind the mark."""
    assert not is_pointer(value)
    assert literal(f"ref+{value}") is None


def test_the_longest_name_and_reference() -> None:
    """512 and 4,096 characters are taken, and one more is not."""
    assert parse_reference("a" * 512).location == "a" * 512
    assert len(parse_reference("aws://" + "a" * 4090).location) == 4090
    for text in ("a" * 513, "a-" * 256 + "b", "aws://" + "a" * 4091):
        with pytest.raises(InvalidReference):
            parse_reference(text)


def test_a_name_with_a_field_may_be_as_long_as_a_name() -> None:
    """And no longer; the path of a reference may."""
    ref = parse_reference("x" * MAX_NAME + "#field")
    assert (len(ref.location), ref.field) == (MAX_NAME, "field")
    with pytest.raises(InvalidReference, match=f"the secret name has {MAX_NAME + 1} characters"):
        parse_reference("x" * (MAX_NAME + 1) + "#field")
    assert len(parse_reference("env://" + "x" * (MAX_NAME + 1)).location) == MAX_NAME + 1
