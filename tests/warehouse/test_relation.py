import pytest

from affidavit.warehouse import Relation, relation, snapshot


def behind(warehouse, table="t"):
    with snapshot(warehouse.connection, timeout_seconds=20) as opened:
        return relation(opened, opened.table(table), about=table)


@pytest.fixture
def base(warehouse):
    warehouse.run("CREATE TABLE base (id INT)", "INSERT INTO base VALUES (1), (2)")
    return warehouse


def test_a_table_is_a_table(base):
    assert behind(base, "base") == Relation("table", None)


def test_the_same_view_is_the_same_and_another_under_its_name_is_not(base):
    base.run("CREATE VIEW t AS SELECT id FROM base")
    first = behind(base)
    assert (first.kind, len(first.sha256)) == ("view", 64)
    base.run("INSERT INTO base VALUES (3)")
    assert behind(base) == first
    base.run("DROP VIEW t", "CREATE VIEW t AS SELECT id FROM base WHERE id < 3")
    assert behind(base) not in {first, Relation("table", None)}
    base.run("DROP VIEW t", "CREATE VIEW t AS SELECT id FROM base")
    assert behind(base) == first


def test_a_view_within_a_view_is_part_of_it(base):
    quoted = '"inner view"'
    base.run(
        f"CREATE VIEW {quoted} AS SELECT id FROM base",
        f"CREATE VIEW middle AS SELECT id FROM {quoted}",
        "CREATE VIEW t AS SELECT id FROM middle",
        "CREATE VIEW elsewhere AS SELECT 1 AS id",
    )
    first = behind(base)
    base.run("DROP VIEW elsewhere", "CREATE VIEW elsewhere AS SELECT 2 AS id")
    assert behind(base) == first
    both = ("DROP VIEW t", "DROP VIEW middle", f"DROP VIEW {quoted}")
    base.run(
        *both,
        f"CREATE VIEW {quoted} AS SELECT id FROM base WHERE id > 1",
        f"CREATE VIEW middle AS SELECT id FROM {quoted}",
        "CREATE VIEW t AS SELECT id FROM middle",
    )
    assert behind(base) != first


def test_a_view_within_a_view_is_part_of_it_however_its_name_is_spelt(base):
    base.run("CREATE VIEW Inner_View AS SELECT id FROM base", "CREATE VIEW t AS SELECT id FROM INNER_VIEW")
    first = behind(base)
    base.run(
        "DROP VIEW t",
        "DROP VIEW inner_view",
        "CREATE VIEW Inner_View AS SELECT id FROM base WHERE id > 1",
        "CREATE VIEW t AS SELECT id FROM INNER_VIEW",
    )
    assert behind(base) != first


def test_a_table_in_the_place_of_a_view_is_seen(base):
    base.run("CREATE VIEW t AS SELECT id FROM base")
    assert behind(base).kind == "view"
    base.run("DROP VIEW t", "CREATE TABLE t (id INT)")
    assert behind(base) == Relation("table", None)


def test_materialised_views_say_so(postgres):
    postgres.run("CREATE MATERIALIZED VIEW t AS SELECT 1 AS id")
    assert behind(postgres).kind == "materialised view"
