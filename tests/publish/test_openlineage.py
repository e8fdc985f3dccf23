"""The lineage as OpenLineage events, against the classes that their own specification generated, and read back."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openlineage.client.event_v2 import InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated.data_quality_assertions_dataset import (
    Assertion,
    DataQualityAssertionsDatasetFacet,
)
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

from affidavit.collect.openlineage import look_at_openlineage
from affidavit.evidence import Circumstances, kinds
from affidavit.inventory import Connection, System
from affidavit.projections import fold, graph
from affidavit.publish.openlineage import events
from tests.projections.story import SCOPE, SCORED, SUITE, TEST, TRAIN, Story, digest, system
from tests.projections.test_lineage_graph import LOGGED_MODEL, VERSION, whole

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/ml-model-facet.schema.json").read_text())
FAILED = SUITE.expectations[1].test


def told(story: Story) -> tuple[dict[str, Any], ...]:
    scope = fold(story.entries).scope(SCOPE)
    return events(scope, graph(scope), origin="example.org/log")


def complete(story: Story) -> dict[str, Any]:
    (event,) = (event for event in told(story) if event.get("eventType") == "COMPLETE")
    return event


def named(datasets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"{each['namespace']}/{each['name']}": each for each in datasets}


def test_a_run_names_the_states_that_it_read_and_the_models_that_it_made():
    event = complete(whole())
    assert event["job"] == {"namespace": "mlflow://tracking", "name": "loans"}
    inputs, outputs = named(event["inputs"]), named(event["outputs"])
    assert {name: each["facets"]["version"]["datasetVersion"] for name, each in inputs.items()} == {
        TRAIN: f"sha256:{digest('train 1')}",
        TEST: f"sha256:{digest('test 1')}",
    }
    assert {name: each["facets"]["version"]["datasetVersion"] for name, each in outputs.items()} == {
        LOGGED_MODEL: f"sha256:{digest('model')}",
        VERSION: f"sha256:{digest('model')}",
    }


def test_the_assertions_are_those_of_the_validation_of_the_very_state():
    story = whole()
    story.validation("train", "1", failed=(FAILED,))
    story.validation("train", "2")
    assertions = named(complete(story)["inputs"])[TRAIN]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {each["name"]: each["success"] for each in assertions} == {
        each.test: each.test != FAILED for each in SUITE.expectations
    }
    assert {each["column"] for each in assertions} == {"id", "group"}


def test_our_own_facet_has_its_schema_and_names_the_entry():
    story = whole()
    story.run(outputs=[{"name": LOGGED_MODEL, "digest": digest("model")}], metrics={"auc": 0.8, "loss": "float:nan"})
    facet = named(complete(story)["outputs"])[VERSION]["facets"]["affidavit_mlModel"]
    jsonschema.Draft202012Validator(SCHEMA).validate(facet)
    entry = story.entries[facet["evidence"]["entry"]]
    assert entry.statement.kind == kinds.MODEL_VERSION.name
    assert facet["evidence"]["leaf"] == entry.leaf_hash.hex()
    assert (facet["model"], facet["version"], facet["aliases"], facet["inUse"]) == ("loans", "1", ["champion"], True)
    story.alias(None)
    facet = named(complete(story)["outputs"])[VERSION]["facets"]["affidavit_mlModel"]
    assert (facet["aliases"], facet["inUse"]) == ([], False)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({**facet, "certified": True})


def test_what_is_declared_to_hold_the_answers_is_a_job_and_no_run():
    (event,) = (event for event in told(whole()) if "run" not in event)
    assert event["inputs"] == [{"namespace": "mlflow://tracking", "name": "models/loans@champion", "facets": {}}]
    assert named(event["outputs"])[SCORED]["facets"]["version"]["datasetVersion"] == f"sha256:{digest('scored 1')}"


@pytest.mark.parametrize(
    ("status", "types"),
    [
        ("FINISHED", ["START", "COMPLETE"]),
        ("FAILED", ["START", "FAIL"]),
        ("KILLED", ["START", "ABORT"]),
        ("RUNNING", ["START"]),
    ],
)
def test_a_run_that_did_not_end_well_is_not_told_as_complete(status: str, types: list[str]):
    story = whole()
    story.run(outputs=[{"name": LOGGED_MODEL, "digest": digest("model")}], status=status)
    assert [event["eventType"] for event in told(story) if "run" in event] == types


def test_a_run_keeps_its_uuid_and_events_come_in_order_of_time():
    story = whole()
    events = told(story)
    assert {event["run"]["runId"] for event in events if "run" in event} == {"2e477e07-571a-5671-b5c9-26b7277c9670"}
    times = [event["eventTime"] for event in events]
    assert times == sorted(times)


def typed(event: dict[str, Any]) -> RunEvent | JobEvent:
    """The event by the classes of OpenLineage's client, whose fields its specification generated."""

    def datasets(made: type, given: list[dict[str, Any]]) -> list[Any]:
        found = []
        for each in given:
            version = each["facets"].get("version")
            facets = {"version": DatasetVersionDatasetFacet(version["datasetVersion"])} if version else {}
            more = {}
            if quality := each.get("inputFacets", {}).get("dataQualityAssertions"):
                assertions = [Assertion(**assertion) for assertion in quality["assertions"]]
                more["inputFacets"] = {"dataQualityAssertions": DataQualityAssertionsDatasetFacet(assertions)}
            assert {"namespace", "name", "facets"} <= set(each) <= {"namespace", "name", "facets", "inputFacets"}
            found.append(made(namespace=each["namespace"], name=each["name"], facets=facets, **more))
        return found

    rest = {
        "eventTime": event["eventTime"],
        "producer": event["producer"],
        "job": Job(**event["job"]),
        "inputs": datasets(InputDataset, event["inputs"]),
        "outputs": datasets(OutputDataset, event["outputs"]),
    }
    if "run" not in event:
        return JobEvent(**rest)
    return RunEvent(run=Run(**event["run"]), eventType=RunState(event["eventType"]), **rest)


def test_each_event_is_one_by_the_classes_of_openlineage_and_names_their_schemas():
    for event in told(whole()):
        made = typed(event)
        assert made.schemaURL == event["schemaURL"]
        for given, same in zip(event["inputs"], made.inputs, strict=True):
            for name, facet in same.facets.items():
                assert facet._schemaURL == given["facets"][name]["_schemaURL"]
            for name, facet in (same.inputFacets or {}).items():
                assert facet._schemaURL == given["inputFacets"][name]["_schemaURL"]
        for dataset in (*event["inputs"], *event["outputs"]):
            for facet in (*dataset["facets"].values(), *dataset.get("inputFacets", {}).values()):
                assert {"_producer", "_schemaURL"} <= set(facet)


def test_our_own_collector_reads_them_back(tmp_path: Path):
    story = whole()
    (tmp_path / "1.ndjson").write_text("".join(json.dumps(event) + "\n" for event in told(story)))
    declared = System.model_validate({**system(), "openlineage": str(tmp_path)})
    seen = Circumstances(story.now + timedelta(days=1))
    look = look_at_openlineage(declared, [Connection("bank", "duckdb")], cursor=None, seen=seen)
    assert (look.enumerated, look.read) == (3, 1)
    ends = {draft.facts["from"]["name"]: draft.facts["from"]["digest"] for draft in look.drafts}
    assert (ends[TRAIN], ends[TEST]) == (digest("train 1"), digest("test 1"))
