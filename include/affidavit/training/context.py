"""Tags that each new MLflow run gets: the state of its code, its container image and its Airflow run.

MLflow finds the provider by its entry point and asks it at each ``mlflow.start_run``. Where MLflow has a name for a
tag, that name is used.

| tag | from |
|---|---|
| ``mlflow.source.git.dirty`` | ``true`` where ``git status`` has anything to say about the checkout of the script |
| ``mlflow.source.git.commit`` | ``GIT_COMMIT``, for a script in no checkout; else MLflow's own |
| ``mlflow.docker.image.uri`` | ``CONTAINER_IMAGE``, else ``CI_JOB_IMAGE``, which GitLab sets |
| ``affidavit.airflow.dag``, ``….run``, ``….task``, ``….try`` | ``AIRFLOW_CTX_…``, which Airflow sets for its tasks |
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mlflow.tracking.context.abstract_context import RunContextProvider
from mlflow.utils.mlflow_tags import MLFLOW_DOCKER_IMAGE_URI, MLFLOW_GIT_COMMIT, MLFLOW_GIT_DIRTY

from affidavit.training.harmless import harmless

_IMAGE = ("CONTAINER_IMAGE", "CI_JOB_IMAGE")
_AIRFLOW = {
    "affidavit.airflow.dag": "AIRFLOW_CTX_DAG_ID",
    "affidavit.airflow.run": "AIRFLOW_CTX_DAG_RUN_ID",
    "affidavit.airflow.task": "AIRFLOW_CTX_TASK_ID",
    "affidavit.airflow.try": "AIRFLOW_CTX_TRY_NUMBER",
}
_LONGEST = 500
"""Characters of a tag's value that any MLflow store takes. A longer one would keep the run from starting."""


class TrainingRunContext(RunContextProvider):
    """See :mod:`affidavit.training.context`."""

    def in_context(self) -> bool:
        """Always: each tag decides for itself."""
        return True

    def tags(self) -> dict[str, str]:
        """The tags of a run that starts now. Never raises."""
        found = _elsewhere(os.environ)
        with harmless("the state of the code was not tagged"):
            found |= _code(os.environ, sys.argv[0] if sys.argv else "")
        return {name: value for name, value in found.items() if 0 < len(value) <= _LONGEST}


def _elsewhere(environ: Mapping[str, str]) -> dict[str, str]:
    image = next((environ[name] for name in _IMAGE if environ.get(name)), "")
    return {MLFLOW_DOCKER_IMAGE_URI: image} | {tag: environ.get(name, "") for tag, name in _AIRFLOW.items()}


def _code(environ: Mapping[str, str], script: str) -> dict[str, str]:
    built = {MLFLOW_GIT_COMMIT: environ.get("GIT_COMMIT", "")}
    if not script:  # a console
        return built
    try:
        import git
    except ImportError:  # no git here: MLflow says so itself
        return built
    place = Path(script)
    try:
        # The checkout that MLflow takes the commit from: that of the script, or of what is named like one.
        with git.Repo(place.absolute().parent if place.is_file() else place, search_parent_directories=True) as repo:
            return {MLFLOW_GIT_DIRTY: str(repo.is_dirty(untracked_files=True)).lower()}
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return built
