"""200 secrets and names in the values of columns: none is in a statement, a blob, a log line, an error or a page."""

import hashlib
import json
import logging
import random
import string
from dataclasses import replace
from datetime import date, timedelta

import pytest

from affidavit.collect.tables import look_at_table
from affidavit.errors import SuiteError
from affidavit.evidence import kinds, loads
from affidavit.evidence.salted import payload
from affidavit.inventory import Dataset
from affidavit.quality import render
from tests.collect.test_tables import LATER, SYSTEM, bank
from tests.quality.suites import expects, suite

__all__ = ["bank"]

TRAIN = Dataset(id="train", connection="bank", table="t", use="training", suite="applications", timeout_seconds=60)
BELOW = {"row_condition": 'col("balance") > 0', "condition_parser": "great_expectations"}
FAILING = suite(
    expects("expect_column_values_to_be_null", column="name"),
    expects("expect_column_values_to_be_in_set", column="name", value_set=["nobody"]),
    expects("expect_column_values_to_be_unique", column="token"),
    expects("expect_column_values_to_match_regex", column="token", regex="^never$", **BELOW),
    expects("expect_column_value_lengths_to_equal", column="name", value=1),
    expects("expect_column_values_to_be_between", column="balance", max_value=-1),
    expects("expect_column_value_z_scores_to_be_less_than", column="balance", threshold=0, double_sided=True),
    expects("expect_column_max_to_be_between", column="balance", max_value=-1),
    expects("expect_column_min_to_be_between", column="ssn", max_value=-1),
    expects("expect_column_median_to_be_between", column="ssn", max_value=-1),
    expects("expect_column_sum_to_be_between", column="balance", max_value=-1),
    expects("expect_column_mean_to_be_between", column="balance", max_value=-1, **BELOW),
    expects("expect_column_sum_to_be_between", column="fine", max_value=-1),
    expects("expect_column_mean_to_be_between", column="fine", max_value=-1),
    expects("expect_column_stdev_to_be_between", column="fine", max_value=-1),
    expects("expect_column_max_to_be_between", column="born", max_value="1900-01-01"),
    expects("expect_column_most_common_value_to_be_in_set", column="name", value_set=["nobody"]),
    expects("expect_column_distinct_values_to_be_in_set", column="token", value_set=["nothing"]),
    expects("expect_column_distinct_values_to_equal_set", column="name", value_set=["nobody"]),
    expects("expect_column_pair_values_to_be_equal", column_A="name", column_B="token", ignore_row_if="neither"),
    expects("expect_column_pair_values_a_to_be_greater_than_b", column_A="balance", column_B="ssn"),
    expects("expect_compound_columns_to_be_unique", column_list=["name", "token"]),
    expects("expect_multicolumn_sum_to_equal", column_list=["balance", "ssn"], sum_total=1),
    expects("expect_table_columns_to_not_look_personal"),
)


def corpus():
    """40 rows of five secrets each: a name, a token, a number, an amount and a date, all different."""
    source, letters = random.Random(42), string.ascii_lowercase + "éüñß"
    rows = []
    for number in range(40):
        name = " ".join("".join(source.choices(letters, k=7)).title() for _ in range(2))
        token = "sk-" + "".join(source.choices(string.ascii_letters + string.digits, k=24))
        born = date(1941, 3, 7) + timedelta(days=379 * number + source.randrange(300))
        rows.append((name, token, source.randrange(10**8, 10**9), source.randrange(10**7, 10**8) / 100, str(born)))
    assert len({value for row in rows for value in row}) == 200
    return rows


def fill(bank, rows):
    values = ", ".join(f"({bank.text(n)}, {bank.text(t)}, {ssn}, {amount}, '{d}', 0)" for n, t, ssn, amount, d in rows)
    kinds = "name VARCHAR(80), token VARCHAR(80), ssn BIGINT, balance DOUBLE PRECISION, born DATE, fine DECIMAL(12, 2)"
    # Each row stands twice, so that nothing is unique; and of one column a single value is not zero.
    bank.run(f"CREATE TABLE t ({kinds})", *[f"INSERT INTO t VALUES {values}"] * 2)
    bank.run("INSERT INTO t (fine) VALUES (8675309.25)")
    rows.append((8675309.25, "8675309"))


def none_in(rows, *texts):
    together = "\n".join(texts)
    # JSON, and some logs, write é as an escape.
    written = [form for row in rows for value in row for form in (str(value), json.dumps(str(value))[1:-1])]
    assert [secret for secret in written if secret in together] == []


def test_no_value_of_a_row_leaves_the_warehouse(bank, caplog):
    rows = corpus()
    fill(bank, rows)
    caplog.set_level(logging.DEBUG)
    look = look_at_table(SYSTEM, TRAIN, FAILING, connection=bank.connection, seen=LATER)
    shot, test = look.drafts
    assert len(test.facts["failed"]) == len(FAILING.expectations), set(test.facts["passedTests"])
    details = [payload(blob) for blob in look.blobs]
    assert all(column["histogram"] for column in loads(details[0])["columns"] if column["name"] in {"ssn", "balance"})
    fine = {each["test"]: each["result"] for each in loads(details[1])["results"] if each["test"].endswith(":fine")}
    assert fine["expect_column_sum_to_be_between:fine"] == {"observed_value": "1,000,000 to 1,000,000,000"}
    page = render(details[1], where="blob")
    leaves = [draft.seal(None).decode() for draft in (shot, test)]
    none_in(rows, *leaves, *(blob.decode() for blob in details), page, repr(look), caplog.text)


def test_examples_of_failing_rows_lie_in_one_erasable_blob_and_nowhere_else(bank, caplog):
    rows = corpus()
    fill(bank, rows)
    caplog.set_level(logging.DEBUG)
    allowed = TRAIN.model_copy(update={"examples": 3})
    look = look_at_table(SYSTEM, allowed, FAILING, connection=bank.connection, seen=LATER)
    drafts = {draft.kind.name: draft for draft in look.drafts}
    details = {hashlib.sha256(blob).hexdigest(): payload(blob) for blob in look.blobs}
    kept = details.pop(drafts["failing-rows"].facts["details"]["digest"]["sha256"])
    assert any(str(value) in kept.decode() for row in rows for value in row)
    assert drafts["failing-rows"].kind.name in kinds.WITH_BLOBS
    leaves = [draft.seal(None).decode() for draft in look.drafts]
    page = render(details[drafts["validation"].facts["details"]["digest"]["sha256"]], where="blob")
    said = repr(replace(look, blobs=()))
    none_in(rows, *leaves, *(blob.decode() for blob in details.values()), page, said, caplog.text)


@pytest.mark.parametrize(
    "refused",
    [
        expects("expect_column_mean_to_be_between", column="name", max_value=1),
        expects("expect_column_values_to_match_regex", column="token", regex="("),
        expects("expect_multicolumn_sum_to_equal", column_list=["name", "ssn"], sum_total=1),
    ],
)
def test_what_the_warehouse_refuses_is_refused_without_a_value(bank, caplog, refused):
    rows = corpus()
    fill(bank, rows)
    caplog.set_level(logging.DEBUG)
    try:
        look = look_at_table(SYSTEM, TRAIN, suite(refused), connection=bank.connection, seen=LATER)
        said = repr(look) + "".join(payload(blob).decode() for blob in look.blobs)
    except SuiteError as error:
        said, cause = str(error), error.__cause__
        while cause is not None:  # what a traceback in a task's log would show
            said, cause = said + str(cause), cause.__cause__
    none_in(rows, said, caplog.text)
