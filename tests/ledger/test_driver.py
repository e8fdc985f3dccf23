import pytest

from affidavit.ledger import driver
from affidavit.ledger.tables import entries, nodes

ODD = "tab\t, newline\n, backslash\\, 'quote', \\N, 審計, 🧾"


def row(index, *, supersedes):
    digests = [bytes([index, each]) * 16 for each in range(5)]
    return (index, b"\x00\\x\xff", digests[0], digests[1], supersedes, *digests[2:4], "kind", ODD, ODD, "")


@pytest.mark.parametrize("several", [1, 2, 200])
def test_rows_are_read_as_they_were_inserted_however_many(place, several):
    new = [row(1 + each, supersedes=None if each % 2 else bytes(32)) for each in range(several)]
    with place.create() as ledger, ledger._engine.connect() as connection:
        driver.insert(connection, entries, new)
        names = ", ".join(f'"{column.name}"' for column in entries.columns)
        found = driver.rows(connection, f'SELECT {names} FROM entries WHERE "index" > 0 ORDER BY "index"')
        assert [tuple(each) for each in found] == new


def test_what_is_among_many_values_is_found(place):
    with place.create() as ledger, ledger._engine.connect() as connection:
        driver.insert(connection, nodes, [(1, index, bytes([index]) * 32) for index in range(10)])
        among, values = driver.among(connection, [bytes([index]) * 32 for index in (3, 5, 77)])
        found = driver.rows(connection, f'SELECT "index" FROM nodes WHERE hash {among} ORDER BY "index"', values)
        assert [index for (index,) in found] == [3, 5]
