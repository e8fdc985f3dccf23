"""The whole demo: real Airflow, real MLflow, real data, from nothing to the posture.

What the summary says is counted again here from the bytes of the ledger, without the code that made the summary.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def home(demonstrated: Path) -> Path:
    """The demo's folder, after it has run."""
    return demonstrated / ".demo"


@pytest.fixture(scope="module")
def summary(home: Path) -> dict:
    document: dict = json.loads((home / "summary.json").read_text())
    return document


@pytest.fixture(scope="module")
def statements(home: Path) -> list[dict]:
    """Every leaf, read as plain JSON."""
    with sqlite3.connect(home / "ledger.db") as database:
        return [json.loads(leaf) for (leaf,) in database.execute('SELECT leaf FROM entries ORDER BY "index"')]


def kind(statement: dict) -> str:
    own = re.fullmatch(r"urn:affidavit:([a-z-]+):v\d+", statement["predicateType"])
    return (
        own[1] if own else {"https://in-toto.io/attestation/test-result/v0.1": "validation"}[statement["predicateType"]]
    )


def header(statement: dict) -> dict:
    predicate = statement["predicate"]
    return predicate.get("header") or predicate["affidavit"]["header"]


def test_every_number_of_the_summary_is_in_the_ledger(summary, statements):
    assert summary["entries"] == len(statements) == summary["checkpoint"]["size"]
    assert summary["entries_by_kind"] == dict(Counter(map(kind, statements)))
    assert summary["systems"] == ["applicant-helpdesk", "mortgage-approval", "tumour-triage"]
    recorded = {
        header(each)["scope"]: each["predicate"]["controls"] for each in statements if kind(each) == "assessment"
    }
    shown = {f"system:{name}": counts for name, counts in summary["controls"].items()}
    shown["organisation"] = summary["organisation"]
    assert {s: dict(Counter(c["status"] for c in controls.values())) for s, controls in recorded.items()} == shown
    texts = Counter(header(each)["demonstration"] for each in statements if header(each)["demonstration"])
    assert summary["demonstrations"] == dict(texts)


@pytest.mark.parametrize(
    ("collector", "kinds"),
    [
        ("declarations", {"system-declaration", "suite-declaration"}),
        # Scores of the second round have another time than those that the first look saw.
        ("table", {"dataset-snapshot", "validation", "late-data", "measurement"}),
        ("mlflow-runs", {"model-run"}),
        ("mlflow-models", {"model-version", "model-alias", "measurement"}),
        ("lineage", {"lineage-edge"}),
        ("register", {"register"}),
        ("collection", {"collection"}),
        ("assessment", {"assessment"}),
    ],
)
@pytest.mark.parametrize("system", ["mortgage-approval", "tumour-triage"])
def test_each_collector_brought_its_evidence_about_each_system(statements, system, collector, kinds):
    mine = [each for each in statements if header(each)["scope"] == f"system:{system}"]
    assert {kind(e) for e in mine if header(e)["collector"]["name"].partition(":")[0] == collector} == kinds


def of_family(statements: list[dict], family: str) -> list[dict]:
    return [e["predicate"] for e in statements if kind(e) == "measurement" and e["predicate"]["family"] == family]


def test_the_scripted_agent_is_measured_by_its_traces_alone(statements):
    [found] = of_family(statements, "agents")  # the second look saw the same traces
    assert (found["source"], found["rows"]) == ("help-desk", 60)
    assert found["settings"]["baseline"] == "2025-01-06 up to 2025-01-13, 60 traces"
    assert "Scripted throughout" in found["header"]["demonstration"]
    results = {(each["measure"], each["about"]): each["value"] for each in found["results"]}
    assert results["trace_error_rate", None] < 0.1  # what its file asks for
    assert results["tool_call_share", "other"] > 0  # a tool that it should not call
    assert results["total_variation_distance", "tool_mix"] > 0.2  # it searches more than it did
    assert "send_letter" not in json.dumps(statements)


def test_what_training_took_is_recorded_of_each_version_in_use(statements):
    found = of_family(statements, "resources")
    assert {each["model"] for each in found} == {"mortgage-approval", "tumour-triage"}
    for each in found:
        values = {result["measure"]: result["value"] for result in each["results"]}
        assert values["training_time_total"] > 0
        assert 0 <= values["cpu_utilization_percentage_max"] <= 100


def test_everything_was_collected_by_airflow(statements):
    assert all(header(each)["airflow"]["dag"] for each in statements if kind(each) != "genesis")


def test_what_is_scripted_says_so(statements):
    def rests_on_nothing(statement: dict) -> bool:
        # Airflow's hourly tick may have judged the ledger when it held entry 0 alone.
        return kind(statement) == "genesis" or (header(statement)["basis"] or {}).get("size") == 1

    assert all(header(each)["demonstration"] for each in statements if not rests_on_nothing(each))


def test_the_real_defects_are_reported(statements):
    failed = {
        each["subject"][0]["name"]: set(each["predicate"]["failedTests"])
        for each in statements
        if kind(each) == "validation" and each["predicate"]["result"] == "FAILED"
    }
    assert set(failed) == {"warehouse://bank/applications_train", "warehouse://bank/applications_test"}
    found = set().union(*failed.values())
    assert {
        "expect_column_values_to_not_be_null:pbcr",  # missing values
        "expect_column_values_to_be_between:dir",  # implausible ratios
        "expect_column_values_to_not_be_in_set:deny",  # unequal denial rates
    } <= found


def test_the_registers_hold_what_the_demo_served_and_agree(statements):
    found = {each["subject"][0]["name"]: each["predicate"] for each in statements if kind(each) == "register"}
    assert set(found) == {"affidavit://registers/requests-served", "affidavit://registers/event-logs"}
    for facts in found.values():
        compared = facts["reconciled"]
        assert (compared["matched"], compared["only_here"], compared["only_there"]) == (facts["rows"], 0, 0)
        assert facts["rows"] > 100
        assert "scripted" in facts["header"]["demonstration"]


def measured(statements: list[dict], system: str, family: str, version: str | None) -> dict:
    """The latest measurement of a family."""
    found = [
        each["predicate"]
        for each in statements
        if kind(each) == "measurement" and header(each)["scope"] == f"system:{system}"
    ]
    return [each for each in found if (each["family"], each["version"]) == (family, version)][-1]


def test_the_version_in_use_is_measured_on_the_rows_that_it_answered(home, statements):
    import duckdb

    with duckdb.connect(str(home / "bank.duckdb"), read_only=True) as bank:
        query = "SELECT black, avg((score >= 0.5)::INT), count(*) FROM applications_scored GROUP BY black"
        rates = {black: (rate, rows) for black, rate, rows in bank.sql(query).fetchall()}
        [(version,)] = bank.sql("SELECT DISTINCT model_version FROM applications_scored").fetchall()
    found = measured(statements, "mortgage-approval", "fairness", version)
    results = {
        (each["measure"], each["about"], each["group"].get("black")): each["value"]
        for each in found["results"]
        if "single" not in each["group"]
    }
    for black, (rate, _) in rates.items():
        assert results["selection_rate", None, black] == pytest.approx(rate)
    ratio = min(rate for rate, _ in rates.values()) / max(rate for rate, _ in rates.values())
    assert results["demographic_parity_ratio", "black", None] == pytest.approx(ratio)
    assert ratio < 0.8, "the real data fails its fairness threshold"
    assert found["rows"] == sum(rows for _, rows in rates.values())


def test_thresholds_that_stood_before_the_second_round_judge_it(home):
    command = Path(sys.executable).with_name("affidavit")
    urls = {"AFFIDAVIT_BLOBS_URL": str(home / "blobs"), "AFFIDAVIT_LEDGER_URL": f"sqlite:///{home}/ledger.db"}
    done = subprocess.run(
        [command, "status", "--json"], env=os.environ | urls, capture_output=True, text=True, check=True
    )
    scopes = json.loads(done.stdout)["scopes"]
    parts = {
        (scope.removeprefix("system:"), verdict["control"]): {part["check"]: part for part in verdict["parts"]}
        for scope, each in scopes.items()
        for verdict in each["controls"]
    }
    fairness = parts["mortgage-approval", "A.5.4"]["thresholds_met/1"]
    assert fairness["status"] == "failing"
    assert "demographic_parity_ratio about black" in fairness["sentence"]
    assert parts["mortgage-approval", "A.5.4"]["measured/1"]["status"] == "supported"
    tumours = parts["tumour-triage", "A.6.2.4"]["thresholds_met/1"]
    assert tumours["status"] == "supported", tumours["sentence"]
    assert "was preceded by" in tumours["sentence"]


def test_each_row_of_the_books_is_a_record_and_those_that_are_wrong_fail_their_clause(statements):
    found = Counter((header(e)["scope"], e["predicate"]["book"]) for e in statements if kind(e) == "record")
    assert found == {
        ("system:mortgage-approval", "risks"): 3,
        ("system:mortgage-approval", "risk-actions"): 4,
        ("organisation", "planned-changes"): 2,
        ("organisation", "audits"): 2,
        ("organisation", "improvements"): 1,
        ("organisation", "nonconformities"): 1,
    }
    controls = [each["predicate"]["controls"] for each in statements if kind(each) == "assessment"]
    latest = [each for each in controls if "9.2.2" in each][-1]
    assert {latest[clause]["status"] for clause in ("8.3", "9.2.2")} == {"failing"}


def test_good_data_supports_and_bad_data_in_use_fails(statements):
    recorded = {
        header(each)["scope"]: each["predicate"]["controls"] for each in statements if kind(each) == "assessment"
    }
    assert recorded["system:tumour-triage"]["A.7.4"]["status"] == "supported"
    assert recorded["system:mortgage-approval"]["A.7.4"]["status"] == "failing"


def test_what_the_users_of_the_demo_answered_is_in_the_ledger_and_says_that_a_script_did(statements):
    found = [each for each in statements if kind(each) == "decision"]
    answered = {(e["predicate"]["type"], header(e)["by"], e["predicate"]["option"]) for e in found}
    assert answered == {
        ("exclusion", "demo-governance", "approve"),
        ("exception", "demo-engineer", "approve"),
        ("document", "demo-director", "approve"),
        ("deployment", "demo-engineer", "approve"),
        ("deployment", "demo-engineer", "reject"),
        ("judgement", "demo-auditor", "adequate"),
    }
    for each in found:
        assert "script" in header(each)["demonstration"]
        facts = each["predicate"]
        assert (facts["state"], facts["responder"]) == ("answered", "person")
        assert facts["authentication"] == {"manager": "SimpleAuthManager", "all_admins": False}
        assert header(each)["by"] not in {facts["requested_by"], *facts["authors"]}
    assert "demo-user-" not in json.dumps(statements), "accounts stay in the file"


def test_decisions_give_the_statuses_that_they_should(statements):
    recorded = {
        header(each)["scope"]: each["predicate"]["controls"] for each in statements if kind(each) == "assessment"
    }
    assert recorded["organisation"]["A.10.3"]["status"] == "not applicable"
    assert recorded["organisation"]["4.3"]["status"] == "supported"
    assert recorded["system:applicant-helpdesk"]["A.6.2.4"]["status"] == "accepted"
    # Rejected, and in use all the same; the other is approved, and what only a person can write is missing still.
    assert recorded["system:mortgage-approval"]["A.6.2.5"]["status"] == "failing"
    assert recorded["system:tumour-triage"]["A.6.2.5"]["status"] == "missing"


@pytest.mark.parametrize(
    ("system", "basis"),
    [
        ("mortgage-approval", "the run recorded the table's fingerprint itself; a snapshot of the table has the same"),
        ("tumour-triage", "matched by dataset name"),
    ],
)
def test_lineage_reaches_the_tables_with_the_two_lines_and_without(statements, system, basis):
    mine = [each for each in statements if header(each)["scope"] == f"system:{system}"]
    states = {
        (each["subject"][0]["name"], each["subject"][0]["digest"]["sha256"])
        for each in mine
        if kind(each) == "dataset-snapshot"
    }
    edges = [each["predicate"] for each in mine if kind(each) == "lineage-edge"]
    used = [each for each in edges if each["relation"] in {"trained on", "evaluated on"}]
    assert len({each["to"]["name"] for each in used}) >= 3
    assert {(each["from"]["name"], each["from"]["digest"]) for each in used} <= states
    assert all(basis in each["basis"] for each in used)


def test_the_ledger_verifies(home, statements):
    command = Path(sys.executable).with_name("affidavit")
    urls = {"AFFIDAVIT_BLOBS_URL": str(home / "blobs"), "AFFIDAVIT_LEDGER_URL": f"sqlite:///{home}/ledger.db"}
    done = subprocess.run([command, "verify"], env=os.environ | urls, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # nobody outside has named the author
    assert f"intact: {len(statements)} entries" in done.stdout
    assert done.stdout.startswith("demonstration")


def test_the_site_leads_from_a_control_to_its_data_docs_in_two_clicks(home):
    def links(page: Path) -> set[Path]:
        return {(page.parent / href).resolve() for href in re.findall(r'href="([^"#:]+)', page.read_text())}

    site = (home / "site").resolve()
    control = site / "controls" / "A.7.4.html"
    assert control in links(site / "index.html")
    entries = {page for page in links(control) if page.parent == site / "entries"}
    docs = set().union(*(links(page) for page in entries))
    assert any(page.parent == site / "data-docs" and page.exists() for page in docs)


def test_logs_can_be_read(home):
    """A task says little, a server some lines for each task that ran; none of the hundreds that an import can print."""
    tasks = list((home / "airflow" / "logs").glob("dag_id=*/**/*.log"))
    assert len(tasks) > 20
    limits = dict.fromkeys(tasks, 40) | dict.fromkeys((home / "logs").glob("*.log"), 100 + 40 * len(tasks))
    for log, limit in limits.items():
        text = log.read_text(errors="replace")
        assert "Skipping registering" not in text, log
        assert "nanobind" not in text, log
        lines = [line for line in text.splitlines() if "http.access" not in line]
        assert len(lines) < limit, log
