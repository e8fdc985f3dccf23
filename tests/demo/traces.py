"""The scripted help desk at work in a test's own process."""

import warnings
from datetime import datetime

import pytest

from demo import agent


def scripted(url: str, experiment: str, *, seed: int, traces: int, now: datetime) -> tuple[agent.Tally, ...]:
    """Its traces, on the server, for each window before ``now``; gives what it counted itself."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        for variable, value in agent.CLIENT.items():
            patch.setenv(variable, value)
        # MLflow's client imports the rest of itself at the first span, and warns of its own type hints.
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType", module="mlflow")
        import mlflow

        before = mlflow.get_tracking_uri()
        try:
            return agent.run(url, experiment, seed=seed, traces=traces, windows=agent.habits(now))
        finally:
            mlflow.set_tracking_uri(before)
            mlflow.tracing.reset()
