"""OpenLineage events from files: what becomes an edge, what is refused, and that nothing counts twice."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.collect.look import Look
from affidavit.collect.openlineage import LONGEST_EVENT, look_at_openlineage
from affidavit.collect.openlineage_events import read_event
from affidavit.errors import SourceGarbled, SourceUnavailable
from affidavit.evidence import Circumstances, kinds
from affidavit.inventory import Connection, System
from tests.projections.story import Story, system

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR_AGO = NOW - timedelta(hours=1)
BANK = Connection("bank", "duckdb", schema="/data/bank.duckdb")
POSTGRES = Connection("bank", "postgres", host="db", schema="lending")
HOME = "duckdb:///data/bank.duckdb"
RAW, TRAIN, CLEAN = "warehouse://bank/raw", "warehouse://bank/loans_train", "openlineage://jobs/etl/clean"


def facet(**fields: object) -> dict:
    return {"_producer": "https://example.org/etl", "_schemaURL": "https://example.org/facet.json", **fields}


def dataset(name: str, namespace: str = HOME, **facets: object) -> dict:
    return {"namespace": namespace, "name": name, "facets": facets}


def event(
    kind: str | None = "COMPLETE",
    *,
    run: int = 1,
    job: str = "clean",
    at: datetime = NOW - timedelta(hours=1),
    **changes,
) -> dict:
    return {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "producer": "https://example.org/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": f"0197a9ee-0000-7000-8000-{run:012}"},
        "job": {"namespace": "etl", "name": job},
        "inputs": [dataset("raw")],
        "outputs": [dataset("loans_train")],
        **changes,
    }


class Folder:
    """A folder of events, and a ledger that keeps what a look at it brought."""

    def __init__(self, root: Path, *connections: Connection) -> None:
        self.root = root
        self.connections = connections or (BANK,)
        self.story = Story()
        self.system = System.model_validate({**system(), "openlineage": str(root)})
        self.cursor = None
        root.mkdir(exist_ok=True)

    def put(self, name: str, *events: dict) -> None:
        (self.root / name).write_text("".join(json.dumps(each) + "\n" for each in events))

    def look(self, now: datetime = NOW) -> Look:
        recorded = {entry.statement.subject.name: entry for entry in self.story.entries}
        seen = Circumstances(now)
        look = look_at_openlineage(self.system, self.connections, cursor=self.cursor, seen=seen, recorded=recorded)
        for draft in look.drafts:
            self.story.write(draft)
        self.cursor = look.cursor
        return look


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "events")


def edges(look: Look) -> list[tuple[str, str, str]]:
    return [(d.facts["from"]["name"], d.facts["relation"], d.facts["to"]["name"]) for d in look.drafts]


def test_a_run_that_went_well_leads_from_what_it_read_to_what_it_wrote(folder: Folder):
    folder.put("1.json", event())
    look = folder.look()
    assert edges(look) == [(RAW, "read by", CLEAN), (CLEAN, "wrote", TRAIN)]
    assert all(draft.kind is kinds.LINEAGE_EDGE for draft in look.drafts)
    assert "OpenLineage" in look.drafts[0].facts["basis"]
    assert look.drafts[0].facts["to"]["digest"] == look.drafts[1].facts["from"]["digest"]
    assert (look.enumerated, look.read) == (1, 1)


@pytest.mark.parametrize("kind", ["FAIL", "ABORT", "START", "RUNNING", "OTHER", None])
def test_a_run_that_failed_or_goes_on_makes_no_edge(folder: Folder, kind: str | None):
    folder.put("1.json", event(kind))
    look = folder.look()
    assert edges(look) == []
    assert (look.enumerated, look.read) == (1, 0)


def test_what_a_run_read_may_stand_in_its_first_event_and_what_it_wrote_in_its_last(folder: Folder):
    folder.put("1.json", event("START", outputs=[]))
    assert folder.look().drafts == ()
    folder.put("2.json", event(inputs=[]))
    assert edges(folder.look()) == [(RAW, "read by", CLEAN), (CLEAN, "wrote", TRAIN)]


def test_a_run_that_never_ends_is_waited_for_one_day(folder: Folder):
    folder.put("1.json", event("START"))
    folder.look()
    assert folder.cursor["files"] == 0
    folder.look(NOW + timedelta(days=2))
    assert folder.cursor["files"] == 1


def test_nothing_counts_twice_and_what_is_new_counts(folder: Folder):
    folder.put("1.json", event())
    assert len(folder.look().drafts) == 2
    again = folder.look()
    assert (again.enumerated, again.drafts) == (0, ()), "read whole, so not read again"
    folder.put("2.json", event(run=2, at=NOW - timedelta(minutes=5)))
    assert len(folder.look().drafts) == 2
    assert len(folder.story.entries) == 4
    (folder.root / "1.json").unlink()
    whole = folder.look()
    assert (whole.enumerated, whole.drafts) == (1, ()), "read again, since a file went, and nothing is new"


def test_a_file_that_grows_or_comes_late_is_read(folder: Folder):
    folder.put("b.json", event())
    folder.look()
    folder.put("b.json", event(), event(run=2, at=NOW - timedelta(minutes=9)))
    assert len(folder.look().drafts) == 2
    folder.put("a.json", event(run=3, job="late"))
    assert edges(folder.look()) == [
        (RAW, "read by", "openlineage://jobs/etl/late"),
        ("openlineage://jobs/etl/late", "wrote", TRAIN),
    ]


def test_an_older_run_never_takes_the_place_of_a_newer_one(folder: Folder):
    folder.put("2.json", event(run=2))
    folder.look()
    folder.put("1.json", event(run=1, at=NOW - timedelta(days=3)))
    assert folder.look().drafts == ()


def test_an_event_dated_ahead_waits_and_hides_nothing(folder: Folder):
    folder.put("1.json", event(run=9, at=NOW + timedelta(days=30)))
    folder.put("2.json", event())
    assert len(folder.look().drafts) == 2
    folder.put("3.json", event(run=2, at=NOW - timedelta(minutes=1)))
    assert len(folder.look().drafts) == 2
    assert len(folder.look(NOW + timedelta(days=31)).drafts) == 2


def test_a_line_that_is_still_being_written_is_left_for_the_next_look(folder: Folder):
    first, second = json.dumps(event()) + "\n", json.dumps(event(run=2, job="other")) + "\n"
    file = folder.root / "all.ndjson"
    file.write_text(first + second[:50])
    assert len(folder.look().drafts) == 2
    file.write_text(first + second)
    assert [each[1] for each in edges(folder.look())] == ["read by", "wrote"]
    (folder.root / ".hidden").write_text("half of an ev")
    assert folder.look().drafts == ()


def test_unknown_facets_are_ignored_and_counted(folder: Folder):
    strange = {"anything": facet(deep=[{"x": 2**70}]), "other": facet()}
    table = dataset("raw", strange=facet(text="\u202e"))
    run = {**event()["run"], "facets": strange}
    folder.put("1.json", {**event(inputs=[table], more={"a": 1}), "run": run})
    look = folder.look()
    assert len(look.drafts) == 2
    assert look.withheld == 3
    assert "deep" not in json.dumps([draft.facts for draft in look.drafts])


WRONG = {
    "no object": [],
    "text": "COMPLETE",
    "eventType": event("DONE"),
    "eventTime": {**event(), "eventTime": 1},
    "eventTime without zone": {**event(), "eventTime": "2026-03-14T12:00:00"},
    "eventTime of no calendar": {**event(), "eventTime": "yesterday"},
    "run": {**event(), "run": "r1"},
    "run.runId": {**event(), "run": {"runId": "r1"}},
    "job.name": {**event(), "job": {"namespace": "etl", "name": 7}},
    "job.namespace": {**event(), "job": {"name": "clean"}},
    "inputs": {**event(), "inputs": {"namespace": "a", "name": "b"}},
    "inputs.0.name": event(inputs=[{"namespace": "a", "name": None}]),
    "inputs.0.facets": event(inputs=[{"namespace": "a", "name": "b", "facets": []}]),
    "outputs.0.facets.x": event(outputs=[{"namespace": "a", "name": "b", "facets": {"x": 1}}]),
    "producer": {**event(), "producer": None},
    "facets.version.datasetVersion": event(inputs=[dataset("raw", version=facet(datasetVersion=3))]),
    "outputs.0.name": event(outputs=[dataset("x" * 5_000)]),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_type_is_refused_with_file_line_and_field(folder: Folder, field: str):
    folder.put("1.json", event(), WRONG[field])
    with pytest.raises(SourceGarbled) as error:
        folder.look()
    assert error.value.where == f"{folder.root}/1.json, line 2"
    assert field.split(" ", maxsplit=1)[0] in error.value.problem or field in {"no object", "text"}
    assert error.value.fix
    assert folder.cursor is None


@pytest.mark.parametrize("line", [b"not json\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"run": \n'])
def test_what_is_no_json_is_refused(folder: Folder, line: bytes):
    (folder.root / "1.json").write_bytes(line)
    with pytest.raises(SourceGarbled, match=r"1\.json, line 1"):
        folder.look()


@pytest.mark.parametrize("character", ["\0", "\n", "\x7f"])
def test_a_control_character_in_a_name_is_refused_with_file_line_and_field(folder: Folder, character: str):
    folder.put("1.json", event(), event(inputs=[dataset(f"ra{character}w")]))
    with pytest.raises(SourceGarbled, match=r"1\.json, line 2: .*inputs\.0\.name"):
        folder.look()


def test_an_endless_line_is_refused_before_it_fills_the_memory(folder: Folder):
    with (folder.root / "1.json").open("wb") as file:
        file.truncate(LONGEST_EVENT + 10)
    with pytest.raises(SourceGarbled, match="more than"):
        folder.look()


def test_events_about_a_job_or_a_dataset_alone_are_no_runs(folder: Folder):
    plain = {key: value for key, value in event().items() if key not in {"run", "eventType"}}
    folder.put("1.json", plain, {**plain, "dataset": dataset("raw")})
    look = folder.look()
    assert (look.enumerated, look.read, look.drafts) == (2, 0, ())


@pytest.mark.parametrize(
    ("connection", "namespace", "name", "expected"),
    [
        (BANK, HOME, "loans_train", TRAIN),
        (BANK, HOME, "main.loans_train", TRAIN),
        (BANK, HOME, "other.loans_train", "warehouse://bank/other.loans_train"),
        (BANK, "warehouse://bank", "loans_train", TRAIN),
        (POSTGRES, "postgres://db:5432", "lending.public.loans_train", TRAIN),
        (POSTGRES, "postgres://db:5432", "lending.raw.loans", "warehouse://bank/raw.loans"),
        (POSTGRES, "postgres://db:5433", "a.b.c", "openlineage://datasets/postgres://db:5433/a.b.c"),
        (POSTGRES, "postgres://user:hunter2@db:5432", "lending.public.loans_train", TRAIN),
        (BANK, "s3://user:hunter2@lake?token=hunter2", "raw/loans", "openlineage://datasets/s3://lake/raw/loans"),
    ],
)  # fmt: skip
def test_a_dataset_is_the_table_of_the_connection_that_has_its_namespace(
    tmp_path, connection, namespace, name, expected
):
    folder = Folder(tmp_path / "events", connection)
    folder.put("1.json", event(outputs=[dataset(name, namespace)], inputs=[]))
    look = folder.look()
    assert edges(look) == [(CLEAN, "wrote", expected)]
    assert "hunter2" not in json.dumps([draft.statement.document for draft in look.drafts])


def test_a_version_that_is_a_fingerprint_of_ours_is_the_state_that_was_read(folder: Folder):
    sha256 = "ab" * 32
    versions = [facet(datasetVersion=f"sha256:{sha256}"), facet(datasetVersion="17")]
    read, wrote = (dataset(name, version=each) for name, each in zip(("raw", "t"), versions, strict=True))
    folder.put("1.json", event(inputs=[read], outputs=[wrote]))
    first, second = folder.look().drafts
    assert first.facts["from"] == {"name": RAW, "digest": sha256}
    assert second.facts["to"]["digest"] is None


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    folder = Folder(tmp_path / "events")
    folder.root.rmdir()
    with pytest.raises(SourceUnavailable, match="no such folder"):
        folder.look()


def test_an_object_store_in_which_nothing_was_written_yet_told_nothing(tmp_path: Path):
    folder = Folder(tmp_path / "events")
    folder.system = folder.system.model_copy(update={"openlineage": "memory://nothing-was-written-here/events"})
    look = folder.look()
    assert (look.enumerated, look.drafts) == (0, ())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lending.public.loans_train", TRAIN),
        ("risk.public.loans_train", "warehouse://risk/loans_train"),
        ("other.public.loans_train", "openlineage://datasets/postgres://db:5432/other.public.loans_train"),
        ("public.loans_train", "openlineage://datasets/postgres://db:5432/public.loans_train"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_of_two_databases_on_one_server_the_name_says_which_or_it_is_neither(tmp_path, name, expected, turned):
    connections = [POSTGRES, Connection("risk", "postgres", host="db", schema="risk")]
    folder = Folder(tmp_path / "events", *(reversed(connections) if turned else connections))
    folder.put("1.json", event(outputs=[dataset(name, "postgres://db:5432")], inputs=[]))
    assert edges(folder.look()) == [(CLEAN, "wrote", expected)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.integers(1, 4),
            st.sampled_from(["START", "COMPLETE", "FAIL"]),
            st.integers(1, 50),
        ),
        max_size=25,
    ),
    st.sets(st.integers(0, 24)),
)
def test_however_looks_and_writes_interleave_the_ledger_ends_where_one_look_at_all_would(tmp_path_factory, told, looks):
    root = tmp_path_factory.mktemp("events")
    folder, file = Folder(root), {}
    for number, (name, run, kind, minute) in enumerate(told):
        each = event(kind, run=run, job=f"job{run % 2}", at=NOW - timedelta(minutes=minute))
        file.setdefault(name, []).append(each)
        folder.put(f"{name}.json", *file[name])
        if number in looks:
            folder.look()
    folder.look()
    before = len(folder.story.entries)
    folder.cursor = None
    assert folder.look().drafts == ()
    assert len(folder.story.entries) == before, "nothing twice"
    alone = Folder(root)
    alone.look()
    assert ends(folder) == ends(alone)


def ends(folder: Folder) -> dict[str, str]:
    latest = [entry.statement for entry in folder.story.latest.values()]
    return {statement.subject.name: statement.header["effective"]["to"] for statement in latest}


def test_the_digest_of_an_event_is_that_of_its_bytes():
    line = json.dumps(event()).encode()
    found = read_event(line + b"\n", where="x")
    assert found is not None
    assert found.sha256 == hashlib.sha256(line).hexdigest()
