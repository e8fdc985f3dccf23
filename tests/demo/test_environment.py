import json
from pathlib import Path

import pytest

from affidavit.inventory import from_environment
from affidavit.settings import Settings
from demo import environment
from demo.layout import Layout


@pytest.fixture
def layout(tmp_path):
    return Layout.of(tmp_path / "a folder", bin=tmp_path)


@pytest.fixture
def airflow(layout):
    return environment.with_airflow({}, layout=layout, url="http://127.0.0.1:1", execution_url="http://127.0.0.1:2")


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
    again = environment.with_airflow({}, layout=layout, url="http://127.0.0.1:1", execution_url="http://127.0.0.1:2")

    assert not any(airflow[name] == again[name] for name in secrets)


def test_the_password_is_airflows_to_read_and_nobody_elses(tmp_path):
    path = tmp_path / "passwords.json"

    password = environment.write_password(path)

    assert json.loads(path.read_text()) == {"admin": password}
    assert path.stat().st_mode & 0o777 == 0o600
