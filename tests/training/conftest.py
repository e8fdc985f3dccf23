"""An ML team's process: MLflow's own client, a real server, and connections in the environment."""

import json
from collections.abc import Callable, Iterator

import mlflow as client
import pytest

from affidavit.inventory import Connection
from affidavit.inventory.connection import variable
from tests.collect.conftest import Team
from tests.conftest import Mlflow
from tests.warehouse.databases import duck, lite, postgres, warehouse

__all__ = ["duck", "lite", "postgres", "warehouse"]


@pytest.fixture
def team(mlflow: Mlflow) -> Iterator[Team]:
    """A new experiment, and the client of this process logs to it."""
    team, before = Team(mlflow), client.get_tracking_uri()
    client.set_tracking_uri(mlflow.url)
    client.set_experiment(team.name)
    yield team
    client.set_tracking_uri(mlflow.url)
    while client.active_run():
        client.end_run()
    client.set_tracking_uri(before)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Callable[[Connection], None]:
    """Puts a connection into the environment, as Airflow's JSON."""

    def put(connection: Connection) -> None:
        fields = ("host", "port", "login", "password", "schema")
        document = {"conn_type": connection.type} | {name: getattr(connection, name) for name in fields}
        monkeypatch.setenv(variable(connection.id), json.dumps(document))

    return put
