"""What each server is told: its settings and secrets, as environment variables."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from demo.layout import Layout

ADMIN = "admin"
SERVICE = "affidavit"
"""As whom Affidavit itself calls Airflow: to start the DAGs that ask people, and to read what they answered."""

PEOPLE = ("director", "governance", "steward", "engineer", "operator", "auditor")
"""Those of ``include/organisation.yaml``, where their accounts stand; a script answers for them."""

USERS = {ADMIN: "admin", SERVICE: "user"} | {f"demo-user-{name}": "user" for name in PEOPLE}
"""Users of Airflow's simple auth manager, and the role of each."""

QUIET = {
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "TQDM_DISABLE": "1",
}
"""Nothing that the demo starts reports usage to anybody, and no log fills with progress bars."""


def base(environ: Mapping[str, str], *, layout: Layout) -> dict[str, str]:
    """The caller's environment without its own Airflow, MLflow and Affidavit settings: the demo stands by itself."""
    foreign = ("AIRFLOW", "AFFIDAVIT_", "MLFLOW_", "GX_", "PYTHONPATH", "PYTHONSTARTUP")
    kept = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    loopback = ",".join(filter(None, [kept.get("NO_PROXY", kept.get("no_proxy", "")), "127.0.0.1", "localhost"]))
    return kept | QUIET | {"NO_PROXY": loopback, "no_proxy": loopback, "PYTHONPATH": str(layout.root)}


def with_mlflow_server(environment: Mapping[str, str]) -> dict[str, str]:
    """For the MLflow server: nobody asked for its job runner, four processes in sessions of their own."""
    return dict(environment) | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def with_training(environment: Mapping[str, str], *, layout: Layout, tracking: str) -> dict[str, str]:
    """For the ML teams' scripts: where MLflow is, and the warehouse that one of them logs by name."""
    return dict(environment) | {
        "MLFLOW_TRACKING_URI": tracking,
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        # The runs take seconds: at MLflow's usual ten seconds between samples none would have any.
        "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "0.2",
        # MLflow notes which variables are read while it logs a model, in a set that its threads change under it.
        "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
        "AIRFLOW_CONN_BANK": _duckdb(layout.bank),
    }


def with_affidavit(environment: Mapping[str, str], *, layout: Layout, tracking: str) -> dict[str, str]:
    """For whatever runs Affidavit: its stores, and the connections that the inventory names."""
    return dict(environment) | {
        "AFFIDAVIT_PROJECT": str(layout.root),
        "AFFIDAVIT_LEDGER_URL": f"sqlite:///{layout.ledger}",
        "AFFIDAVIT_BLOBS_URL": layout.blobs.as_uri(),
        "AFFIDAVIT_STAGING_URL": layout.staging.as_uri(),
        "AFFIDAVIT_KEY_FILE": str(layout.key),
        "AFFIDAVIT_SITE_DIR": str(layout.site),
        "AIRFLOW_CONN_MLFLOW_DEFAULT": tracking,
        "AIRFLOW_CONN_BANK": _duckdb(layout.bank),
        "AIRFLOW_CONN_CLINIC": _duckdb(layout.clinic),
    }


def with_airflow(
    environment: Mapping[str, str], *, layout: Layout, url: str, execution_url: str, password: str
) -> dict[str, str]:
    """For Airflow's processes: loopback only, users with passwords, secrets made for this run and stored nowhere.

    ``url`` is where people and the demo call Airflow, ``execution_url`` where its tasks do. ``password`` is that of
    :data:`SERVICE`.
    """
    scheme, _, place = url.partition("://")
    return dict(environment) | {
        "PYTHONPATH": os.pathsep.join([str(layout.root), str(layout.root / "config")]),
        "AIRFLOW_HOME": str(layout.airflow),
        # One writer at a time: the others wait for it, on a busy machine longer than the usual five seconds.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{layout.airflow / 'airflow.db'}?timeout=20",
        "AIRFLOW__CORE__DAGS_FOLDER": str(layout.dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{execution_url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(layout.passwords),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW_CONN_AIRFLOW_API": f"{scheme}://{SERVICE}:{password}@{place}",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
    }


def write_passwords(path: Path) -> dict[str, str]:
    """Generate each user's password and store them where Airflow looks, readable by its owner only.

    Airflow would generate them itself, and print them into a log.
    """
    passwords = {name: secrets.token_urlsafe(12) for name in USERS}
    path.touch(mode=0o600)
    path.write_text(json.dumps(passwords) + "\n")
    return passwords


def _duckdb(path: Path) -> str:
    return f"duckdb:///{quote(str(path))}"
