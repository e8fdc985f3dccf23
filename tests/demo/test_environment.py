import json
from pathlib import Path

import pytest

from affidavit.inventory import from_environment
from affidavit.inventory.load import load_organisation
from affidavit.settings import Settings
from demo import environment
from demo.layout import Layout

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def layout(tmp_path):
    return Layout.of(tmp_path / "a folder", bin=tmp_path)


def with_airflow(layout):
    return environment.with_airflow(
        {}, layout=layout, url="http://127.0.0.1:1", execution_url="http://127.0.0.1:2", password="p-w_1"
    )


@pytest.fixture
def airflow(layout):
    return with_airflow(layout)


def test_settings_of_the_callers_own_do_not_leak_in(layout):
    foreign = {
        "AIRFLOW__CORE__EXECUTOR": "X",
        "AFFIDAVIT_LEDGER_URL": "x",
        "MLFLOW_TRACKING_URI": "x",
        "HOME": "/home/me",
    }

    base = environment.base(foreign, layout=layout)

    assert base["HOME"] == "/home/me"
    assert not set(base) & {"AIRFLOW__CORE__EXECUTOR", "AFFIDAVIT_LEDGER_URL", "MLFLOW_TRACKING_URI"}


def test_nothing_reports_usage(layout):
    base = environment.base({"GX_ANALYTICS_ENABLED": "true"}, layout=layout)

    assert base["GX_ANALYTICS_ENABLED"] == "false"
    assert base["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert base["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"


def test_loopback_passes_no_proxy(layout):
    base = environment.base({"NO_PROXY": "example.org"}, layout=layout)

    assert base["NO_PROXY"] == base["no_proxy"] == "example.org,127.0.0.1,localhost"


def test_affidavit_reads_its_settings_and_connections(layout):
    given = environment.with_affidavit({}, layout=layout, tracking="http://127.0.0.1:5000")

    settings = Settings.read(given, Path("/elsewhere"))
    resolve = from_environment(given)

    assert settings.project == layout.root
    assert settings.ledger_url == f"sqlite:///{layout.ledger}"
    assert resolve("bank").path == str(layout.bank)
    assert resolve("clinic").path == str(layout.clinic)
    assert (resolve("mlflow_default").host, resolve("mlflow_default").port) == ("127.0.0.1", 5000)


def test_secrets_are_made_anew_each_time(layout, airflow):
    secrets = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET")
    again = with_airflow(layout)

    assert not any(airflow[name] == again[name] for name in secrets)


def test_the_passwords_are_airflows_to_read_and_nobody_elses(tmp_path):
    path = tmp_path / "passwords.json"

    passwords = environment.write_passwords(path)

    assert json.loads(path.read_text()) == passwords
    assert set(passwords) == set(environment.USERS)
    assert len(set(passwords.values())) == len(passwords)
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_decides_is_a_user_and_nobody_but_the_administrator_is_one(airflow):
    organisation = load_organisation(ROOT / "include" / "organisation.yaml")
    accounts = {account for person in organisation.people.values() for account in person.accounts}
    roles = dict(user.split(":") for user in airflow["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"].split(","))

    assert accounts == roles.keys() - {"admin", "affidavit"}
    assert {name for name, role in roles.items() if role == "admin"} == {"admin"}
    assert not any("ALL_ADMINS" in name for name in airflow)


def test_affidavit_calls_airflow_as_a_user_of_its_own(airflow):
    found = from_environment(airflow)("airflow_api")

    assert (found.type, found.host, found.port) == ("http", "127.0.0.1", 1)
    assert (found.login, found.password) == ("affidavit", "p-w_1")
