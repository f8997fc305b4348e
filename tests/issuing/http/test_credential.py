"""Step 0: which text of a request is the key."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from secretsource.exceptions import ConfigurationError
from secretsource.issuing import Reason, Rejected, credential
from secretsource.issuing._http.credential import Places
from secretsource.issuing._http.places import LONGEST_READ, Place

KEY = "sk_live_key"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer {KEY}"},
        {"AUTHORIZATION": f"BEARER   {KEY} "},
        {"X-API-Key": KEY},
        {"x-api-key": f" {KEY}\t"},
        [(b"authorization", b"Bearer " + KEY.encode())],
        [(b"X-Api-Key", KEY.encode())],
        [("Accept", "*/*"), ("x-api-key", KEY)],
    ],
    ids=str,
)
def test_one_key_is_taken(headers: Any) -> None:
    """From either header, in any case, with space around it, as text and as bytes."""
    assert credential(headers) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        {},
        [],
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"X-API-Key": ""},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer{KEY}"},
        {"Authorization": KEY},
        {"Cookie": KEY, "X-API-Key-2": KEY, "Proxy-Authorization": f"Bearer {KEY}"},
        [(b":path", b"/?api_key=" + KEY.encode()), (b"referer", b"https://x/?access_token=" + KEY.encode())],
    ],
    ids=str,
)
def test_what_is_no_key_is_none(headers: Any) -> None:
    """Nothing, an empty header, another scheme, and every place that a key does not belong to."""
    assert credential(headers) is None


def test_another_scheme_leaves_the_other_header_alone() -> None:
    """A proxy may want an Authorization of its own, however long it is."""
    assert credential({"Authorization": "Negotiate " + "A" * 8000, "X-API-Key": KEY}) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {KEY}"), ("X-API-Key", KEY)],
        [("X-API-Key", KEY), ("x-api-key", KEY), ("X-API-KEY", "")],
        [(b"authorization", b"Bearer " + KEY.encode()), (b"authorization", b"bearer  " + KEY.encode())],
        [("X-API-Key", ""), ("Authorization", f"Bearer {KEY}")],
    ],
    ids=str,
)
def test_the_same_key_twice_is_one_key(headers: Any) -> None:
    """Two headers, or one header twice, with the same key, or with nothing in one of them."""
    assert credential(headers) == KEY


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {KEY}"), ("X-API-Key", "other")],
        [("X-API-Key", "other"), ("Authorization", f"Bearer {KEY}")],
        [("Authorization", f"Bearer {KEY}"), ("Authorization", "Bearer other")],
        [(b"x-api-key", KEY.encode()), ("X-API-Key", "other")],
        [("X-API-Key", KEY), ("X-API-Key", KEY.upper())],
    ],
    ids=str,
)
def test_two_different_keys_are_ambiguous(headers: Any) -> None:
    """Nobody guesses which of them was meant."""
    rejected = credential(headers)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is Reason.AMBIGUOUS
    assert rejected.answer.status == 400


def test_512_characters_are_taken_and_513_are_not() -> None:
    """The longest credential is the longest that a check reads."""
    assert credential({"X-API-Key": "k" * 512}) == "k" * 512
    assert credential({"Authorization": "Bearer " + "k" * 512}) == "k" * 512
    for headers in ({"X-API-Key": "k" * 513}, {"Authorization": "Bearer " + "k" * 513}, {"X-API-Key": "k" * 10**7}):
        rejected = credential(headers)
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.MALFORMED


def test_what_is_too_long_is_not_read() -> None:
    """It is refused for its length, of which no more than 4096 bytes are looked at."""

    class Unreadable(bytes):
        def decode(self, *_: Any, **__: Any) -> str:
            raise AssertionError("all of it was read")

    for length in (513, 4096, 10**6):
        rejected = credential([(b"x-api-key", Unreadable(b"k" * length))])
        assert isinstance(rejected, Rejected)
        assert rejected.reason is Reason.MALFORMED


def test_any_byte_is_text() -> None:
    """A header may hold what is no UTF-8; it is no key, and no crash."""
    assert credential([(b"x-api-key", b"\xff\x00")]) == "\xff\x00"


KEYS = ["one", "two", "schlüssel", "ключ"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_key_beyond_ascii_is_read_as_it_was_written(key: str, encoding: str) -> None:
    """Clients send UTF-8 or Latin-1; servers hand it out as bytes (ASGI) or as text in Latin-1 (WSGI)."""
    try:
        sent = key.encode(encoding)
    except UnicodeEncodeError:
        return
    assert credential([(b"x-api-key", sent)]) == key
    assert credential({"X-API-Key": sent.decode("latin-1")}) == key
    assert credential({"X-API-Key": key}) == key


def basic(user: str, password: str) -> str:
    """A value of the scheme Basic."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("place", "headers"),
    [
        ("Authorization: Api-Key", {"Authorization": f"Api-Key {KEY}"}),
        ("Authorization: Token", {"Authorization": f"token  {KEY}"}),
        ("Authorization: Basic user", {"Authorization": basic(KEY, "")}),
        ("Authorization: Basic user", {"Authorization": basic(KEY, "x:y")}),
        ("Authorization: Basic password", {"Authorization": basic("api", KEY)}),
        ("apikey", {"apikey": KEY}),
        ("X-Acme-Key", [(b"x-acme-key", KEY.encode())]),
        ("X-Acme: Key", {"x-acme": f"key {KEY}"}),
        ("Sec-WebSocket-Protocol: bearer", {"Sec-WebSocket-Protocol": f"graphql-ws, bearer, {KEY}"}),
        ("Sec-WebSocket-Protocol: bearer", [(b"sec-websocket-protocol", f"Bearer,{KEY},chat".encode())]),
    ],
)
def test_the_adopter_says_where_the_key_is(place: str, headers: Any) -> None:
    """There, and nowhere else."""
    assert credential(headers, [place]) == KEY
    assert credential(headers, ["X-Other", place]) == KEY
    assert credential(headers, ["X-Other"]) is None
    assert credential({"X-API-Key": KEY, "Authorization": f"Bearer {KEY}"}, [place]) is None


def test_a_pair_of_old_clients_is_latin_1() -> None:
    """Where its bytes are no UTF-8; a key of another system may hold such characters (RFC 7617, 2.1)."""
    for encoding in ("utf-8", "latin-1"):
        sent = b64encode("api:clé-of-old".encode(encoding)).decode()
        assert credential({"Authorization": f"Basic {sent}"}, ["Authorization: Basic password"]) == "clé-of-old"


@pytest.mark.parametrize(
    "sent",
    ["Basic", "Basic ", "Basic !!!", "Basic " + b64encode(b"no colon").decode(), "Basic a", f"Basic {KEY}"],
)
def test_what_is_no_pair_holds_no_key(sent: str) -> None:
    """It is somebody else's."""
    assert credential({"Authorization": sent}, ["Authorization: Basic password"]) is None


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("", "must be headers"),
        ("X API Key", "must be headers"),
        ("X-Key: A b", "must be headers"),
        ("?api_key", "must be headers"),
        ("X-Key:", "must be headers"),
        (5, "must be headers"),
        ("Cookie", "another header"),
        ("Referer: key", "another header"),
        ("Bearer", "Authorization: Bearer"),
        ("Authorization", "needs a name"),
        ("Sec-WebSocket-Protocol", "needs a name"),
        ("Authorization: Basic", "a user and a password"),
        ("Authorization: Bearer user", "a user and a password"),
    ],
)
def test_a_place_that_cannot_be_is_found_at_the_start(place: Any, says: str) -> None:
    """The sentence says what to write."""
    with pytest.raises(ConfigurationError, match=says):
        Places([place])


@pytest.mark.parametrize("places", ["X-API-Key", []])
def test_places_are_a_list(places: Any) -> None:
    """And there is at least one."""
    with pytest.raises(ConfigurationError, match="credentials must"):
        Places(places)


@pytest.mark.parametrize("other", ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "x" * 600, "a session"])
def test_what_cannot_be_a_key_is_not_ambiguous_beside_one(other: str) -> None:
    """Whichever header holds which; alone, it is a key that is not accepted."""
    for key, user in ((KEY, other), (other, KEY)):
        headers = {"X-API-Key": key, "Authorization": f"Bearer {user}"}
        assert Places().take(headers, KEY.__eq__).key == KEY
    alone = Places().take({"Authorization": f"Bearer {other}"}, KEY.__eq__).key
    assert alone == other or isinstance(alone, Rejected)
    neither = Places().take({"Authorization": "Bearer one", "X-API-Key": "two"}, KEY.__eq__).key
    assert isinstance(neither, Rejected)
    both = Places().take({"Authorization": "Bearer one", "X-API-Key": "two"}, lambda _: True).key
    assert isinstance(both, Rejected)


def test_what_is_taken_says_where_it_was() -> None:
    """For what depends on it; and it shows no key."""
    places = Places(["Authorization: Bearer", "X-API-Key", "Sec-WebSocket-Protocol: bearer"])
    taken = places.take({"x-api-key": KEY, "authorization": f"Bearer {KEY}", "accept": "*/*"})
    assert (taken.key, set(taken.headers), taken.subprotocol) == (KEY, {"X-API-Key", "Authorization"}, None)
    assert places.take({"sec-websocket-protocol": f"bearer, {KEY}"}).subprotocol == "bearer"
    assert KEY not in repr(taken)


def test_a_key_is_taken_out_of_the_headers() -> None:
    """What stands in the same places and is no key stays, and so do the other subprotocols."""
    places = Places(["Authorization: Bearer", "X-API-Key", "Sec-WebSocket-Protocol: bearer"])
    headers = [
        (b"Authorization", b"Bearer user"),
        (b"authorization", b"bearer " + KEY.encode()),
        (b"x-api-key", KEY.encode()),
        (b"sec-websocket-protocol", f"chat, bearer,{KEY}".encode()),
        (b"x-trace", KEY.encode()),
    ]
    assert places.without(headers, KEY.__eq__) == [
        (b"Authorization", b"Bearer user"),
        (b"sec-websocket-protocol", b"chat, bearer"),
        (b"x-trace", KEY.encode()),
    ]
    assert places.without({"X-API-Key": KEY, "Accept": "*/*"}, KEY.__eq__) == [("Accept", "*/*")]


@pytest.mark.parametrize(
    ("place", "opening"),
    [
        (Place("X-API-Key"), ""),
        (Place("Authorization", "bearer"), "bearer "),
        (Place("Authorization", "basic", "password"), None),
        (Place("Sec-WebSocket-Protocol", "api-key"), None),
    ],
)
def test_what_stands_before_a_key(place: Place, opening: str | None) -> None:
    """Nothing, or the scheme; of a pair and a list of subprotocols, the key alone does not say."""
    assert place.opening == opening


@pytest.mark.parametrize("junk", ["*", " ", "\n", "é"])
def test_a_pair_with_any_other_sign_is_none(junk: str) -> None:
    """A reader that passes over it would take another text for the key."""
    pair = b64encode(f"user:{KEY}".encode()).decode()
    places = Places(["Authorization: Basic password"])
    assert places.take({"Authorization": f"Basic {pair}"}, KEY.__eq__).key == KEY
    assert places.take({"Authorization": f"Basic {pair[:4]}{junk}{pair[4:]}"}, KEY.__eq__).key != KEY


def test_as_much_of_a_header_is_read_as_the_longest_key_needs() -> None:
    """4,096 characters."""
    assert LONGEST_READ == 4096
