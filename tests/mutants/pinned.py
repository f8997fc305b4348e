"""Faults that were made once, or nearly, each with the one test that finds it.

A fault is the text of a module with one piece of it in other words. The piece must be there exactly once: when the code
moves on, its fault moves with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FAULTS", "Fault"]


class Fault(NamedTuple):
    """A fault to put in.

    Attributes:
        title: What it does.
        place: The module, or a folder that the module is in, so that the code may move within it.
        was: What the module says there.
        becomes: What it says with the fault in.
        test: What finds it.
    """

    title: str
    place: str
    was: str
    becomes: str
    test: str

    def put(self, package: Path) -> tuple[str, str]:
        """The module that the piece is in, and its text with the fault in.

        Raises:
            ValueError: The piece is not there, or more than once.
        """
        place = package / self.place
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        found = [(file, text) for file in files if self.was in (text := file.read_text())]
        if len(found) != 1 or found[0][1].count(self.was) != 1:
            raise ValueError(
                f"{self.title}: {self.was!r} has to be in {self.place} once, and is in {len(found)} modules"
            )
        ((file, text),) = found
        return file.relative_to(package).as_posix(), text.replace(self.was, self.becomes)


_CACHE, _CHECK = "issuing/_check/record_cache.py", "issuing/_check"
_MECHANISMS, _KEPT = "tests/issuing/check/test_mechanisms.py::", "tests/issuing/check/test_record_cache.py::"
_OLD, _FEED, _FILE = (
    "tests/issuing/faults/test_faults.py::", "tests/stores/feeds/test_postgres_feed.py::",
    "tests/stores/sql/test_sqlite_file.py::",
)  # fmt: skip

FAULTS = (
    # What is kept of a key
    Fault(
        "the ttl is counted from after the read", _CHECK,
        "return cache.fill(presented.hash, record, mono, wall, begun)",
        "return cache.fill(presented.hash, record, *self._parts.present.both(), begun)",
        _MECHANISMS + "test_a_record_is_as_old_as_the_question",
    ),
    Fault(
        "the fence is off: a fill revives what was revoked meanwhile", _CACHE,
        "        if begun >= floor.since:\n",
        "        return False\n        if begun >= floor.since:\n",
        _OLD + "test_a_fill_that_races_a_revocation_does_not_revive_the_key",
    ),
    Fault(
        "the floor is off: news leaves no trace", _CACHE,
        "            floor = self._floors.setdefault(key_id, _Floor())\n",
        "            floor = _Floor()\n",
        _OLD + "test_a_fill_that_races_a_revocation_does_not_revive_the_key",
    ),
    Fault(
        "floors grow without bound", _CACHE,
        "if key_id not in self._floors and len(self._floors) >= self._max_misses:", "if False:",
        _MECHANISMS + "test_floors_are_bounded",
    ),
    Fault(
        "a forgotten floor lets in what was on its way", _CACHE,
        "        self._forgotten = self._news\n        self._floors.clear()",
        "        self._floors.clear()",
        _KEPT + "test_floors_that_have_to_be_forgotten_keep_out_what_was_on_its_way",
    ),
    Fault(
        "a key is never kept again after news of it", _CACHE,
        "if floor is None or record.revision >= floor.revision:",
        "if floor is None or record.revision > floor.revision:",
        _MECHANISMS + "test_a_key_is_kept_again_after_news_of_it",
    ),
    Fault(
        "an older answer replaces a newer one", _CACHE,
        "if self.ttl > 0 and known is not None and known.record.revision > record.revision:",
        "if False:",
        _KEPT + "test_an_older_answer_does_not_replace_a_newer_one",
    ),
    Fault(
        "news that cannot be true is believed", _CACHE,
        "if key_id is None or not self._is_credible(key_id, revision):",
        "if key_id is None:",
        _KEPT + "test_news_that_cannot_be_true_is_a_gap",
    ),
    Fault(
        "an unknown key of ours is asked for each time", _CHECK,
        "cache.miss(presented.key_id or presented.hash, mono, begun)",
        "cache.miss(presented.hash, mono, begun)",
        _MECHANISMS + "test_an_unknown_key_is_asked_for_once",
    ),
    Fault(
        "a key that was seen expired lives again when the clock is set back", _CHECK,
        "(wall() >= ends or now + self._present.drift >= ends)", "wall() >= ends",
        "tests/issuing/check/test_clocks.py::test_a_cached_key_that_was_seen_expired_stays_so",
    ),
    # The check
    Fault(
        "hashes are compared with ==", _CHECK,
        "return None if compare_digest(hashed, record.hash) else", "return None if hashed == record.hash else",
        _MECHANISMS + "test_hashes_are_compared_in_constant_time",
    ),
    Fault(
        "an unknown key skips its comparison", _CHECK,
        "    compare_digest(presented.hash, _NO_HASH)\n", "",
        _MECHANISMS + "test_hashes_are_compared_in_constant_time",
    ),
    Fault(
        "a cached check is charged twice", _CHECK,
        "(granted := take(entry.limit_key, plan, cost, now, now + entry.drift)) is None",
        "take(entry.limit_key, plan, cost, now, now) is None "
        "or (granted := take(entry.limit_key, plan, cost, now, now)) is None",
        _MECHANISMS + "test_each_check_is_charged_once",
    ),
    Fault(
        "a check that costs nothing is refused", _CHECK,
        "(isinstance(cost, int) and 0 <= cost <= MOST_COST)", "(isinstance(cost, int) and 0 < cost <= MOST_COST)",
        _MECHANISMS + "test_a_check_that_costs_nothing_only_looks",
    ),
    Fault(
        "what is no credential passes the gate", _CHECK,
        "if not isinstance(text, str) or len(text) > LONGEST_CREDENTIAL:", "if not isinstance(text, str):",
        _MECHANISMS + "test_what_is_no_credential_stops_at_the_gate",
    ),
    Fault(
        "the zeros of a locator are checked in part", "issuing/_key",
        'return opened[13:] == b"\\0\\0\\0" and', 'return opened[13:15] == b"\\0\\0" and',
        _MECHANISMS + "test_each_zero_of_a_locator_is_checked",
    ),
    Fault(
        "the state of a key is told before its secret has matched", _CHECK,
        "        if hashed is None:\n            return Rejected(Reason.PEPPER_RETIRED)\n        return None if",
        "        if hashed is None:\n            return Rejected(Reason.PEPPER_RETIRED)\n"
        "        if record.status in STATUS_REASONS:\n            return Rejected(STATUS_REASONS[record.status])\n"
        "        return None if",
        _OLD + "test_no_state_is_answered_before_the_secret_matched",
    ),
    Fault(
        "the hash of a key that has ended is computed", _CHECK,
        "            return Rejected(refused)\n", "            pass\n",
        "tests/issuing/check/test_turns.py::test_the_hash_of_a_key_that_is_refused_anyway_is_not_computed",
    ),
    Fault(
        "a pepper stays in a frame", "issuing/_key",
        "            del given, peppers, texts  # a traceback shows no pepper\n", "",
        _MECHANISMS + "test_no_frame_of_an_error_holds_a_pepper",
    ),
    # The life of a key
    Fault(
        "the successor is found by what its predecessor was found by", "issuing/_key",
        "        lookup=None,\n        revision=1,", "        revision=1,",
        _MECHANISMS + "test_an_imported_key_can_be_rotated",
    ),
    Fault(
        "a rotation that is over cannot be finished", "issuing/_manage",
        "if status.status is Status.ROTATING and last is not None and", "if last is not None and",
        _MECHANISMS + "test_a_rotation_that_is_over_is_finished_whatever_was_used",
    ),
    Fault(
        "an overlap prolongs a key", "issuing/_key",
        "return now + overlap if record.expires is None else min(now + overlap, record.expires)",
        "return now + overlap",
        "tests/issuing/key/test_lifecycle.py",
    ),
    Fault(
        "a key in a status of a newer version is accepted", "issuing/_check/steps/weighing.py",
        "STATUS_REASONS.get(record.status_at(wall), Reason.DISABLED)", "STATUS_REASONS.get(record.status_at(wall))",
        "tests/server/test_newer_words.py::test_a_key_in_an_unknown_status_is_shown_refused_and_revoked",
    ),
    # Stores and their news
    Fault(
        "a change is written back whatever the row is by now", "stores/_memory/store.py",
        "return stored is not None and stored.revision == change.record.revision - 1", "return stored is not None",
        "tests/issuing/test_memory_store.py::test_an_update_is_stored_once",
    ),
    Fault(
        "a change is written back whatever the row is by now, in SQL", "stores/_sql",
        'KEYS.c.key_id == bindparam("which"), KEYS.c.revision == bindparam("follows")',
        'KEYS.c.key_id == bindparam("which"), bindparam("follows") > 0',
        "tests/stores/test_conformance.py::TestSqlite",
    ),
    Fault(
        "NOTIFY goes before the commit", "stores/_sql",
        '        connection.execute(statements.NOTIFY, {"payloads": statements.payloads(changes)})',
        "        with connection.engine.begin() as other:\n"
        '            other.execute(statements.NOTIFY, {"payloads": statements.payloads(changes)})',
        _FEED + "test_news_comes_after_the_commit",
    ),
    Fault(
        "NOTIFY tells of the first change of a batch", "stores/_sql",
        '{"payloads": statements.payloads(changes)}', '{"payloads": statements.payloads(changes[:1])}',
        _FEED + "test_every_change_of_a_batch_is_told",
    ),
    Fault(
        "news of more digits than Python converts ends the listener", "stores/_feed/news.py",
        "is_number = len(digits) <= _MOST_DIGITS and digits", "is_number = digits",
        "tests/stores/feeds/test_news.py::test_what_is_nearly_news_is_a_gap",
    ),
    Fault(
        "our own close drops the locks of SQLite", "stores/_sql",
        "            state = self._path.stat()\n",
        "            os.close(os.open(self._path, os.O_RDWR))\n            state = self._path.stat()\n",
        _FILE + "test_the_locks_outlive_every_further_connection",
    ),
    Fault(
        "connections of SQLite are open at a fork", "stores/_sql",
        "                with suppress(sqlite3.Error):\n                    connection.close()\n",
        "                pass\n",
        "tests/stores/test_fork.py::test_nothing_of_the_store_is_open_at_a_fork",
    ),
    # The edges
    Fault(
        "a segment of dots needs no key", "issuing/_http",
        'folded = normalize("NFKC", rest)', "folded = rest",
        "tests/issuing/http/test_paths.py",
    ),
    Fault(
        "a listener that raises breaks a check", "_ground/listeners.py",
        "except Exception as error:\n            name = ", "except ArithmeticError as error:\n            name = ",
        "tests/test_listeners.py::test_a_listener_that_raises_harms_nobody",
    ),
    # The consuming half
    Fault(
        "a forced read joins an older call", "resolver/_engine/board.py",
        "if not flight.number or (flight.number >= ask.since and (flight.anew or not ask.anew)):",
        "if True:",
        "tests/resolver/engine/test_forced.py",
    ),
    Fault(
        "a late answer replaces a newer one", "resolver/_engine/board.py",
        "            if other.number < flight.number:\n                other.counts = False", "            pass",
        "tests/resolver/engine/test_board.py",
    ),
    Fault(
        "wiring that is wrong is passed over like an outage", "resolver/_walk/route.py",
        'return failed.retryable and self.on_unavailable == "next"', 'return self.on_unavailable == "next"',
        "tests/chain/test_outcome_table.py",
    ),
    Fault(
        "a file that others may write to counts", "_ground/repository.py",
        "    if status.st_mode & stat.S_IWOTH:", "    if False:",
        "tests/test_repository.py",
    ),
    Fault(
        "a redirect in other spelling leads to another server", "providers/_wire/origins.py",
        "if here is None or there is None or here.host != there.host:", "if here is None or there is None:",
        "tests/providers/wire/test_origins.py",
    ),
    Fault(
        "a token goes to another server than the usual one", "providers/_wire/origins.py",
        "if ambient is not None and (named is None or named != usual):", "if ambient is not None and named is None:",
        "tests/providers/wire/test_origins.py::test_distrusted",
    ),
    Fault(
        "numbers of JSON lose their spelling", "_ground/json_text.py",
        "parse_int=Numeral, parse_float=Numeral, parse_constant=_refuse", "parse_constant=_refuse",
        "tests/resolver/walk/test_document.py::test_a_number_as_it_is_written",
    ),
    Fault(
        "a NUL in a .env file makes names vanish", "providers/_dotenv/text.py",
        '    if "\\0" in text:', "    if False:",
        "tests/providers/dotenv/test_dotenv_text.py",
    ),
    Fault(
        "a value behind the name is not refused", "cli/secrets/set.py",
        'if context.args or name.startswith("-") or', 'if name.startswith("-") or',
        "tests/cli/secrets/test_set.py::test_a_value_is_no_argument",
    ),
    Fault(
        "a stronger provider with another value is not told", "cli/secrets/set.py",
        "if is_same or answer is None or answer.provider == goal.name:", "if True:",
        "tests/cli/secrets/test_set.py::test_a_provider_before_it_has_another_value",
    ),
    Fault(
        "a user stands beside the password of another version", "resolver/_questions.py",
        "        names = torn(found, results)", "        names = set[str]()",
        "tests/resolver/test_torn_documents.py",
    ),
    Fault(
        "a copied value becomes a reference that is followed", "resolver/_walk/route.py",
        "if is_pointer(value) or literal(value) is not None else value", "if False else value",
        "tests/resolver/test_inspection.py",
    ),
    Fault(
        "the proxy of the environment sees the calls to this machine", "providers/_wire/proxies.py",
        "return {} if is_here(url) else get_environ_proxies(url)", "return get_environ_proxies(url)",
        "tests/providers/wire/test_proxies.py",
    ),
    Fault(
        "an old reference to an old absence is a mistake for good", "resolver/_walk/chain.py",
        "if unasked is not None:", "if False:",
        "tests/resolver/walk/test_following.py",
    ),
    Fault(
        "the path of Vault's API lets a weaker source answer", "providers/_vault/engines.py",
        "meant = mount.meant_by(ref.location) if isinstance", "meant = None if isinstance",
        "tests/providers/vault/test_vault.py::TestKeyValue",
    ),
)  # fmt: skip
"""All of them."""
