import logging

import git
import pytest

from affidavit.training.context import TrainingRunContext, _code

AIRFLOW = {
    "AIRFLOW_CTX_DAG_ID": "train",
    "AIRFLOW_CTX_DAG_RUN_ID": "scheduled__2026-03-14",
    "AIRFLOW_CTX_TASK_ID": "fit",
    "AIRFLOW_CTX_TRY_NUMBER": "2",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """No variable that a tag is made from, and a script in no checkout."""
    for name in ("CONTAINER_IMAGE", "CI_JOB_IMAGE", "GIT_COMMIT", *AIRFLOW):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", [str(tmp_path / "nowhere" / "train.py")])


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A script that is committed in a checkout of its own, and runs."""
    script = tmp_path / "code" / "src" / "train.py"
    script.parent.mkdir(parents=True)
    script.write_text("fit()\n")
    with git.Repo.init(tmp_path / "code") as repo:
        repo.git.config("user.name", "tests")
        repo.git.config("user.email", "tests@example.org")
        (tmp_path / "code" / ".gitignore").write_text("*.log\n")
        repo.git.add(all=True)
        repo.git.commit(message="first")
    monkeypatch.setattr("sys.argv", [str(script)])
    return script


def tags() -> dict[str, str]:
    context = TrainingRunContext()
    assert context.in_context()
    return context.tags()


def test_nothing_known_is_nothing_tagged():
    assert tags() == {}


def test_a_checkout_that_its_commit_holds_is_clean(script):
    (script.parent / "ignored.log").write_text("noise")
    assert tags() == {"mlflow.source.git.dirty": "false"}, "the commit itself is MLflow's to tag"


@pytest.mark.parametrize("change", ["edited", "staged", "added", "removed", "elsewhere"])
def test_a_checkout_that_its_commit_does_not_hold_is_dirty(script, change):
    match change:
        case "edited":
            script.write_text("fit(more=True)\n")
        case "staged":
            script.write_text("fit(more=True)\n")
            with git.Repo(script.parents[1]) as repo:
                repo.git.add(all=True)
        case "added":
            (script.parent / "features.py").write_text("leak = True\n")
        case "removed":
            script.with_name("other.py").write_text("")
            with git.Repo(script.parents[1]) as repo:
                repo.git.add(all=True)
                repo.git.commit(message="second")
            script.with_name("other.py").unlink()
        case "elsewhere":
            (script.parents[1] / "config.yaml").write_text("c: 1\n")
    assert tags() == {"mlflow.source.git.dirty": "true"}


def test_the_state_is_that_of_each_run_and_not_of_the_first(script):
    context = TrainingRunContext()
    assert context.tags()["mlflow.source.git.dirty"] == "false"
    script.write_text("fit(more=True)\n")
    assert context.tags()["mlflow.source.git.dirty"] == "true"


def test_a_build_without_a_checkout_may_say_its_commit(monkeypatch):
    monkeypatch.setenv("GIT_COMMIT", "9c1e" * 10)
    assert tags() == {"mlflow.source.git.commit": "9c1e" * 10}


def test_in_a_checkout_the_commit_stays_mlflows(monkeypatch, script):
    monkeypatch.setenv("GIT_COMMIT", "9c1e" * 10)
    assert "mlflow.source.git.commit" not in tags()


@pytest.mark.parametrize("script", ["", "-c", "-m"])
def test_a_console_is_in_no_checkout_although_its_folder_is(monkeypatch, tmp_path, script):
    git.Repo.init(tmp_path).close()
    monkeypatch.chdir(tmp_path)
    assert _code({}, script) == {"mlflow.source.git.commit": ""}


def test_the_image_is_what_the_deployment_or_gitlab_says(monkeypatch):
    monkeypatch.setenv("CI_JOB_IMAGE", "python:3.13")
    assert tags() == {"mlflow.docker.image.uri": "python:3.13"}
    monkeypatch.setenv("CONTAINER_IMAGE", "registry/train@sha256:00")
    assert tags() == {"mlflow.docker.image.uri": "registry/train@sha256:00"}


def test_the_airflow_run_is_tagged(monkeypatch):
    for name, value in AIRFLOW.items():
        monkeypatch.setenv(name, value)
    assert tags() == {
        "affidavit.airflow.dag": "train",
        "affidavit.airflow.run": "scheduled__2026-03-14",
        "affidavit.airflow.task": "fit",
        "affidavit.airflow.try": "2",
    }


def test_a_value_that_mlflow_might_refuse_is_left_out_so_that_the_run_can_start(monkeypatch):
    monkeypatch.setenv("CONTAINER_IMAGE", "i" * 501)
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "fit")
    assert tags() == {"affidavit.airflow.task": "fit"}


def test_a_broken_checkout_is_one_warning_and_costs_no_other_tag(monkeypatch, script, caplog):
    monkeypatch.setenv("CONTAINER_IMAGE", "train:1")
    (script.parents[1] / ".git" / "index").write_bytes(b"broken")
    assert tags() == {"mlflow.docker.image.uri": "train:1"}
    [record] = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "the state of the code was not tagged, and the run goes on" in record.getMessage()


def test_the_names_are_those_that_airflow_gives_its_tasks():
    from airflow.sdk.execution_time.context import AIRFLOW_VAR_NAME_FORMAT_MAPPING

    given = {each["env_var_format"] for each in AIRFLOW_VAR_NAME_FORMAT_MAPPING.values()}
    assert set(AIRFLOW) <= given
