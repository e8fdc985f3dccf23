"""One AI system on several tracking servers."""

import pytest

from affidavit.errors import SourceError
from affidavit.pipeline import collection
from affidavit.projections import in_use
from tests.pipeline.conftest import Tracking, system


@pytest.fixture
def second(project) -> Tracking:
    """Runs and a model on what the system calls its second server."""
    tracking = Tracking(project.tracking.url, f"{project.tracking.name}-second")
    tracking.experiment()
    run = tracking.run()
    tracking.model()
    tracking.alias(tracking.version(run))
    project.connections["second"] = tracking.url
    there = {"connection": "second", "experiments": [tracking.name], "registered_models": [tracking.name]}
    project.declare(**system("loans", project.tracking.name, more_mlflow=[there]))
    return tracking


def subjects(project, kind):
    return sorted(entry.statement.subject.name.partition("://")[2].partition("/")[0] for entry in project.entries(kind))


def added(project):
    before = project.size()
    project.tomorrow()
    project.collect()
    return [entry.statement.kind for entry in project.entries()[before:]]


def test_what_lies_on_either_server_is_collected_each_from_its_own_cursor(project, second):
    project.collect()
    for kind in ("model-run", "model-version", "model-alias"):
        assert subjects(project, kind) == ["second", "tracking"]
    assert added(project) == ["collection"]
    second.run()
    assert added(project) == ["model-run", "collection"]
    cursors = project.entries(kind="collection")[-1].statement.facts["collectors"]
    assert set(cursors["mlflow-runs"]["cursor"]) == {project.tracking.experiment_id}
    assert set(cursors["mlflow-runs:second"]["cursor"]) == {second.experiment_id}


def test_the_version_in_use_is_told_on_each_server(project, second):
    project.collect()
    scope = project.assess().state.scope("system:loans")
    homes = {used.home: used.version_name for used in in_use(scope)}
    assert homes == {
        f"mlflow://tracking/models/{project.tracking.name}": "1",
        f"mlflow://second/models/{second.name}": "1",
    }


def test_one_server_that_is_down_keeps_the_slot_from_being_recorded(project, second):
    project.connections["second"] = "http://127.0.0.1:1"
    before = project.size()
    with pytest.raises(SourceError, match="MLflow second"):
        project.collect()
    assert project.size() == before


def test_a_server_that_was_dropped_unapproved_is_looked_at_all_the_same(project, second):
    project.collect()
    project.declare(**system("loans", project.tracking.name))
    second.run()
    assert added(project) == ["system-declaration", "model-run", "collection"]
    pending = project.assess().state.scope("system:loans").pending
    assert {each.field for each in pending} == {"more_mlflow.second"}


def test_tasks_have_names_that_airflow_allows(project, second):
    tasks = [step.task for step in collection.steps(project.workplace, "loans")]
    assert tasks[-4:] == ["mlflow-runs", "mlflow-runs_second", "mlflow-models", "mlflow-models_second"]
