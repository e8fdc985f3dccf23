"""One byte changed anywhere is found, and the changed object is named."""

import random
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from affidavit.errors import IntegrityError
from affidavit.ledger import Ledger, LocalSigner, appending, checking, verification, verify
from affidavit.ledger.tables import DERIVED
from affidavit.pipeline.verifying import examine
from affidavit.tlog.hashing import leaf_hash

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
SEED = 2026
EACH = 30


@pytest.fixture
def honest(sqlite_place, alias, validation):
    """A ledger of 41 entries under 11 heads, with 3 blobs."""
    with sqlite_place.create() as ledger:
        for number in range(10):
            drafts = [alias(str(number), model="again"), *(alias(model=f"{number}-{each}") for each in range(3))]
            blobs = [b"details %d" % number] if number < 3 else []
            drafts[3:] = [validation(blob) for blob in blobs] or drafts[3:]
            ledger.append(drafts, now=NOON + timedelta(seconds=number), blobs=blobs)
        assert verify(ledger).entries == 41
        assert verify(ledger).blobs == 3
    return sqlite_place


class Owner:
    """Somebody who owns the database and the blobs, and starts each time from an honest copy."""

    def __init__(self, place):
        self.place = place
        self.file = place.home / "ledger.db"
        self.saved = place.home / "honest"
        self.saved.mkdir()
        shutil.copy(self.file, self.saved / "ledger.db")
        shutil.copytree(place.home / "blobs", self.saved / "blobs")

    def restore(self):
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        shutil.copy(self.saved / "ledger.db", self.file)
        shutil.rmtree(self.place.home / "blobs")
        shutil.copytree(self.saved / "blobs", self.place.home / "blobs")
        self.do("DROP TRIGGER entries_no_update", "DROP TRIGGER entries_no_delete")
        self.do("DROP TRIGGER nodes_no_update", "DROP TRIGGER nodes_no_delete")
        self.do("DROP TRIGGER checkpoints_no_update", "DROP TRIGGER checkpoints_no_delete")

    def do(self, *statements, values=()):
        with closing(sqlite3.connect(self.file)) as connection, connection:
            for statement in statements:
                connection.execute(statement, values)

    def made_anew(self, table):
        """Without keys, types and NOT NULL: the schema is its owner's too."""
        columns = ", ".join(f'"{row[1]}"' for row in self.ask(f"PRAGMA table_info({table})"))
        self.do(f"CREATE TABLE anew ({columns})", f"INSERT INTO anew SELECT {columns} FROM {table}")
        self.do(f"DROP TABLE {table}", f"ALTER TABLE anew RENAME TO {table}")

    def ask(self, statement, *values):
        with closing(sqlite3.connect(self.file)) as connection:
            return connection.execute(statement, values).fetchall()

    def caught(self):
        with pytest.raises(IntegrityError) as caught, self.place.read() as ledger:
            verify(ledger)
        return caught.value


@pytest.fixture
def owner(honest):
    return Owner(honest)


@pytest.fixture
def chance():
    return random.Random(SEED)


def flipped(chance, data):
    place = chance.randrange(len(data))
    return bytes(byte ^ (1 << chance.randrange(8) if at == place else 0) for at, byte in enumerate(data))


def test_a_byte_of_a_leaf(owner, chance):
    for _ in range(EACH):
        owner.restore()
        index = chance.randrange(41)
        [(leaf,)] = owner.ask('SELECT leaf FROM entries WHERE "index" = ?', index)
        owner.do('UPDATE entries SET leaf = ? WHERE "index" = ?', values=(flipped(chance, leaf), index))
        error = owner.caught()
        assert error.index == index
        assert f"entry {index}: " in str(error)


def test_a_leaf_whose_hash_was_made_to_fit(owner, chance):
    for _ in range(EACH // 2):
        owner.restore()
        index = chance.randrange(1, 41)
        [(leaf,)] = owner.ask('SELECT leaf FROM entries WHERE "index" = ?', index)
        changed = leaf.replace(b'"version":"0.', b'"version":"9.').replace(b'"origin":"', b'"origin":"re')
        owner.do(
            'UPDATE entries SET leaf = ?, leaf_hash = ? WHERE "index" = ?', values=(changed, leaf_hash(changed), index)
        )
        error = owner.caught()
        assert error.index == index
        assert f"entry {index}: its bytes are not those that were signed" in str(error)


def test_a_leaf_with_every_column_made_to_fit_is_found_among_its_neighbours(owner):
    for index in (6, 7, 25, 40):
        owner.restore()
        [(leaf,)] = owner.ask('SELECT leaf FROM entries WHERE "index" = ?', index)
        changed = leaf.replace(b"2026-03-14T12", b"2026-03-14T11")
        assert changed != leaf
        owner.do(
            "UPDATE entries SET leaf = ?, leaf_hash = ?, observed_at = replace(observed_at, 'T12', 'T11') "
            'WHERE "index" = ?',
            values=(changed, leaf_hash(changed), index),
        )
        error = owner.caught()
        first, last = re.match(r"entr(?:y|ies) (\d+)(?: to (\d+))?: .* not those that were signed", str(error)).groups()
        assert int(first) <= index <= int(last or first) <= int(first) + 3


@pytest.mark.parametrize("column", DERIVED)
def test_a_derived_column_of_an_entry(owner, chance, column):
    for _ in range(6):
        owner.restore()
        index = chance.randrange(2, 41)
        [(value,)] = owner.ask(f'SELECT "{column}" FROM entries WHERE "index" = ?', index)
        changed = "x" + value if isinstance(value, str) else flipped(chance, value) if value else b"y" * 32
        owner.do(f'UPDATE entries SET "{column}" = ? WHERE "index" = ?', values=(changed, index))
        error = owner.caught()
        assert error.index == index
        assert f"table entries, row {index}, column {column}: " in str(error)
        assert "affidavit rebuild" in str(error)


@pytest.mark.parametrize("change", ["UPDATE nodes SET hash = ?", "DELETE FROM nodes"])
def test_a_node(owner, chance, change):
    every = owner.ask('SELECT level, "index", hash FROM nodes')
    for _ in range(EACH // 2):
        owner.restore()
        level, index, digest = chance.choice(every)
        values = (flipped(chance, digest), level, index) if "?" in change else (level, index)
        owner.do(change + ' WHERE level = ? AND "index" = ?', values=values)
        error = owner.caught()
        assert f"table nodes, row ({level}, {index}), column hash" in str(error)
        assert "affidavit rebuild" in str(error)


@pytest.mark.parametrize("node", [(0, 3), (-1, 0), (1, 20), (3, 5), (6, 0), (63, 0), (64, 0), (70, 1)])
def test_a_node_too_many(owner, node):
    owner.restore()
    owner.do("INSERT INTO nodes VALUES (?, ?, ?)", values=(*node, b"x" * 32))
    assert f"table nodes, row {node}: no such node" in str(owner.caught())


def test_a_character_of_a_head(owner, chance):
    every = owner.ask("SELECT size, note FROM checkpoints")
    for _ in range(EACH):
        owner.restore()
        size, note = chance.choice(every)
        place = chance.randrange(len(note))
        other = chance.choice([c for c in "\n AaBb09+/=—" if c != note[place]])
        changed = note[:place] + other + note[place + 1 :]
        owner.do("UPDATE checkpoints SET note = ? WHERE size = ?", values=(changed, size))
        assert f"checkpoint of size {size}: " in str(owner.caught())


def test_a_note_that_is_not_text(owner):
    owner.restore()
    owner.do("UPDATE checkpoints SET note = x'00ff' WHERE size = 9")
    assert "checkpoint of size 9: " in str(owner.caught())


@pytest.mark.parametrize("column", ["root", "time"])
def test_a_derived_column_of_a_head(owner, column):
    owner.restore()
    value = "x'00'" if column == "root" else "time + 1"
    owner.do(f"UPDATE checkpoints SET {column} = {value} WHERE size = 13")
    error = owner.caught()
    assert f"table checkpoints, row 13, column {column}: " in str(error)
    assert "affidavit rebuild" in str(error)


@pytest.mark.parametrize("change", ["size = 14", "size = 42", "size = -3", "previous = 8"])
def test_the_place_of_a_head(owner, change):
    owner.restore()
    owner.do(f"UPDATE checkpoints SET {change} WHERE size = 13")
    assert "checkpoint of size" in str(owner.caught())


@pytest.mark.parametrize("size", [1, 13, 37])
def test_a_head_that_was_removed(owner, size):
    owner.restore()
    owner.do(f"DELETE FROM checkpoints WHERE size = {size}")
    error = owner.caught()
    assert f"names size {size} as the one before it" in str(error)


def test_entries_that_no_head_covers(owner):
    owner.restore()
    owner.do("DELETE FROM checkpoints WHERE size = 41")
    with owner.place.read() as ledger:
        found = verify(ledger)
        assert (found.entries, found.uncovered) == (37, 4)
    owner.do("DELETE FROM checkpoints")
    assert "no signed head covers it" in str(owner.caught())


def test_a_derived_column_that_no_head_covers(owner):
    owner.restore()
    owner.do("DELETE FROM checkpoints WHERE size = 41", "UPDATE entries SET scope = 'x' WHERE \"index\" = 39")
    assert "row 39, column scope" in str(owner.caught())


@pytest.mark.parametrize("index", [0, 1, 20, 40])
def test_an_entry_that_was_removed(owner, index):
    owner.restore()
    owner.do(f'DELETE FROM entries WHERE "index" = {index}')
    error = owner.caught()
    assert (error.index, f"entry {index}: absent" in str(error)) == (index, True)


def test_entries_that_changed_places(owner):
    owner.restore()
    owner.do(
        'UPDATE entries SET "index" = 99 WHERE "index" = 7',
        'UPDATE entries SET "index" = 7 WHERE "index" = 30',
        'UPDATE entries SET "index" = 30 WHERE "index" = 99',
    )
    assert owner.caught().index in (6, 7)


def test_a_leaf_that_is_not_bytes(owner):
    owner.restore()
    owner.do('UPDATE entries SET leaf = CAST(leaf AS TEXT) WHERE "index" = 5')
    assert owner.caught().index == 5


@pytest.mark.parametrize("value", ["'7'", "'7x'", "x'07'", "7.5"])
def test_an_index_that_is_no_number_in_a_table_made_anew(owner, value):
    owner.restore()
    owner.made_anew("entries")
    owner.do(f'UPDATE entries SET "index" = {value} WHERE "index" = 7')
    assert "entry 7: absent" in str(owner.caught())


def test_an_entry_too_many_behind_every_number(owner):
    owner.restore()
    owner.made_anew("entries")
    columns = ", ".join(("leaf", *DERIVED))
    owner.do(f'INSERT INTO entries ("index", {columns}) SELECT \'z\', {columns} FROM entries WHERE "index" = 7')
    assert "entry 'z': an index that cannot be" in str(owner.caught())


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_a_node_that_is_there_twice(owner, order):
    """A reader could get the false one."""
    owner.restore()
    owner.do('CREATE TABLE anew (level, "index", hash)')
    twice = "SELECT * FROM nodes UNION ALL SELECT 1, 3, zeroblob(32)"
    owner.do(f"INSERT INTO anew SELECT * FROM ({twice}) ORDER BY hash {order}")
    owner.do("DROP TABLE nodes", "ALTER TABLE anew RENAME TO nodes")
    assert "table nodes, row (1, 3), column hash" in str(owner.caught())


@pytest.mark.parametrize("size", ["'z'", "NULL"])
def test_an_old_head_that_would_pass_for_the_newest(owner, size):
    owner.restore()
    owner.made_anew("checkpoints")
    owner.do(f"INSERT INTO checkpoints SELECT {size}, previous, root, time, note FROM checkpoints WHERE size = 9")
    assert "its note names size 9" in str(owner.caught())


def test_a_note_that_is_not_text_though_its_bytes_are_right(owner):
    owner.restore()
    owner.do("UPDATE checkpoints SET note = CAST(note AS BLOB) WHERE size = 9")
    assert "checkpoint of size 9: its note is not text" in str(owner.caught())


@pytest.mark.parametrize(("old", "new"), [(b'"sha256":"', b'"sha257":"'), (b'"sha256":"', b'"sha256":"x')])
def test_a_leaf_that_names_no_blob_where_it_should(owner, old, new):
    owner.restore()
    [(index, leaf)] = owner.ask("SELECT \"index\", leaf FROM entries WHERE kind = 'validation' LIMIT 1")
    start = leaf.index(b'"details":')
    changed = leaf[:start] + leaf[start:].replace(old, new, 1)
    owner.do('UPDATE entries SET leaf = ? WHERE "index" = ?', values=(changed, index))
    error = owner.caught()
    assert (error.index, "its details name no blob" in str(error)) == (index, True)


def test_a_byte_of_a_blob_and_a_blob_removed(owner, chance):
    blobs = sorted(path.relative_to(owner.saved) for path in (owner.saved / "blobs").rglob("*") if path.is_file())
    assert len(blobs) == 3
    for turn in range(EACH):
        owner.restore()
        blob = chance.choice(blobs)
        path = owner.place.home / blob
        if turn % 4:
            path.write_bytes(flipped(chance, path.read_bytes()))
        else:
            path.unlink()
        error = owner.caught()
        assert f"blob {blob.name}: " in str(error)
        [(index,)] = owner.ask('SELECT "index" FROM entries WHERE instr(leaf, ?)', blob.name.encode())
        assert error.index == index


def test_signature_lines_by_others_are_ignored(owner):
    owner.restore()
    owner.do("UPDATE checkpoints SET note = note || '— witness.example AAAAAAAA' || char(10)")
    with owner.place.read() as ledger:
        assert verify(ledger).entries == 41


def test_a_relinked_log_under_another_key_is_another_log(owner, alias, tmp_path):
    """With a new key everything can be made to fit; only a policy got elsewhere tells."""
    from affidavit.tlog.policy import parse_policy

    with owner.place.read() as ledger:
        policy = parse_policy(f"log {ledger.key.text}\nquorum none\n")
    signer = LocalSigner.generate(tmp_path / "forged.key")
    with Ledger.create(f"sqlite:///{tmp_path}/forged.db", blobs=str(tmp_path), signer=signer, now=NOON) as forged:
        assert not examine(forged).established
        with pytest.raises(IntegrityError):
            examine(forged, policy=policy)


@pytest.mark.parametrize("forget", ["same stream twice", "same facts twice"])
def test_a_writer_that_breaks_a_stream_is_found(sqlite_place, alias, monkeypatch, forget):
    add = appending.Batch.add

    def careless(batch, draft):
        stream = draft.statement.stream
        if stream in batch._latest:
            if forget == "same stream twice":
                del batch._latest[stream]
            else:
                batch._latest[stream] = (batch._latest[stream][0], b"", "")
        return add(batch, draft)

    with sqlite_place.create() as ledger:
        ledger.append([alias("1")], now=NOON)
        monkeypatch.setattr(appending.Batch, "add", careless)
        ledger.append([alias("1" if forget == "same facts twice" else "2")], now=NOON)
        with pytest.raises(IntegrityError, match="entry 2: it does not supersede") as caught:
            verify(ledger)
        assert caught.value.index == 2


def test_time_that_runs_backwards_is_found(sqlite_place, alias):
    from affidavit.tlog import cosignature
    from affidavit.tlog.note import Note, SigningKey

    with sqlite_place.create() as ledger:
        head = ledger.append([alias("1")], now=NOON).head
    key = SigningKey.parse(sqlite_place.key.read_text().strip())
    text = Note.parse(head.note).text
    early = int(NOON.timestamp()) - 5
    note = Note(text, (cosignature.cosign(text, key, time=early),)).whole
    sqlite_place.spoil("UPDATE checkpoints SET note = :note, time = :time WHERE size = 2", note=note, time=early)
    with sqlite_place.read() as ledger, pytest.raises(IntegrityError, match="signed before the one before it"):
        verify(ledger)


def test_many_pages_are_read_in_order(sqlite_place, alias):
    with sqlite_place.create() as ledger:
        ledger.append([alias(model=str(number)) for number in range(1100)], now=NOON)
        ledger.append([alias(model=f"more {number}") for number in range(1100)], now=NOON)
        assert verify(ledger).entries == 2201
        assert [entry.index for entry in ledger.entries()] == list(range(2201))
    sqlite_place.spoil("UPDATE nodes SET hash = leaf FROM (SELECT x'00' AS leaf) WHERE level = 11 AND \"index\" = 0")
    with sqlite_place.read() as ledger, pytest.raises(IntegrityError, match=r"row \(11, 0\)"):
        verify(ledger)


@pytest.fixture
def filled(alias, validation, monkeypatch):
    """Makes a ledger of three pages, small enough for helpers only because they are told so."""
    monkeypatch.setattr(checking, "_ALONE", 1)
    return lambda place: fill(place, alias, validation)


@pytest.fixture
def pages(filled, sqlite_place):
    """Such a ledger in SQLite."""
    return filled(sqlite_place)


def fill(place, alias, validation):
    with place.create() as ledger:
        for number in range(9):
            drafts = [alias(str(each), model=f"{number} {each // 2}", demonstration="scripted") for each in range(290)]
            ledger.append([*drafts, validation(b"details %d" % number)], now=NOON, blobs=[b"details %d" % number])
        assert ledger.head().size == 2620
    return place


def test_helpers_change_nothing_about_what_is_found(filled, place, monkeypatch):
    with filled(place).read() as ledger:
        alone = verify(ledger)
        assert (alone.entries, alone.heads, alone.blobs) == (2620, 10, 9)
        assert alone.demonstrations == {"scripted": 2610}
        with monkeypatch.context() as context:
            context.setattr(verification._Walk, "_closely", None)  # no page is left to be walked through
            assert verify(ledger, processes=3) == alone
        with monkeypatch.context() as context:
            context.setattr(checking._Checker, "page", lambda *_: None)  # what the helpers do not do is done here
            context.setattr(sys, "executable", "true")
            assert verify(ledger, processes=3) == alone


def test_a_damaged_part_of_the_file_is_called_that(pages):
    file = pages.home / "ledger.db"
    data = bytearray(file.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 100 * 4096] = b"\x77" * (100 * 4096)
    file.write_bytes(data)
    with pages.read() as ledger:
        for processes in (1, 3):
            with pytest.raises(IntegrityError, match="the database is damaged"):
                verify(ledger, processes=processes)


@pytest.mark.parametrize("index", [5, 1024, *(pytest.param(each, marks=pytest.mark.nightly) for each in (1023, 2619))])
def test_helpers_name_the_same_entry(pages, index):
    pages.spoil(
        'UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE "index" = :other) WHERE "index" = :index',
        index=index,
        other=index - 1,
    )
    with pages.read() as ledger:
        for processes in (1, 3):
            with pytest.raises(IntegrityError, match=f"entry {index}: its bytes are not those") as caught:
                verify(ledger, processes=processes)
            assert caught.value.index == index


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE nodes SET hash = '0' WHERE level = 3 AND \"index\" = 130", r"row \(3, 130\)"),
        pytest.param("DELETE FROM nodes WHERE level = 11", r"row \(11, 0\)", marks=pytest.mark.nightly),
        ("INSERT INTO nodes VALUES (2, 4000, '0')", r"row \(2, 4000\): no such node"),
        pytest.param(
            "UPDATE checkpoints SET time = time + 1 WHERE size = 1456",
            "row 1456, column time",
            marks=pytest.mark.nightly,
        ),
        pytest.param(
            "UPDATE entries SET scope = 'x' WHERE \"index\" = 2000", "row 2000, column scope", marks=pytest.mark.nightly
        ),
        pytest.param(
            'UPDATE entries SET "index" = -1 WHERE "index" = 2619',
            "entry -1: an index that cannot be",
            marks=pytest.mark.nightly,
        ),
        ('DELETE FROM entries WHERE "index" = 1100', "entry 1100: absent"),
        pytest.param('DELETE FROM entries WHERE "index" = 2619', "entry 2619: absent", marks=pytest.mark.nightly),
        pytest.param(
            "UPDATE checkpoints SET previous = 7 WHERE size = 2620", "2620: it names size 7", marks=pytest.mark.nightly
        ),
    ],
)
def test_helpers_name_the_same_object(pages, change, says):
    pages.spoil(change)
    with pages.read() as ledger:
        for processes in (1, 3):
            with pytest.raises(IntegrityError, match=says):
                verify(ledger, processes=processes)


def test_a_head_that_is_recorded_meanwhile_is_looked_at_by_no_process(sqlite_place, alias, monkeypatch):
    """Half of the heads would else name one before them that the other half has not seen."""
    monkeypatch.setattr(checking, "_ALONE", 1)
    with sqlite_place.create() as ledger:
        size = ledger.append([alias(model=str(number)) for number in range(checking.PAGE + 8)], now=NOON).head.size
        sqlite_place.spoil("CREATE TABLE kept AS SELECT * FROM checkpoints WHERE size > 1")
        sqlite_place.spoil("DELETE FROM checkpoints WHERE size > 1")
        with ledger.snapshot() as connection:
            connection.exec_driver_sql("SELECT COUNT(*) FROM checkpoints").all()
            sqlite_place.spoil("INSERT INTO checkpoints SELECT * FROM kept")
            pages = list(checking.pages(connection, ledger.place(), size=size, processes=2))
        assert [[head.size for head, *_ in page.heads] for page in pages] == [[1], []]
        pages = list(checking.pages(ledger._engine.connect(), ledger.place(), size=size, processes=2))
        assert [[head.size for head, *_ in page.heads] for page in pages] == [[1], [size]]
