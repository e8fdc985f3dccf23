"""Copies: a folder, a store in memory, a tag on a real MLflow server."""

import uuid

import fsspec
import pytest
import requests

from affidavit.anchor import copies
from affidavit.errors import ConfigurationError, LedgerRolledBack, SourceError, SourceRefused, SourceUnavailable
from affidavit.projections.reader import Head
from tests.conftest import NOON


def head(size=3, root=b"r" * 32, note=None):
    from affidavit.tlog.checkpoint import Checkpoint

    text = Checkpoint("log.example", size, root).text
    return Head("log.example", size, root, NOON, note or f"{text}\n— log.example AAAAAAAA\n")


@pytest.fixture(params=["file", "memory"])
def url(request, tmp_path):
    yield f"file://{tmp_path}/heads" if request.param == "file" else f"memory://{uuid.uuid4().hex}"
    if request.param == "memory":
        fsspec.filesystem("memory").store.clear()


def test_each_head_is_an_object_of_its_own(url):
    copies.store(url, head(3))
    copies.store(url, head(12))
    files, root = fsspec.core.url_to_fs(url)
    assert sorted(path.rpartition("/")[2] for path in files.ls(root, detail=False)) == [
        "000000000003.checkpoint",
        "000000000012.checkpoint",
    ]
    assert files.cat_file(f"{root}/000000000003.checkpoint").decode() == head(3).note


def test_the_same_head_signed_again_is_no_other_and_nothing_is_written_over(url):
    copies.store(url, head())
    copies.store(url, head(note=head().note.replace("AAAAAAAA", "BBBBBBBB")))
    files, root = fsspec.core.url_to_fs(url)
    assert files.cat_file(f"{root}/000000000003.checkpoint").decode() == head().note


def test_another_head_of_a_size_that_is_kept_is_found(url):
    copies.store(url, head())
    with pytest.raises(LedgerRolledBack, match="another head of 3"):
        copies.store(url, head(root=b"f" * 32))


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceUnavailable) as error:
        copies.store(f"{tmp_path}/file/heads", head())
    assert error.value.where == f"{tmp_path}/file/heads"
    with pytest.raises(ConfigurationError):
        copies.store("nosuch://x", head())


def test_a_tag_holds_the_newest_head(project, mlflow):
    name = f"e-{uuid.uuid4().hex[:8]}"
    api = f"{mlflow.url}/api/2.0/mlflow/experiments"
    made = requests.post(f"{api}/create", json={"name": name}, timeout=30).json()["experiment_id"]
    project.connections["tracking"] = mlflow.url
    project.declare({"id": "tag", "means": "mlflow-tag", "connection": "tracking", "experiment": name})
    project.append()
    [done] = project.anchor().anchored
    assert (done.means, done.where) == ("copy", f"mlflow://tracking/experiments/{name}")
    tags = requests.get(f"{api}/get", params={"experiment_id": made}, timeout=30).json()["experiment"]["tags"]
    assert {tag["key"]: tag["value"] for tag in tags}[copies.TAG] == done.head.note
    with pytest.raises(SourceRefused, match="404"):
        copies.tag(mlflow.url, "no such", head(), headers={})


def test_a_server_that_is_none_is_refused(mlflow):
    with pytest.raises(SourceError):
        copies.tag(f"{mlflow.url}/elsewhere", "e", head(), headers={})
