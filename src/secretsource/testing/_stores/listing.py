"""The rules for listing the records of a key store; a part of `StoreConformance`."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from secretsource.exceptions import InvalidRequest
from secretsource.stores.base import EventKind, KeyQuery, KeyStore, Status
from secretsource.testing._stores.samples import new, record, told

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["StoreListing"]


FOREIGN_CURSORS = (
    "nonsense", "", " ", "\0", "\ud800", "nan_" + "k" * 22, "inf_" + "k" * 22, "1e999_" + "k" * 22, "5.0_k", "9" * 5000
)  # fmt: skip
"""Cursors that no store has returned."""


class StoreListing:
    """The cases of `KeyStore.list`; their store is the fixture ``store`` of the class that inherits them."""

    def test_list_narrows_by_each_field(self, store: KeyStore) -> None:
        """Each filter works alone and with the others; an instant is the first that does not count."""
        store.insert(
            [
                new(1, owner="a"), new(2, environment="test"), new(3, prefix="pk"), new(4, status=Status.REVOKED),
                new(5, pepper_version="other000"), new(6, expires=500.0), new(7, last_used=900.0),
                new(8, owner="a", prefix="pk"),
            ]
        )  # fmt: skip
        narrowed = {
            (1, 8): KeyQuery(owner="a"), (2,): KeyQuery(environment="test"), (3, 8): KeyQuery(prefix="pk"),
            (4,): KeyQuery(status=Status.REVOKED), (5,): KeyQuery(pepper_version="other000"),
            (6,): KeyQuery(expires_before=501.0), (): KeyQuery(expires_before=500.0),
            (8,): KeyQuery(owner="a", prefix="pk"),
            (1, 2, 3, 4, 5, 6): KeyQuery(unused_since=7.0),
        }  # fmt: skip
        for numbers, query in narrowed.items():
            assert tuple(found.created for found in store.list(query).records) == numbers
            assert store.list(query).next is None

    @pytest.mark.parametrize("status", Status)
    def test_list_by_what_a_status_amounts_to(self, store: KeyStore, status: Status) -> None:
        """A key ends at the exact instant of its expiry or of its overlap's end, and a revoked key stays revoked."""
        ends: list[dict[str, Any]] = [
            {}, {"expires": 700.0}, {"expires": 701.0}, {"overlap_ends": 700.0}, {"overlap_ends": 701.0},
        ]  # fmt: skip
        made = [new(number, status=stored, **end) for number, (stored, end) in enumerate(product(Status, ends))]
        store.insert(made)
        expected = [change.record for change in made if change.record.status_at(700.0) is status]
        assert store.list(KeyQuery(status=status, now=700.0)).records == expected
        assert len(store.list(KeyQuery(status=status)).records) == len(ends)

    def test_list_of_living_keys(self, store: KeyStore) -> None:
        """A key is among them to the exact instant of its end, whatever ends it; also with each other filter."""
        ends: list[dict[str, Any]] = [
            {}, {"expires": 700.0}, {"expires": 701.0}, {"overlap_ends": 700.0}, {"overlap_ends": 701.0},
        ]  # fmt: skip
        made = [new(number, status=stored, **end) for number, (stored, end) in enumerate(product(Status, ends))]
        store.insert(made)
        ended = {Status.REVOKED, Status.EXPIRED}
        living = [change.record for change in made if change.record.status_at(700.0) not in ended]
        assert store.list(KeyQuery(now=700.0, living=True)).records == living
        assert store.list(KeyQuery(now=700.0)).records == [change.record for change in made]
        soon = [found for found in living if found.expires is not None]
        assert soon
        assert store.list(KeyQuery(expires_before=702.0, now=700.0, living=True)).records == soon
        unused = [found for found in living if found.created < 9]
        assert store.list(KeyQuery(unused_since=9.0, now=700.0, living=True)).records == unused

    def test_list_pages_to_the_end(self, store: KeyStore) -> None:
        """Pages have each record once, oldest first and equal instants by ``key_id``, also if the last is just full."""
        numbers = [3, 1, 2, 6, 5, 4]
        store.insert([new(number, created=100.1 + number // 4) for number in numbers])
        for limit in (1, 2, 3, 4, 6, 1000):
            assert list(_walk(store, KeyQuery(limit=limit))) == [record(number).key_id for number in range(1, 7)]
        assert list(_walk(store, KeyQuery(owner="acme", limit=2))) == [record(number).key_id for number in range(1, 7)]

    def test_list_orders_identifiers_byte_by_byte(self, store: KeyStore) -> None:
        """Identifiers sort digits, then upper case, then lower case, in every language of the database."""
        ids = ["a" * 22, "B" * 22, "0" * 22, "b" * 22, "A" * 22]
        store.insert([told(record(1, key_id=key_id), EventKind.ISSUED) for key_id in ids])
        assert list(_walk(store, KeyQuery(limit=2))) == sorted(ids)

    @pytest.mark.parametrize("cursor", FOREIGN_CURSORS, ids=ascii)
    def test_list_refuses_a_foreign_cursor(self, store: KeyStore, cursor: str) -> None:
        """Every cursor that is not from `Page.next` is the caller's mistake."""
        store.insert([new(1)])
        with pytest.raises(InvalidRequest):
            store.list(KeyQuery(after=cursor))

    def test_list_has_the_newest_first(self, store: KeyStore) -> None:
        """Page by page, also of one owner, and each key once; equal instants by their identifier."""
        store.insert([new(number, created=float(number // 2)) for number in range(1, 8)])
        met: list[str] = []
        query = KeyQuery("acme", limit=2, newest=True)
        while True:
            page = store.list(query)
            met += [found.key_id for found in page]
            if page.next is None:
                break
            query = query._replace(after=page.next)
        assert met == [record(number).key_id for number in range(7, 0, -1)]
        assert [found.key_id for found in store.list(KeyQuery(limit=1, newest=True))] == [record(7).key_id]

    def test_list_narrows_by_a_name(self, store: KeyStore) -> None:
        """Word for word, alone and with other filters."""
        store.insert([new(1, name="a"), new(2, name="A"), new(3, name="a", owner="other"), new(4)])
        assert [found.key_id for found in store.list(KeyQuery(name="a"))] == [record(n).key_id for n in (1, 3)]
        assert [found.key_id for found in store.list(KeyQuery("other", name="a"))] == [record(3).key_id]
        assert [found.key_id for found in store.list(KeyQuery(name=""))] == [record(4).key_id]

    def test_list_narrows_by_the_beginning_of_an_id(self, store: KeyStore) -> None:
        """Letter for letter, upper and lower case apart, up to the whole id; alone and with other filters."""
        ids = ["a" * 22, "ab" * 11, "aZ" * 11, "A" * 22, "b" * 22, "0" * 22, "z" * 22]
        store.insert([told(record(number, key_id=each), EventKind.ISSUED) for number, each in enumerate(ids)])
        store.insert([told(record(9, key_id="a" * 21 + "z", owner="other"), EventKind.ISSUED)])
        wanted = {"a": (0, 1, 2, 9), "aa": (0, 9), "aZ": (2,), "A": (3,), "z": (6,), "a" * 22: (0,), "Z": ()}
        for beginning, numbers in wanted.items():
            assert tuple(each.created for each in store.list(KeyQuery(beginning=beginning))) == numbers
        assert [each.created for each in store.list(KeyQuery("other", beginning="a", newest=True))] == [9]
        assert list(_walk(store, KeyQuery(beginning="a", limit=1, newest=True)))[1:] == ["aZ" * 11, "ab" * 11, "a" * 22]

    def test_list_narrows_by_a_field_of_the_metadata(self, store: KeyStore) -> None:
        """A text in the object itself, whatever characters it has; a number that looks like it is another value."""
        fields: list[dict[str, Any]] = [
            {"team": "red"}, {"team": "blue"}, {"other": {"team": "red"}}, {"team": ["red"]}, {}, {"n": 5}, {"n": "5"},
            {'a."b\'': "é 🔑"}, {"team": "red", "more": [1]},
        ]  # fmt: skip
        store.insert([new(number, metadata=each) for number, each in enumerate(fields)])
        store.insert([new(20, owner="else", metadata={"team": "red"})])
        wanted = [
            (("team", "red"), [0, 8]),
            (("n", "5"), [6]),
            (("a.\"b'", "é 🔑"), [7]),
            (("team", "5"), []),
            (("x", ""), []),
        ]
        for label, numbers in wanted:
            found = store.list(KeyQuery("acme", label=label))
            assert [each.key_id for each in found] == [record(number).key_id for number in numbers], label


def _walk(store: KeyStore, query: KeyQuery) -> Iterator[str]:
    """Yield the identifiers of all pages."""
    while True:
        page = store.list(query)
        assert len(page.records) <= query.limit
        yield from (found.key_id for found in page.records)
        if page.next is None:
            return
        query = query._replace(after=page.next)
