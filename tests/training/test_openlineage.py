"""Our transport under OpenLineage's own client, and what the collector makes of what it spooled."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.uuid import generate_new_uuid

from affidavit.collect.openlineage import look_at_openlineage
from affidavit.errors import ConfigurationError
from affidavit.evidence import Circumstances
from affidavit.inventory import Connection, System
from affidavit.training.openlineage import SpoolConfig
from tests.projections.story import system

TRANSPORT = "affidavit.training.openlineage.SpoolTransport"
HOME = "duckdb:///data/bank.duckdb"


def client(url: str) -> OpenLineageClient:
    return OpenLineageClient(config={"transport": {"type": TRANSPORT, "url": url}})


def tell(told: OpenLineageClient, run: str, state: RunState) -> None:
    event = RunEvent(
        eventTime=datetime.now(UTC).isoformat(),
        producer="https://example.org/etl",
        run=Run(runId=run),
        job=Job(namespace="etl", name="clean"),
        eventType=state,
        inputs=[InputDataset(namespace=HOME, name="raw")],
        outputs=[OutputDataset(namespace=HOME, name="loans_train")],
    )
    told.emit(event)


def test_what_a_job_tells_the_client_becomes_an_edge(tmp_path: Path):
    url = f"file://{tmp_path}/spool"
    run, told = str(generate_new_uuid()), client(url)
    for state in (RunState.START, RunState.COMPLETE):
        tell(told, run, state)
    files = sorted((tmp_path / "spool").iterdir())
    assert [json.loads(file.read_text())["eventType"] for file in files] == ["START", "COMPLETE"], "sorted by time"
    declared = System.model_validate({**system(), "openlineage": url})
    bank = Connection("bank", "duckdb", schema="/data/bank.duckdb")
    look = look_at_openlineage(declared, [bank], cursor=None, seen=Circumstances(datetime.now(UTC)))
    assert [(d.facts["from"]["name"], d.facts["to"]["name"]) for d in look.drafts] == [
        ("warehouse://bank/raw", "openlineage://jobs/etl/clean"),
        ("openlineage://jobs/etl/clean", "warehouse://bank/loans_train"),
    ]


def test_a_store_of_objects_takes_events_too(tmp_path: Path):
    import fsspec

    tell(client("memory://spool"), str(generate_new_uuid()), RunState.COMPLETE)
    files = fsspec.filesystem("memory").find("/spool")
    assert len(files) == 1


def test_a_folder_that_cannot_be_written_is_logged_and_breaks_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING, logger="affidavit.training"):
        tell(client(f"{tmp_path}/file/spool"), str(generate_new_uuid()), RunState.COMPLETE)
    assert "was not spooled" in caplog.text


@pytest.mark.parametrize("params", [{}, {"url": ""}, {"url": 7}, {"url": "relative/folder"}])
def test_a_configuration_without_a_folder_is_refused(params: dict):
    with pytest.raises(ConfigurationError, match="url"):
        SpoolConfig.from_dict(params)
