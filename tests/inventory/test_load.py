import subprocess
import sys

import pytest

from affidavit.errors import ConfigurationError, InventoryError, SuiteError
from affidavit.inventory.load import load, load_lenient, load_suite, load_system


def test_the_demo_loads_whole(project):
    inventory = load(project.include, project.suites)
    assert set(inventory.systems) == {"applicant-helpdesk", "mortgage-approval", "tumour-triage"}
    assert set(inventory.suites) == {"applications", "applications-scored", "samples", "samples-scored"}
    assert inventory.organisation.owner_of("A.7.4") == "data-owner"
    assert inventory.organisation.owner_of("9.2.1") == "governance-lead"
    assert inventory.organisation.owner_of("A.1") is None


# (old text, new text, field, line, what the message says, what the fix says)
SYSTEM_FAULTS = [
    ("risk_level: high", "risk_levle: high", "risk_levle", 6, "unknown key (and 1 more", "did you mean 'risk_level'?"),
    ("    table: applications_train", "    tabel: x", "datasets[0].tabel", 21, "unknown key", "did you mean 'table'?"),
    ("params: [", "parameters: [", "mlflow.allow.parameters", 16, "unknown key", "did you mean 'params'?"),
    ("title: Mortgage approval\n", "", "title", 2, "absent", "add title"),
    ("risk_level: high", "risk_level: hihg", "risk_level", 6, "not one of the values", "did you mean 'high'?"),
    (
        "risk_level: high",
        "risk_level: severe",
        "risk_level",
        6,
        "not one of the values",
        "'minimal', 'limited' or 'high'",
    ),
    ("owner: ml-lead", "owner: ml-laed", "owner", 7, "no role 'ml-laed'", "did you mean 'ml-lead'?"),
    ("owner: ml-lead", "owner: nobody", "owner", 7, "no role 'nobody'", "include/organisation.yaml"),
    ("suite: applications\n", "suite: aplications\n", "datasets[0].suite", 23, "no suite", "mean 'applications'?"),
    ("suite: applications-scored", "suite: zzz", "predictions[0].suite", 35, "no suite", "write expectations/zzz.yaml"),
    ("id: mortgage-approval", "id: mortgage", "id", 2, "not the file's name", "rename the file to mortgage.yaml"),
    ("id: applications-test", "id: applications-train", "datasets[1].id", 25, "a second table", "its own id"),
    ("id: applications-scored", "id: applications-test", "predictions[0].id", 32, "a second table", "its own id"),
    ("table: applications_test", "table: applications_train", "datasets[1].table", 27, "a second table", "once"),
    ('"@daily"', '"@dialy"', "schedule", 8, "the presets are", "five cron fields"),
    ('"@daily"', '"0 0 30 2 *"', "schedule", 8, "ever ticks", "five cron fields"),
    ('"@daily"', '"0 0 * *"', "schedule", 8, "has 4", "five cron fields"),
    ('"@daily"', '"0 25 * * *"', "schedule", 8, "ever ticks", "five cron fields"),
    ("use: training", "use: training\n    timeout_seconds: '60'", "datasets[0].timeout_seconds", 23, "integer", ""),
    ("use: training", "use: training\n    timeout_seconds: true", "datasets[0].timeout_seconds", 23, "integer", ""),
    ("use: training", "use: training\n    timeout_seconds: 0", "datasets[0].timeout_seconds", 23, "greater", ""),
    ("title: Mortgage approval", "title: 7", "title", 3, "not text", "quotes"),
    ("id: applications-train", "id: Applications", "datasets[0].id", 19, "not a name", "lower-case"),
    ("experiments: [mortgage-approval]", "experiments: []", "mlflow.experiments", 12, "at least 1", ""),
    ("experiments: [mortgage-approval]", "experiments: all", "mlflow.experiments", 12, "array", ""),
    ("owner: ml-lead", "owner: ml-lead\nowner: ml-lead", "owner", 8, "twice", "remove one"),
]


@pytest.mark.parametrize("fault", SYSTEM_FAULTS, ids=lambda fault: f"{fault[2]}: {fault[4]}")
def test_a_fault_names_file_line_field_and_fix_and_breaks_only_its_system(project, fault):
    old, new, field, line, problem, fix = fault
    project.spoil(project.mortgage, old, new)
    loaded = load_lenient(project.include, project.suites)
    assert set(loaded.inventory.systems) == {"applicant-helpdesk", "tumour-triage"}
    assert set(loaded.broken) == {"mortgage-approval"}
    error = loaded.broken["mortgage-approval"]
    assert isinstance(error, InventoryError)
    assert error.where == f"include/systems/mortgage-approval.yaml, line {line}, {field}"
    assert problem in error.problem
    assert fix in error.fix
    assert error.fix
    with pytest.raises(InventoryError):
        load(project.include, project.suites)


@pytest.mark.parametrize("field", ["connection: bank", "table: applications_train", "owner: ml-lead", "use: training"])
def test_a_password_in_the_wrong_place_is_not_repeated(project, field):
    key = field.partition(":")[0]
    project.spoil(project.mortgage, field, f"{key}: ['postgres://u:hunter2@h/db']")
    error = load_lenient(project.include, project.suites).broken["mortgage-approval"]
    assert "hunter2" not in repr(error)
    assert error.__cause__ is None
    project.spoil(project.mortgage, "['postgres://u:hunter2@h/db']", "postgres://u:hunter2@h/db")
    for error in load_lenient(project.include, project.suites).errors:
        assert "hunter2" not in error.text


def test_no_ai_system_takes_the_name_of_the_organisation(project):
    (project.systems / "organisation.yaml").write_text(
        project.mortgage.read_text().replace("id: mortgage-approval", "id: organisation", 1)
    )
    loaded = load_lenient(project.include, project.suites)
    assert "stands for the organisation" in loaded.broken["organisation"].text
    assert loaded.organisation is not None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("s3://user:hunter2@bucket/events", "credentials or a query"),
        ("https://host/events?token=hunter2", "credentials or a query"),
        ("events", "neither a URL nor an absolute path"),
    ],
)
def test_a_folder_of_events_is_named_whole_and_without_a_password(project, url, problem):
    project.mortgage.write_text(project.mortgage.read_text() + f"openlineage: {url}\n")
    text = load_lenient(project.include, project.suites).broken["mortgage-approval"].text
    assert "openlineage" in text
    assert problem in text
    assert "hunter2" not in text


def test_no_table_is_called_as_the_look_at_events(project):
    text = project.mortgage.read_text().replace("applications-train", "openlineage")
    project.mortgage.write_text(text)
    assert load_lenient(project.include, project.suites).broken == {}
    project.mortgage.write_text(text + "openlineage: /events\n")
    assert "choose another id" in load_lenient(project.include, project.suites).broken["mortgage-approval"].text


def test_two_files_with_one_id_break_only_the_copy(project):
    (project.systems / "copy.yaml").write_text(project.mortgage.read_text())
    loaded = load_lenient(project.include, project.suites)
    assert set(loaded.broken) == {"copy"}
    assert "mortgage-approval" in loaded.systems


@pytest.mark.parametrize(
    ("old", "new", "where", "problem"),
    [
        ("A.2: top-management", "A.2: top-managment", "line 12, owners.A.2", "no role"),
        ("holders: [demo-director]", "holders: [Ann Example]", "line 6, roles.top-management.holders[0]", "not a name"),
        ("roles:", "rolls:", "line 5, rolls", "unknown key"),
        ("id: harbour-savings", "id: harbour-savings\nschedule: never", "line 3, schedule", "five fields"),
        ("id: harbour-savings", "id: harbour-savings\nretention: {validation: 0}", "line 3, retention.validation", "1"),
        ("id: harbour-savings", "id: harbour-savings\nretention: {model-run: 9}", "line 3, retention.model-run", "not"),
        (
            "id: harbour-savings",
            "id: harbour-savings\nlegal_holds: [{id: a, scope: x, since: 2026-03-01}]",
            "line 3, legal_holds[0].reason",
            "absent",
        ),
        (
            "id: harbour-savings",
            "id: harbour-savings\nlegal_holds: [{id: a, scope: x, reason: A claim, since: soon}]",
            "line 3, legal_holds[0].since",
            "date",
        ),
        (
            "id: harbour-savings",
            "id: harbour-savings\nlegal_holds:\n" + 2 * "  - {id: a, scope: x, reason: A claim, since: 2026-03-01}\n",
            "line 5, legal_holds[1].id",
            "a second legal hold",
        ),
    ],
)
def test_a_fault_in_the_organisation_leaves_the_systems(project, old, new, where, problem):
    project.spoil(project.organisation, old, new)
    loaded = load_lenient(project.include, project.suites)
    assert set(loaded.systems) == {"applicant-helpdesk", "mortgage-approval", "tumour-triage"}
    assert set(loaded.broken) == {"organisation"}
    assert loaded.broken["organisation"].where == f"include/organisation.yaml, {where}"
    assert problem in loaded.broken["organisation"].problem
    with pytest.raises(InventoryError, match=r"organisation\.yaml"):
        _ = loaded.inventory


@pytest.mark.parametrize(
    ("old", "new", "where", "problem"),
    [
        ("quality: uniqueness", "quality: uniqeness", "line 15, expectations[1].quality", "not one of the values"),
        ("type: expect_column_values_to_be_unique", "type: be_unique", "line 13, expectations[1].type", "not a name"),
        ("name: applications", "name: other", "line 2, name", "not the file's name"),
        ("{column: received_on}", "{column: application_id}", "line 17, expectations[2]", "a second expectation"),
        ("    kwargs: {column: dmi,", "    kwarg: {column: dmi,", ", expectations[13].kwarg", "unknown key"),
    ],
)
def test_a_broken_suite_breaks_the_systems_that_use_it(project, old, new, where, problem):
    project.spoil(project.applications, old, new)
    loaded = load_lenient(project.include, project.suites)
    error = loaded.broken_suites["applications"]
    assert isinstance(error, SuiteError)
    assert error.where.startswith("expectations/applications.yaml, line ")
    assert error.where.endswith(where)
    assert problem in error.problem
    assert loaded.broken == {"mortgage-approval": error}
    assert loaded.errors == (error,)


def test_a_file_that_would_be_overlooked_is_an_error(project):
    project.mortgage.rename(project.systems / "mortgage approval.yml")
    loaded = load_lenient(project.include, project.suites)
    assert "rename it to mortgage approval.yaml" in loaded.broken["mortgage_approval.yml"].fix


def test_keys_of_broken_files_are_safe_in_names(project):
    project.mortgage.rename(project.systems / "a b;'c.yaml")
    assert set(load_lenient(project.include, project.suites).broken) == {"a_b__c"}


def test_a_folder_with_nothing_in_it_says_what_is_absent(tmp_path):
    with pytest.raises(ConfigurationError, match=r"organisation\.yaml: there is no such file"):
        load(tmp_path / "include", tmp_path / "expectations")


def test_one_file_alone(project):
    assert load_system(project.mortgage).id == "mortgage-approval"
    assert load_suite(project.applications).digest != load_suite(project.suites / "samples.yaml").digest


def test_a_suite_has_the_same_digest_however_it_is_written(project):
    before = load_suite(project.applications).digest
    project.spoil(
        project.applications, "{column: dir, min_value: 0, max_value: 1}", "{max_value: 1, min_value: 0, column: dir}"
    )
    assert load_suite(project.applications).digest == before
    project.spoil(project.applications, "max_value: 1,", "max_value: 2,")
    assert load_suite(project.applications).digest != before


def test_importing_the_inventory_stays_light():
    code = (
        "import sys, affidavit.inventory; "
        "print([m for m in ('typer','sqlalchemy','pandas','croniter','great_expectations','mlflow','duckdb','airflow')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
