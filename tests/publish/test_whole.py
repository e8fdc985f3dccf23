"""The site over real parts: a DuckDB table, Great Expectations, a ledger, the rules."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from affidavit import catalogue
from affidavit.collect.declarations import look_at_organisation, look_at_system
from affidavit.collect.tables import look_at_table
from affidavit.evidence import Circumstances
from affidavit.inventory import Connection, Organisation, Suite, System
from affidavit.ledger import Ledger, LocalSigner
from affidavit.pages.evidence import report_link
from affidavit.pages.links import Links
from affidavit.projections.state import fold
from affidavit.publish.site import build_site
from affidavit.quality.docs import render
from affidavit.rules import judge
from tests.pages.examples import NOTHING_DUE
from tests.pages.markup import Markup

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
SIMULATED = "A table made up for a test."
SYSTEM = System.model_validate(
    {
        "id": "parcels",
        "title": "Parcel sorting",
        "purpose": "Sorts parcels.",
        "organisation_role": "deployer",
        "risk_level": "limited",
        "owner": "lead",
        "schedule": "@daily",
        "demonstration": SIMULATED,
        "mlflow": {"connection": "tracking", "experiments": ["parcels"]},
        "datasets": [
            {"id": "train", "connection": "depot", "table": "parcels", "use": "training", "suite": "parcels"},
            {"id": "test", "connection": "depot", "table": "held_out", "use": "test", "suite": "parcels"},
        ],
    }
)
SUITE = Suite.model_validate(
    {
        "name": "parcels",
        "description": "What a parcel can be.",
        "expectations": [
            {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}, "quality": "completeness"},
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "weight", "min_value": 0, "max_value": 30},
                "quality": "validity",
            },
        ],
    }
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    database = tmp_path / "depot.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE parcels AS SELECT range AS id, range * 0.5 AS weight FROM range(100)")
        connection.execute("CREATE TABLE held_out AS SELECT range AS id, 1.0 AS weight FROM range(20)")
    depot = Connection(id="depot", type="duckdb", schema=str(database))
    signer = LocalSigner.generate(tmp_path / "key")
    ledger = Ledger.create(f"sqlite:///{tmp_path}/ledger.db", blobs=str(tmp_path / "blobs"), signer=signer, now=NOON)
    seen = Circumstances(NOON, demonstration=SIMULATED)
    organisation = Organisation.model_validate(
        {"id": "depot", "title": "Depot", "roles": {"lead": {"title": "Lead", "holders": ["p-1"]}}}
    )
    looks = [
        look_at_organisation(organisation, systems=["parcels"], seen=Circumstances(NOON)),
        look_at_system(SYSTEM, [SUITE], seen=seen),
    ]
    looks += [look_at_table(SYSTEM, table, SUITE, connection=depot, seen=seen) for table in SYSTEM.tables]
    for look in looks:
        ledger.append(look.drafts, now=NOON, blobs=look.blobs)
    return ledger


def test_controls_lead_to_entries_and_entries_to_data_docs(tmp_path: Path, ledger: Ledger):
    at, site = NOON + timedelta(hours=1), tmp_path / "site"
    state = fold(ledger.entries())
    verdicts = judge(state, at=at, catalogue=catalogue.load())
    report = build_site(
        site,
        reader=ledger,
        head=ledger.head(),
        verdicts=verdicts,
        catalogue=catalogue.load(),
        demonstrations=state.demonstrations,
        lineages={},
        completeness=NOTHING_DUE,
        at=at,
        render_docs=render,
    )
    validations = list(ledger.entries(kind="validation"))
    assert report.entries == ledger.head().size
    assert report.data_docs == len({report_link(e.statement, Links()) for e in validations}) == 2

    index = Markup((site / "index.html").read_text())
    assert index.faults() == []
    assert "Parcel sorting" in index.text
    assert "✕ 1 of 2 tests failed" in index.text
    row = next(v for v in verdicts if v.control == "A.7.4" and v.scope == "system:parcels")
    assert row.sentence in index.text
    for entry in validations:
        page = Markup((site / f"entries/{entry.index}.html").read_text())
        link = report_link(entry.statement, Links())
        assert link is not None
        digest = link.digest
        assert {f"entries/{entry.index}.html", f"data-docs/{digest}.html"} <= set(index.addresses)
        assert f"../data-docs/{digest}.html" in page.addresses
        docs = Markup((site / f"data-docs/{digest}.html").read_text())
        assert {f"../entries/{entry.index}.html", "../index.html"} <= set(docs.addresses)
        assert SIMULATED in docs.text
        assert docs.all("script") == docs.all("link") == []  # the style is in it: it reads the same later, and alone
        assert [fault for fault in docs.faults() if fault != "<style>"] == []
        assert len(docs.all("style")) == 1
        assert re.search(r"https?://|url\(|@import", docs.html) is None
        assert "default-src 'none'" in docs.all("meta")[1]["content"]
        failed = entry.statement.facts["failedTests"]
        assert ("1 of 2 expectations did not hold" if failed else "Each of 2 expectations held") in docs.text
        assert hashlib.sha256(ledger.blob(digest)).hexdigest() == digest


def test_no_page_says_that_anything_is_compliant(tmp_path: Path, ledger: Ledger):
    state, site = fold(ledger.entries()), tmp_path / "site"
    verdicts = judge(state, at=NOON, catalogue=catalogue.load())
    build_site(
        site,
        reader=ledger,
        head=ledger.head(),
        verdicts=verdicts,
        catalogue=catalogue.load(),
        demonstrations=state.demonstrations,
        lineages={},
        completeness=NOTHING_DUE,
        at=NOON,
        render_docs=render,
    )
    said = {p.name: Markup(p.read_text()).faults() for p in site.rglob("*.html") if p.parent.name != "data-docs"}
    assert {name: faults for name, faults in said.items() if faults} == {}
    assert [p.name for p in site.rglob("*") if p.is_file() and "compliant" in p.read_text().lower()] == []
