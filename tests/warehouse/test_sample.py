import hashlib

import pytest

from affidavit.errors import SourceRefused
from affidavit.warehouse import sample, snapshot

TABLE = (
    'CREATE TABLE t (id INT, "na""me" VARCHAR(9), score DOUBLE PRECISION, secret VARCHAR(9))',
    "INSERT INTO t VALUES " + ", ".join(f"({n}, 'käse{n}', {n / 8}, 'hunter2')" for n in range(-20, 480)),
    "INSERT INTO t VALUES (NULL, 'none', 0, 'hunter2')",
)


def draw(bank, **asked):
    with snapshot(bank.connection, timeout_seconds=20) as opened:
        wanted = {"key": "id", "columns": ["id", "score"], "rows": 20, "seed": "2026-03", **asked}
        return sample(opened, opened.table("t"), **wanted)


def expected(keys, seed):
    return sorted(keys, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).hexdigest())


def test_the_rows_are_those_that_python_draws_in_every_warehouse(warehouse):
    warehouse.run(*TABLE)
    found = draw(warehouse)
    assert found.columns["id"] == expected(range(-20, 480), "2026-03")[:20]
    assert found.columns["score"] == [key / 8 for key in found.columns["id"]]
    assert (list(found.columns), found.rows) == (["id", "score"], 20)
    by_text = draw(warehouse, key='na"me', columns=['na"me'], seed="'; DROP TABLE t; --")
    assert (
        by_text.columns['na"me']
        == expected([f"käse{n}" for n in range(-20, 480)] + ["none"], "'; DROP TABLE t; --")[:20]
    )


def test_another_seed_draws_others_and_more_rows_keep_the_first(warehouse):
    warehouse.run(*TABLE)
    first = draw(warehouse).columns["id"]
    assert draw(warehouse, rows=50).columns["id"][:20] == first
    assert set(draw(warehouse, seed="2026-04").columns["id"]) != set(first)
    assert draw(warehouse, rows=10_000).rows == 500, "without the row that has no key"


def test_a_key_that_is_none_is_refused_and_not_shown(lite):
    lite.run(*TABLE)
    with pytest.raises(SourceRefused, match="two rows share a key in the column 'secret'") as caught:
        draw(lite, key="secret")
    assert "hunter2" not in caught.value.text
    with pytest.raises(SourceRefused, match="there is no column 'key'"):
        draw(lite, key="key")
