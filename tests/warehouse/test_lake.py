"""What of Parquet needs no Spark: how large a table is, and that a name leads nowhere else."""

import pytest

from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from affidavit.warehouse import estimate


def test_the_dry_run_knows_the_size_of_the_files_and_starts_nothing(tmp_path):
    (tmp_path / "t.parquet" / "day=1").mkdir(parents=True)
    (tmp_path / "t.parquet" / "_batch=1").mkdir()
    for name in ("day=1/a.parquet", "day=1/_SUCCESS", ".hidden", "_batch=1/b.parquet"):
        (tmp_path / "t.parquet" / name).write_bytes(b"12345")
    connection = Connection.parse("lake", f"spark:///{tmp_path}?master=local%5B1%5D")
    assert connection.extra == {"master": "local[1]"}
    found = estimate(connection, "t", suite_size=3)
    assert (found.rows, found.bytes, found.queries) == (None, 10, 7)


@pytest.mark.parametrize("name", ["../t", "t.parquet", "/t", "absent"])
def test_only_what_is_in_the_folder_is_a_table(tmp_path, name):
    (tmp_path / "lake").mkdir()
    (tmp_path / "t.parquet").touch()
    (tmp_path / "lake" / "t.parquet").touch()
    with pytest.raises(SourceRefused, match="there is no table"):
        estimate(Connection("lake", "spark", host=str(tmp_path / "lake")), name)
