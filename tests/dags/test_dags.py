"""The DAG files: what they make, what they load, and what a broken file does to the others."""

import pytest

from tests.dags.conftest import DAG_FILES, REPO, parse_in_a_fresh_interpreter

SYSTEM = "evidence.mortgage-approval"


def test_one_dag_per_system_and_one_for_the_organisation(parsed):
    assert set(parsed("ai_systems")["dags"]) == {
        SYSTEM,
        "evidence.tumour-triage",
        "evidence.applicant-helpdesk",
        "evidence.organisation",
    }


def test_task_groups_are_lifecycle_stages(parsed):
    tasks = parsed("ai_systems")["dags"][SYSTEM]["tasks"]
    assert set(tasks) == {
        "inception_design.declarations",
        "data_acquisition.applications-train",
        "verification_validation.applications-test",
        "verification_validation.applications-scored",
        "development.mlflow-runs",
        "deployment.mlflow-models",
        "operation_monitoring.register_requests-served",
        "operation_monitoring.register_event-logs",
        "cross_lifecycle.book_risks",
        "cross_lifecycle.book_risk-actions",
        "record",
    }
    assert tasks["record"]["upstream"] == sorted(set(tasks) - {"record"})


def test_tables_are_read_through_the_pool_of_their_warehouse(parsed):
    tasks = parsed("ai_systems")["dags"][SYSTEM]["tasks"]
    assert tasks["data_acquisition.applications-train"]["pool"] == "warehouse.bank"
    assert tasks["operation_monitoring.register_event-logs"]["pool"] == "warehouse.bank"
    assert tasks["development.mlflow-runs"]["pool"] == "default_pool"


def test_every_evidence_task_retries_and_no_two_runs_of_a_system_overlap(parsed):
    for dag in parsed("ai_systems")["dags"].values():
        assert all(task["retries"] > 0 for task in dag["tasks"].values())
        assert dag["max_active_runs"] == 1
        assert dag["catchup"] is False


def test_assets_link_each_collection_to_the_posture(parsed):
    made = {
        outlet
        for dag in parsed("ai_systems")["dags"].values()
        for task in dag["tasks"].values()
        for outlet in task["outlets"]
    }
    assert made == {
        "affidavit://evidence/mortgage-approval",
        "affidavit://evidence/tumour-triage",
        "affidavit://evidence/applicant-helpdesk",
        "affidavit://evidence/organisation",
    }


@pytest.mark.parametrize("name", DAG_FILES)
def test_parsing_loads_nothing_heavy(parsed, name):
    assert parsed(name)["heavy"] == []


def test_broken_files_are_one_failing_configuration_task_each_and_the_others_run(project, tmp_path):
    (project / "include/systems/tumour-triage.yaml").write_text("id: tumour-triage\nownr: ml-lead\n")
    (project / "include/systems/unfinished.yaml").write_text("id: [")
    (project / "include/organisation.yaml").write_text("id: harbour\n")
    [parsed] = parse_in_a_fresh_interpreter("ai_systems", project=project, home=tmp_path / "airflow")
    dags = parsed["dags"]
    for broken in ("evidence.tumour-triage", "evidence.unfinished", "evidence.organisation"):
        assert set(dags[broken]["tasks"]) == {"configuration"}
        assert dags[broken]["tasks"]["configuration"]["retries"] == 0
        kind, message = dags[broken]["raised"]["configuration"]
        assert kind == "AirflowFailException"
        assert message in dags[broken]["doc"]
    assert "ownr" in dags["evidence.tumour-triage"]["raised"]["configuration"][1]
    assert "record" in dags[SYSTEM]["tasks"]
    assert "ownr" in dags["evidence.tumour-triage"]["doc"]
    assert "unfinished.yaml" in dags["evidence.unfinished"]["doc"]


def test_the_posture_follows_every_collection(parsed):
    assert set(parsed("posture")["dags"]["posture"]["tasks"]) == {"assess", "publish", "remind", "request_decisions"}
    assert set(parsed("ledger_audit")["dags"]["ledger_audit"]["tasks"]) == {"verify", "erase_expired", "sweep_staging"}


def test_the_head_is_handed_over_after_every_collection_and_by_the_clock(parsed):
    dag = parsed("anchor")["dags"]["anchor"]
    assert set(dag["tasks"]) == {"anchor"}
    assert dag["tasks"]["anchor"]["retries"] > 0
    assert dag["schedule"] == "AssetOrTimeSchedule"


def test_a_second_parse_makes_the_same_dags(parsed, tmp_path):
    [again] = parse_in_a_fresh_interpreter("ai_systems", project=REPO, home=tmp_path / "airflow")
    assert again["dags"] == parsed("ai_systems")["dags"]


def test_each_system_has_a_dag_of_what_waits_for_a_person_and_so_has_the_organisation(parsed):
    dags = parsed("decisions")["dags"]
    assert {dag.replace("decisions.", "evidence.") for dag in dags} == set(parsed("ai_systems")["dags"])
    for dag_id, dag in dags.items():
        assert set(dag["tasks"]) == {"answer", "record"}
        assert dag["tasks"]["answer"]["retries"] == 0, "nobody is asked twice unless somebody says so"
        record = dag["tasks"]["record"]
        assert (record["upstream"], record["trigger_rule"]) == (["answer"], "all_done"), "also where nobody answered"
        assert record["outlets"] == [dag_id.replace("decisions.", "affidavit://evidence/")]
        assert dag["max_active_runs"] > 100, "one that nobody answers keeps no other from being asked"


def test_a_system_whose_file_is_broken_can_still_be_decided_on(project, tmp_path):
    (project / "include/systems/tumour-triage.yaml").write_text("id: [")
    (project / "include/organisation.yaml").write_text("id: harbour\n")
    [parsed] = parse_in_a_fresh_interpreter("decisions", project=project, home=tmp_path / "airflow")
    dags = parsed["dags"]
    assert {"decisions.tumour-triage", "decisions.organisation"} <= set(dags)
