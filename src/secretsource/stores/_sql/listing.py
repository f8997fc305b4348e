"""How keys are listed and counted, so that a page takes no longer among a million keys than among ten thousand. Pure.

A page is in the order of creation. A list that narrows by an exact word walks along the index of that word, which has
this order, and stops with the last key of the page. An owner has such an index with some other words, too.

Two kinds of lists need more. One narrows by further words, of which one may be rare. The other asks for the ends of
keys, or for the beginning of their ids. No index has both orders. For these, one question to the store counts the keys
of each condition, up to `FEW`. If a condition picks fewer, its keys are fetched and sorted. Otherwise a walk soon meets
enough of them.

No index at all has the last uses and the labels of keys: an index on last uses would have to move with each flush. A
walk that narrows by these may meet no key for long. So it stops after `LOOKED_AT` keys, and its page is short.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, and_, case, false, func, literal, select, true, tuple_, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from secretsource.stores import _cursor
from secretsource.stores._sql.rows.tables import KEYS
from secretsource.stores._sql.statements import SELECT_KEYS
from secretsource.stores.base import Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select, Tuple

    from secretsource.stores.base import KeyQuery

FEW = 2000
"""Keys that are fetched and sorted for a page; if a condition picks more, a walk does not go far for a page of them."""

LOOKED_AT = 5000
"""Keys that a page looks at, if its list narrows by something that no index has."""

_ENDED = (Status.REVOKED.value, Status.EXPIRED.value)
_WORDS = ("name", "owner", "pepper_version", "prefix", "environment")
"""The columns that a list is narrowed by word for word; the earlier ones are likely to pick fewer keys."""
_PLACE = (KEYS.c.created, KEYS.c.key_id)
"""The order of a list."""
_WITH_OWNER = ("environment", "status")
"""The columns that have an index together with the owner; a walk goes along the first that is asked for."""


def _amounts_to(status: Status, now: float) -> ColumnElement[bool]:
    """Select as `KeyRecord.status_at` decides, of keys that are stored with this status, or for EXPIRED of any."""
    if status is Status.REVOKED:
        return true()
    if status is Status.EXPIRED:
        stored = _unindexed(KEYS.c.status) == Status.EXPIRED.value
        return stored | (_is_over(now) & (KEYS.c.status != Status.REVOKED.value))
    return ~_is_over(now)


def _is_over(now: float) -> ColumnElement[bool]:
    overlap_over = (KEYS.c.status == Status.ROTATING.value) & func.coalesce(KEYS.c.overlap_ends <= now, false())
    return func.coalesce(KEYS.c.expires <= now, false()) | overlap_over


def lives(now: float) -> ColumnElement[bool]:
    """Return whether a key has not ended by an instant."""
    return KEYS.c.status.not_in(_ENDED) & ~_is_over(now)


def routes(query: KeyQuery) -> list[Select[Any]]:
    """Return the ways to the keys of a query, if there is a choice: each returns the ``key_id`` of one condition.

    The words of one index are one condition, and so are an owner and the ends of its keys.
    """
    words = _words(query)
    walk = _walk(words)
    conditions = [and_(*(KEYS.c[name] == words[name] for name in walk))] if walk else []
    conditions += [KEYS.c[name] == value for name, value in words.items() if name not in walk]
    ways = [select(KEYS.c.key_id).where(condition) for condition in conditions]
    ends: list[Select[Any]] = []
    if query.beginning is not None:
        ends.append(select(KEYS.c.key_id).where(_begins(KEYS.c.key_id, query.beginning)))
    if query.expires_before is not None:
        ends.append(select(KEYS.c.key_id).where(_expires_in_time(query)))
    if _asks_what_has_ended(query):
        ends.append(select(_ended(query.now).c.key_id))
    return [*ends, *ways] if ends or len(ways) > 1 else []


def choice(ways: Sequence[Select[Any]]) -> Select[Any]:
    """Return the question for the place of the first way that leads to few keys; NULL if none does.

    The database counts the keys of a way only if those before it lead to many.
    """
    few = ((count_few(way).scalar_subquery() < FEW, place) for place, way in enumerate(ways))
    return select(case(*few))


def _walk(words: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that one index has, along which a walk goes: the first, and perhaps another beside an owner."""
    first = next(iter(words), None)
    if first is None:
        return ()
    beside = next((name for name in _WITH_OWNER if name in words), None)
    return (first,) if first != "owner" or beside is None else (first, beside)


def _words(query: KeyQuery) -> dict[str, str]:
    """Return the exact words that a query narrows by, the rarest first, by column."""
    words = {name: value for name in _WORDS if (value := getattr(query, name)) is not None}
    if query.status is not None and not _asks_what_has_ended(query):
        words["status"] = query.status.value
    return words


def _expires_in_time(query: KeyQuery) -> ColumnElement[bool]:
    """Select keys that expire before the instant that is asked; of living keys, not those that expired long ago.

    There may be any number of them, of which the index gives none then.
    """
    before = KEYS.c.expires < query.expires_before
    if query.owner is not None:
        before &= KEYS.c.owner == query.owner
    return before & (KEYS.c.expires > query.now) if _asks_what_lives(query) else before


def _begins(key_id: ColumnElement[str], beginning: str) -> ColumnElement[bool]:
    """Select ids that begin with a text: a range, for ids have letters and digits alone, and texts sort by bytes."""
    return (key_id >= beginning) & (key_id < f"{beginning}\x7f")


def _asks_what_lives(query: KeyQuery) -> bool:
    return query.living and query.now is not None


def _asks_what_has_ended(query: KeyQuery) -> bool:
    return query.status is Status.EXPIRED and query.now is not None


def _ended(now: float | None) -> Any:
    """Return the keys that have ended by an instant, some of them twice, and some that were revoked before."""
    by = (KEYS.c.status == Status.EXPIRED.value, KEYS.c.expires <= now, KEYS.c.overlap_ends <= now)
    return union_all(*(select(KEYS.c.key_id).where(one) for one in by)).subquery()


def count_few(route: Select[Any]) -> Select[Any]:
    """Return the number of keys on a route, counted up to `FEW`."""
    return select(func.count()).select_from(route.limit(FEW).subquery())


def may_be_short(query: KeyQuery) -> bool:
    """Return whether a walk may meet no key of a query for long, because no index has what the query asks for."""
    return query.unused_since is not None or query.label is not None or query.beginning is not None


def select_end(query: KeyQuery) -> Select[Any, Any]:
    """Return the query for the place where the walk of a page stops, after `LOOKED_AT` keys; no row if it has fewer."""
    words = _words(query)
    walked = [KEYS.c[name] == words[name] for name in _walk(words)]
    places = select(*_PLACE).where(*walked, *_reach(query)).order_by(*_order(query))
    return places.limit(1).offset(LOOKED_AT - 1)


def select_page(query: KeyQuery, route: Select[Any] | None = None, end: tuple[float, str] | None = None) -> Select[Any]:
    """Return the query for the records of a page, oldest first, and one more.

    Args:
        query: The filters of the list.
        route: The one of its `routes` that leads to few keys; None to walk along an index.
        end: The last place of the walk; None to walk to the end of the keys.

    Raises:
        InvalidRequest: The cursor is not ours.
    """
    words = _words(query)
    walk = _walk(words) if route is None else ()
    narrowing = [(KEYS.c[name] if name in walk else _unindexed(KEYS.c[name])) == words[name] for name in words]
    if route is not None:
        narrowing.append(KEYS.c.key_id.in_(route))
    narrowing += [*_beside(query), *_reach(query, end)]
    return SELECT_KEYS.where(*narrowing).order_by(*_order(query)).limit(query.limit + 1)


def _beside(query: KeyQuery) -> Generator[ColumnElement[bool]]:
    """Return the conditions of a query besides its exact words; no walk goes along an index of theirs."""
    if query.status is not None and query.now is not None:
        yield _amounts_to(query.status, query.now)
    if query.living and query.now is not None:
        yield lives(query.now)
    if query.expires_before is not None:
        yield func.coalesce(KEYS.c.expires < query.expires_before, false())
    if query.unused_since is not None:
        yield func.coalesce(KEYS.c.last_used, KEYS.c.created) < query.unused_since
    if query.label is not None:
        yield _Labelled(KEYS.c.metadata, *map(literal, query.label))
    if query.beginning is not None:
        yield _begins(_unindexed(KEYS.c.key_id), query.beginning)


def _reach(query: KeyQuery, end: tuple[float, str] | None = None) -> Generator[ColumnElement[bool]]:
    """Return the part of an index that a walk goes through: behind the cursor, and where unused keys can be.

    SQLite seeks by one lower and one upper bound; it would go through all that lies between a third bound and these.
    """
    place = tuple_(*_PLACE)
    after = None if query.after is None else _place(_cursor.place(query.after))
    if after is not None:
        yield place < after if query.newest else place > after
    if end is not None:
        yield place >= _place(end) if query.newest else place <= _place(end)
    if query.unused_since is not None and (after if query.newest else end) is None:
        yield KEYS.c.created < query.unused_since  # a key is not used before it is made


def _place(place: tuple[float, str]) -> Tuple:
    return tuple_(*map(literal, place))


def _order(query: KeyQuery) -> list[ColumnElement[Any]]:
    return [column.desc() if query.newest else column for column in _PLACE]


class _Labelled(FunctionElement[bool]):
    """Whether a field of a JSON object, in a text that may be empty, is a certain text."""

    type = Boolean()
    inherit_cache = True


@compiles(_Labelled, "sqlite")
def _on_sqlite(element: _Labelled, compiler: Any, **more: Any) -> str:
    column, field, value = (compiler.process(part, **more) for part in element.clauses)
    objects = f"json_each(CASE {column} WHEN '' THEN '{{}}' ELSE {column} END) AS label"
    picked = f"label.key = {field} AND label.type = 'text' AND label.atom = {value}"
    return f"EXISTS (SELECT 1 FROM {objects} WHERE {picked})"  # noqa: S608 - made of names and bound values


@compiles(_Labelled, "postgresql")
def _on_postgresql(element: _Labelled, compiler: Any, **more: Any) -> str:
    column, field, value = (compiler.process(part, **more) for part in element.clauses)
    of = f"{column}::json -> {field}"
    # PostgreSQL reads no document that has the character NUL; two backslashes stand for one in a text.
    is_readable = f"{column} <> '' AND strpos(replace({column}, '\\\\', ''), '\\u0000') = 0"
    return f"CASE WHEN {is_readable} THEN json_typeof({of}) = 'string' AND ({of} #>> '{{}}') = {value} ELSE false END"


def count_by_pepper(now: float) -> Select[Any, int]:
    """Return the number of live keys at an instant, by pepper: all keys without the ended ones.

    All are counted along one index, and those that were ended along another; no row is read for them.
    """
    status = _unindexed(KEYS.c.status)
    is_over = KEYS.c.key_id.in_(select(_ended(now).c.key_id)) & status.not_in(_ENDED) & _is_over(now)
    counted = union_all(
        _counted(func.count(), true()),
        _counted(-func.count(), KEYS.c.status.in_(_ENDED)),
        _counted(-func.count(), is_over),
    ).subquery()
    total = func.sum(counted.c.number)
    return select(counted.c.pepper_version, total).group_by(counted.c.pepper_version).having(total > 0)


def _counted(number: ColumnElement[int], condition: ColumnElement[bool]) -> Select[Any, int]:
    counted = select(KEYS.c.pepper_version, number.label("number")).where(condition)
    return counted.group_by(KEYS.c.pepper_version)


def _unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a text that no index serves, so that the planner takes the way that was chosen."""
    return column.concat("")
