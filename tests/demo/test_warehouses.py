from datetime import date
from pathlib import Path

import duckdb
import pytest

from demo.warehouses import load_bank, load_clinic

CSV = Path(__file__).resolve().parents[2] / "demo" / "data" / "hmda_boston.csv"


def ask(path, sql):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.sql(sql).fetchall()


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    path = tmp_path_factory.mktemp("bank") / "bank.duckdb"
    assert load_bank(path, csv=CSV) == {"applications_train": 1667, "applications_test": 714}
    return path


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    path = tmp_path_factory.mktemp("clinic") / "clinic.duckdb"
    assert load_clinic(path) == {"samples_train": 398, "samples_test": 171}
    return path


ALL = "(FROM applications_train UNION ALL FROM applications_test)"


def test_every_application_is_in_one_of_the_two_tables(bank):
    assert ask(bank, f"SELECT count(*), count(DISTINCT application_id), max(application_id) FROM {ALL}") == [
        (2381, 2381, 2381)
    ]


def test_the_sources_defects_are_still_there(bank):
    assert ask(bank, f"SELECT count(*) - count(pbcr), count(*) - count(self), max(dir), max(lvr) FROM {ALL}") == [
        (1, 1, 3.0, 1.95)
    ]
    rates = ask(bank, f"SELECT black, round(avg((deny = 'yes')::INT), 3) FROM {ALL} GROUP BY black ORDER BY black")
    assert rates == [("no", 0.093), ("yes", 0.283)]


def test_applications_have_the_columns_that_the_inventory_and_the_suites_name(bank):
    columns = {name: kind for name, kind, *_ in ask(bank, "DESCRIBE applications_train")}

    assert columns["application_id"] == "BIGINT"
    assert columns["received_on"] == "DATE"
    assert columns["pbcr"] == columns["self"] == columns["black"] == columns["deny"] == "VARCHAR"
    assert len(columns) == 15


def test_dates_lie_in_the_year_of_the_study(bank):
    [(first, last)] = ask(bank, f"SELECT min(received_on), max(received_on) FROM {ALL}")

    assert date(1990, 1, 1) <= first < last <= date(1990, 12, 31)


def test_loading_twice_gives_the_same_rows(bank, tmp_path):
    again = tmp_path / "again.duckdb"
    load_bank(again, csv=CSV)

    assert ask(again, "FROM applications_train") == ask(bank, "FROM applications_train")


def test_samples_are_all_there_with_their_finding(clinic):
    both = "(FROM samples_train UNION ALL FROM samples_test)"

    assert ask(clinic, f"SELECT malignant, count(*) FROM {both} GROUP BY ALL ORDER BY ALL") == [
        ("no", 357),
        ("yes", 212),
    ]
    columns = [name for name, *_ in ask(clinic, "DESCRIBE samples_train")]
    assert columns[0] == "sample_id"
    assert columns[-1] == "malignant"
    assert len(columns) == 32
    assert not any(" " in name for name in columns)
