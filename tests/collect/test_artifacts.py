import os

import pytest

from affidavit.collect.artifacts import Artifacts, _Local, _Moved
from affidavit.collect.rest import Api
from affidavit.errors import IntegrityError, SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.inventory import Connection


@pytest.fixture
def run_uri(team) -> str:
    return f"mlflow-artifacts:/{team.experiment_id}/{team.run()}/artifacts"


@pytest.fixture
def root(mlflow, run_uri):
    """Where the server keeps the run's artifacts: for names that no client could upload."""
    directory = mlflow.artifacts / run_uri.removeprefix("mlflow-artifacts:/")
    directory.mkdir(parents=True)
    return directory


@pytest.fixture
def artifacts(team):
    with Api(team.connection, product="MLflow") as api:
        yield Artifacts(api)


def test_a_tree_is_all_files_by_path_with_their_sizes_and_digests(artifacts, run_uri, root, tree_digest):
    files = {"a/b/c.txt": b"c", "a/b.txt": b"", "a b&=+.txt": b"x" * 600_000, "a.txt": b"a"}
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    tree = artifacts.tree(run_uri)
    assert tree.json() == {"files": 4, "bytes": 600_002, "moved": 0, "sha256": tree_digest(files)}
    before = tree.sha256
    (root / "a/b.txt").write_bytes(b"1")
    assert artifacts.tree(run_uri).sha256 != before
    assert artifacts.names(run_uri) == {"a", "a b&=+.txt", "a.txt"}


def test_no_artifacts_are_an_empty_tree(artifacts, run_uri, tree_digest):
    assert artifacts.tree(run_uri).json() == {"files": 0, "bytes": 0, "moved": 0, "sha256": tree_digest({})}


@pytest.mark.parametrize("name", ["a%2e%2e", "%2e%2e%2fb", "a#b", "a\\b", "a?b", "line\nbreak"])
def test_a_name_that_the_server_would_read_as_another_is_refused(artifacts, run_uri, root, name):
    (root / name).write_bytes(b"x")
    with pytest.raises(SourceRefused, match="artifact path"):
        artifacts.tree(run_uri)


@pytest.mark.parametrize(
    "uri",
    [
        "mlflow-artifacts:/1/../../etc",
        "mlflow-artifacts:/1/%2e%2e/etc",
        "mlflow-artifacts:/1/%252e%252e/etc",
        "mlflow-artifacts:/1/./x",
        "mlflow-artifacts:/1//x",
    ],
)
def test_a_uri_that_leads_elsewhere_is_refused(artifacts, uri):
    with pytest.raises(SourceRefused, match="leads elsewhere"):
        artifacts.tree(uri)


@pytest.mark.parametrize("name", ["../b", "..", "/etc/passwd", "a/b", ""])
def test_a_server_that_lists_names_that_lead_elsewhere_is_refused(serve, reply, name):
    listing = {"files": [{"path": name, "is_dir": False, "file_size": 1}]}
    with Api(serve(reply(200, listing)), product="MLflow") as api, pytest.raises(SourceRefused, match="leads else"):
        Artifacts(api).tree("mlflow-artifacts:/1/run/artifacts")


def test_directories_without_end_are_refused(serve, reply):
    connection = serve(reply(200, {"files": [{"path": "again", "is_dir": True}]}))
    with Api(connection, product="MLflow") as api, pytest.raises(SourceRefused, match="nested more than 32 deep"):
        Artifacts(api).tree("mlflow-artifacts:/1/run/artifacts")


@pytest.mark.parametrize(
    ("status", "text"), [(200, "four"), (404, '{"error_code": "RESOURCE_DOES_NOT_EXIST"}')], ids=["changed", "gone"]
)
def test_a_file_that_is_not_there_as_it_was_listed_has_moved_and_the_tree_has_no_digest(serve, reply, status, text):
    names = [{"path": name, "is_dir": False, "file_size": size} for name, size in (("a", 3), ("b", 5))]
    listing, moved, still = reply(200, {"files": names}), reply(status, text=text), reply(text="still")

    def answer(handler) -> None:
        (listing if "?path=" in handler.path else moved if handler.path.endswith("/a") else still)(handler)

    with Api(serve(answer), product="MLflow") as api:
        tree = Artifacts(api).tree("mlflow-artifacts:/1/run/artifacts")
    assert tree.json() == {"files": 2, "bytes": 5, "moved": 1, "sha256": None}


def test_a_file_that_is_written_while_it_is_read_has_moved_however_long_it_is(artifacts, tmp_path, monkeypatch):
    monkeypatch.setattr("affidavit.collect.artifacts._CHUNK", 2)
    file = tmp_path / "weights"
    file.write_bytes(b"before")
    os.utime(file, ns=(0, 0))
    pieces = _Local(artifacts._api).read(str(file))
    next(pieces)
    file.write_bytes(b"after!")
    with pytest.raises(_Moved):
        list(pieces)
    file.unlink()
    with pytest.raises(_Moved):
        list(_Local(artifacts._api).read(str(file)))
    assert artifacts.text(f"file://{tmp_path}", "weights", limit=9) == ""


@pytest.mark.parametrize(
    "uri",
    [
        "s3://bucket/x",
        "http://169.254.169.254/latest",
        "mlflow-artifacts://elsewhere/1/x",
        "relative/path",
        "",
        "dbfs:/x",
    ],
)
def test_other_stores_and_hosts_are_not_looked_at(serve, uri):
    asked = []
    with Api(serve(asked.append), product="MLflow") as api:
        assert Artifacts(api).tree(uri) is None
        assert Artifacts(api).text(uri, "MLmodel", limit=10) == ""
        assert Artifacts(api).names(uri) is None
    assert not asked


def test_a_directory_is_read_where_the_server_runs_on_this_machine(artifacts, tmp_path, tree_digest):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "c").write_bytes(b"c")
    digest = tree_digest({"a b/c": b"c"})
    assert artifacts.tree(f"file://{tmp_path}").sha256 == digest
    assert artifacts.tree(str(tmp_path)).sha256 == digest
    assert artifacts.tree(f"file://{tmp_path}/absent") is None, "perhaps on another disk: not the same as empty"


def test_a_directory_is_not_read_for_a_server_elsewhere(tmp_path):
    (tmp_path / "c").write_bytes(b"c")
    with Api(Connection("tracking", "http", "mlflow.example", 80), product="MLflow") as api:
        assert Artifacts(api).tree(f"file://{tmp_path}") is None


def test_a_link_in_a_directory_is_refused(artifacts, tmp_path):
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(SourceRefused, match="'link' is no regular file"):
        artifacts.tree(f"file://{tmp_path}")


def test_a_text_is_read_up_to_its_limit(artifacts, run_uri, root):
    (root / "MLmodel").write_bytes(b"signature" * 100_000)
    assert artifacts.text(run_uri, "MLmodel", limit=12) == "signaturesig"


def test_a_server_that_is_down_is_unavailable(serve, reply):
    with Api(serve(reply(500)), product="MLflow") as api, pytest.raises(SourceUnavailable):
        Artifacts(api).tree("mlflow-artifacts:/1/run/artifacts")


def test_what_is_kept_is_what_was_hashed_and_only_what_was_recorded(tmp_path, tree_digest):
    root, artifacts = tmp_path / "root", Artifacts(Api(Connection("t", "http", "127.0.0.1", 1), product="MLflow"))
    run_uri = str(root)
    files = {"a/b/c.txt": b"c", "MLmodel": b"x" * 300_000}
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    recorded = tree_digest(files)
    assert artifacts.save(run_uri, tmp_path / "1", sha256=recorded, limit=300_001).sha256 == recorded
    assert {path: (tmp_path / "1" / path).read_bytes() for path in files} == files
    with pytest.raises(SourceRefused, match="larger than what may be kept"):
        artifacts.save(run_uri, tmp_path / "2", sha256=recorded, limit=300_000)
    (root / "MLmodel").write_bytes(b"y" * 300_000)
    with pytest.raises(IntegrityError, match="not those that were recorded"):
        artifacts.save(run_uri, tmp_path / "3", sha256=recorded, limit=10**6)
    assert artifacts.save(run_uri, tmp_path / "4", sha256=None, limit=10**6).sha256 != recorded


def test_what_moves_is_listed_twice_or_has_no_room_is_not_kept(serve, reply, tmp_path):
    once = {"files": [{"path": "a", "file_size": 3}]}

    def moving(handler):
        listing = "path=" in handler.path
        reply(200, once)(handler) if listing else reply(200, text="longer than it was")(handler)

    with Api(serve(moving), product="MLflow") as api, pytest.raises(SourceUnavailable, match="1 artifacts changed"):
        Artifacts(api).save("mlflow-artifacts:/x", tmp_path / "1", sha256=None, limit=100)

    def twice(handler):
        listing = "path=" in handler.path
        reply(200, {"files": once["files"] * 2})(handler) if listing else reply(200, text="abc")(handler)

    with Api(serve(twice), product="MLflow") as api:
        with pytest.raises(SourceGarbled, match="the same artifact twice"):
            Artifacts(api).save("mlflow-artifacts:/x", tmp_path / "2", sha256=None, limit=100)
        (tmp_path / "file").touch()
        with pytest.raises(SourceUnavailable, match="cannot be kept"):
            Artifacts(api).save("mlflow-artifacts:/x", tmp_path / "file" / "x", sha256=None, limit=100)
        with pytest.raises(SourceRefused, match="a store that is not looked at"):
            Artifacts(api).save("s3://bucket/x", tmp_path / "3", sha256=None, limit=100)
