"""The request that a gateway asks about: one gateway, one request, whatever its client sends along."""

from __future__ import annotations

import pytest

from secretsource.server.gateway.originals import Original, has_several_keys, read_original
from secretsource.server.gateway.routes import Misfit

CHECK = b"/v1/forward-auth"
FORWARDED = [(b"x-forwarded-method", b"POST"), (b"x-forwarded-uri", b"/orders/7?a=1")]
ORIGINAL = [(b"x-original-method", b"POST"), (b"x-original-uri", b"/orders/7?b=/admin")]


@pytest.mark.parametrize(
    ("method", "raw_path", "headers"),
    [
        ("GET", CHECK, FORWARDED),
        ("GET", CHECK, ORIGINAL),
        ("POST", CHECK + b"/orders/7", []),
        ("POST", b"/inner" + CHECK + b"/orders/7", []),
        ("POST", CHECK + b"/orders/7", [*FORWARDED, *ORIGINAL]),
        ("GET", CHECK, [*FORWARDED, *FORWARDED]),
        ("GET", None, FORWARDED),
    ],
)
def test_each_gateway_says_it_in_its_way(
    method: str, raw_path: bytes | None, headers: list[tuple[bytes, bytes]]
) -> None:
    """Ways that agree are one; the query is dropped."""
    assert read_original(method, raw_path, headers, dict(headers)) == Original("POST", "/orders/7", b"")


@pytest.mark.parametrize(
    ("raw_path", "headers"),
    [
        (CHECK, [*FORWARDED, (b"x-original-method", b"GET"), (b"x-original-uri", b"/open")]),
        (CHECK, [*FORWARDED, (b"x-forwarded-uri", b"/open")]),
        (CHECK, [*ORIGINAL, (b"x-forwarded-method", b"POST")]),
        (CHECK + b"/open", FORWARDED),
        (CHECK + b"/", FORWARDED),
        *((CHECK, [*FORWARDED, (name, b"DELETE")]) for name in (b"x-http-method-override", b"x-http-method")),
        *((CHECK, [*FORWARDED, (name, b"/admin")]) for name in (b"x-original-url", b"x-rewrite-url")),
        (CHECK, [*FORWARDED, (b"x-method-override", b"DELETE")]),
        *((CHECK, [*FORWARDED, (name, b"DELETE")]) for name in (b"x_http_method_override", b"x-http_method-override")),
        *((CHECK, [*FORWARDED, (name, b"/admin")]) for name in (b"x_original_url", b"x-rewrite_url")),
    ],
)
def test_two_requests_in_one_question_are_refused(raw_path: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """A client that adds the other gateway's headers gains nothing, nor by a header that frameworks go by."""
    assert read_original("POST", raw_path, headers, dict(headers)) is Misfit.AMBIGUOUS_REQUEST


@pytest.mark.parametrize(
    "headers", [[], FORWARDED[:1], FORWARDED[1:], [(b"x-forwarded-uri", b""), (b"x-forwarded-method", b"GET")]]
)
def test_half_a_request_is_none(headers: list[tuple[bytes, bytes]]) -> None:
    """A method without a path, and a path without a method."""
    assert read_original("GET", CHECK, headers, dict(headers)) is Misfit.UNKNOWN_REQUEST


@pytest.mark.parametrize("raw_path", [b"/v1/forward%2dauth/admin", b"/v1/%66orward-auth", b"/v1//forward-auth/admin"])
def test_a_check_that_is_spelt_otherwise_is_refused(raw_path: bytes) -> None:
    """A path behind it would be overlooked otherwise, and the headers of the client believed."""
    assert read_original("POST", raw_path, FORWARDED, dict(FORWARDED)) is Misfit.AMBIGUOUS_PATH


def test_the_addresses_of_all_lines_are_kept() -> None:
    """In their order, as one list."""
    passed = [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-for", b"10.0.0.2, 10.0.0.3")]
    headers = [*FORWARDED, *passed]
    assert read_original("GET", CHECK, headers, dict(headers)) == Original(
        "POST", "/orders/7", b"192.0.2.1,10.0.0.2, 10.0.0.3"
    )


@pytest.mark.parametrize(
    ("headers", "several"),
    [
        ([(b"authorization", b"Bearer a")], False),
        ([(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")], False),
        ([(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")], True),
        ([(b"authorization", b"Bearer a,Bearer b")], True),
        ([(b"authorization", b"bearer a, Basic b")], True),
        ([(b"x-api-key", b"a,b")], True),
        ([(b"x-api-key", b"a"), (b"x-api-key", b"b")], True),
        ([(b"x-api-key", b"a"), (b"authorization", b"Basic b")], False),
        ([(b"authorization", b'Digest a="b", c="d"'), (b"x-api-key", b"a")], False),
        ([(b"accept", b"a, b"), (b"accept", b"c")], False),
    ],
)
def test_several_keys_in_one_header_are_seen(headers: list[tuple[bytes, bytes]], several: bool) -> None:
    """On several lines, or joined by a comma; credentials of another scheme are none of ours."""
    assert has_several_keys(headers, dict(headers), {b"authorization", b"x-api-key"}, {b"bearer"}) is several
