"""OpenLineage events on their way through a whole collection."""

import json
from datetime import timedelta

import pytest

from affidavit.errors import SourceGarbled
from affidavit.evidence import kinds
from affidavit.pipeline.lineage import lineage_of
from tests.pipeline.conftest import system

JOB = "openlineage://jobs/etl/fill"
RAW, TABLE = "warehouse://bank/raw", "warehouse://bank/loans"


@pytest.fixture
def told(project):
    """The project, with a folder of events; the function puts one there, ended before the present look."""
    folder = project.root / "events"
    folder.mkdir()
    project.declare(**system("loans", project.tracking.name, openlineage=str(folder)))

    def tell(name: str, **changes) -> None:
        namespace = f"duckdb://{project.warehouse}"
        event = {
            "eventType": "COMPLETE",
            "eventTime": (project.now - timedelta(minutes=1)).isoformat(),
            "producer": "https://example.org/etl",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
            "run": {"runId": "0197a9ee-0000-7000-8000-000000000001"},
            "job": {"namespace": "etl", "name": "fill"},
            "inputs": [{"namespace": namespace, "name": "main.raw"}],
            "outputs": [{"namespace": namespace, "name": "main.loans"}],
            **changes,
        }
        (folder / name).write_text(json.dumps(event) + "\n")

    return tell


def edges(project):
    with project.workplace.reader() as ledger:
        known = lineage_of(ledger, "loans", at=ledger.head().time)
    return [(each.source.name, each.relation, each.target.name) for each in known.graph.upstream(known.graph.in_use)]


def test_the_model_in_use_leads_back_through_the_job_to_the_source_table_and_each_run_counts_once(project, told):
    told("1.json")
    project.collect()
    assert {(RAW, "read by", JOB), (JOB, "wrote", TABLE), (TABLE, "stood as", TABLE)} <= set(edges(project))
    size = project.size()
    project.collect()
    assert project.size() == size, "the same slot with nothing new"
    project.tomorrow()
    told("2.json", run={"runId": "0197a9ee-0000-7000-8000-000000000002"})
    project.collect()
    jobs = [e for e in project.entries(kind=kinds.LINEAGE_EDGE.name) if "OpenLineage" in e.statement.facts["basis"]]
    assert len(jobs) == 4
    assert jobs[2].statement.supersedes == jobs[0].leaf_hash
    looked = project.entries(kind=kinds.COLLECTION.name)[-1].statement.facts["collectors"]["openlineage"]
    assert (looked["enumerated"], looked["new"]) == (1, 2)


def test_a_bad_event_keeps_the_slot_open_and_says_where_until_it_is_mended(project, told):
    told("1.json", outputs=[{"namespace": "a", "name": 7}])
    size = project.size()
    with pytest.raises(SourceGarbled, match=r"1\.json, line 1: .*outputs\.0\.name"):
        project.collect()
    assert project.size() == size
    told("1.json")
    project.collect()
    assert (JOB, "wrote", TABLE) in edges(project)
