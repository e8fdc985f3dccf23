"""``affidavit lineage`` on a real MLflow server and a real warehouse."""

import json
from datetime import timedelta

from affidavit.evidence import timestamp

TABLE = "warehouse://bank/loans"


def test_the_model_in_use_resolves_to_the_fingerprint_of_its_training_table_in_both_directions(run, project):
    project.collect()
    fingerprint = project.entries(kind="dataset-snapshot")[0].statement.facts["fingerprint"]["sha256"]
    back = json.loads(run("lineage", "loans", "--json").stdout)
    assert [node["name"] for node in back["nodes"]] == [f"mlflow://tracking/models/{project.tracking.name}@champion"]
    trained = [edge for edge in back["upstream"] if edge["relation"] == "trained on"]
    assert [(edge["from"], edge["sha256"]) for edge in trained] == [
        ({"name": TABLE, "sha256": fingerprint, "thing": "table snapshot"}, fingerprint)
    ]
    assert back["missing"] == []
    ahead = json.loads(run("lineage", "loans", "--node", TABLE, "--json").stdout)
    assert back["nodes"][0] in [edge["to"] for edge in ahead["downstream"]]
    assert all(len(edge["sha256"]) == 64 for edge in (*back["upstream"], *ahead["downstream"]))
    for edge in back["upstream"]:
        assert 0 <= edge["entry"] < project.size()


def test_it_prints_both_ways_and_what_is_missing(run, project):
    project.collect()
    printed = run("lineage", "loans", "--node", TABLE).stdout
    assert "stood as" in printed
    assert "trained on" in printed
    assert "points at" in printed
    run_id = project.tracking.run(dataset="laptop.csv")
    project.tracking.alias(project.tracking.version(run_id))
    project.tomorrow()
    project.collect()
    assert "missing: the input 'laptop.csv'" in run("lineage", "loans").stdout


def test_as_of_a_date_it_is_what_was_known_then(run, project):
    project.collect()
    then = timestamp(project.now)
    before = json.loads(run("lineage", "loans", "--as-of", then, "--json").stdout)
    project.tomorrow()
    project.tracking.alias(project.tracking.version(project.tracking.run()))
    project.collect()
    after = json.loads(run("lineage", "loans", "--json").stdout)
    assert after["missing"]
    again = json.loads(run("lineage", "loans", "--as-of", then, "--json").stdout)
    assert again == before != {**after, "as_of": then}
    early = run("lineage", "loans", "--as-of", timestamp(project.now - timedelta(days=9)))
    assert early.returncode == 2
    assert "held nothing" in early.stderr


def test_a_node_or_system_that_is_not_there_is_named_with_those_that_are(run, project):
    project.collect()
    done = run("lineage", "loans", "--node", "loans")
    assert done.returncode == 2
    assert TABLE in done.stderr
    done = run("lineage", "cards")
    assert done.returncode == 2
    assert "'cards'" in done.stderr
    assert run("lineage", "loans", "--as-of", "2999-01-01").returncode == 2


def test_it_is_handed_out_as_openlineage_events_in_a_new_file(run, project):
    project.collect()
    done = run("lineage", "loans", "--openlineage", "out.ndjson")
    assert "2 OpenLineage events" in done.stdout, done.stderr
    told = [json.loads(line) for line in (project.root / "out.ndjson").read_text().splitlines()]
    assert [event["eventType"] for event in told] == ["START", "COMPLETE"]
    fingerprint = project.entries(kind="dataset-snapshot")[0].statement.facts["fingerprint"]["sha256"]
    assert told[1]["inputs"][0]["facets"]["version"]["datasetVersion"] == f"sha256:{fingerprint}"
    again = run("lineage", "loans", "--openlineage", "out.ndjson")
    assert again.returncode == 2
    assert "out.ndjson" in again.stderr
