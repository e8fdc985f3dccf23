"""The command line, from outside: what it prints, and what it exits with."""

import json
import sqlite3
import zipfile
from datetime import timedelta

import pytest

from affidavit.cli.terminal import parse_time
from affidavit.errors import IntegrityError, UsageError
from affidavit.evidence import timestamp
from affidavit.pipeline import ledger_audit
from affidavit.tlog.note import ED25519, SigningKey
from tests.pipeline.conftest import ORGANISATION, system


def tamper(project, statement, *values):
    """Change the database behind the ledger's back, as its owner can."""
    with sqlite3.connect(project.root / ".affidavit" / "ledger.db") as database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute(statement, values)


def test_the_main_job_by_hand(run, project):
    collected = run("collect", "loans")
    assert collected.returncode == 0, collected.stderr
    assert "entries added" in collected.stdout
    assert "nothing new" in run("collect", "loans").stdout
    assert run("assess").returncode == 0
    assert (project.root / ".affidavit/site/index.html").exists()
    assert "trained on" in (project.root / ".affidavit/site/systems/loans.html").read_text()
    status = run("status", "loans", "--json")
    assert status.returncode == 0
    [controls] = [scope["controls"] for scope in json.loads(status.stdout)["scopes"].values()]
    assert {control["control"]: control["status"] for control in controls}["A.7.4"] == "supported"
    assert run("status", "loans", "--strict").returncode == 1
    assert "A.7.4" in run("status", "loans").stdout
    shown = run("show", "0")
    assert "genesis" in shown.stdout
    assert json.loads(run("show", "0", "--json").stdout)["_type"].startswith("https://in-toto.io")


def test_examples_of_failing_rows_are_shown_to_whoever_asks_and_are_on_no_page_and_in_no_bundle(run, project):
    dataset = {"id": "loans-train", "connection": "bank", "table": "loans", "use": "training", "suite": "loans"}
    project.declare(**system("loans", project.tracking.name, datasets=[{**dataset, "examples": 2}]))
    project.sql("UPDATE loans SET amount = 5000, region = 'hunter2-' || id WHERE id < 5")
    project.collect()
    assert run("assess").returncode == 0
    [shot], [failing] = (project.entries(kind=kind) for kind in ("validation", "failing-rows"))
    digest = failing.statement.facts["details"]["digest"]["sha256"]
    shown = json.loads(run("show", str(failing.index), "--details").stdout)
    [rows] = shown["tests"].values()
    assert len(rows) == 2
    assert "hunter2-" in json.dumps(rows)
    site = project.root / ".affidavit/site"
    [page] = site.glob("data-docs/*.html")
    assert f"entries/{failing.index}.html" in page.read_text()
    assert digest in page.read_text()
    for path in site.rglob("*"):
        assert path.is_dir() or b"hunter2-" not in path.read_bytes(), path
    assert "hunter2-" not in run("show", str(shot.index), "--details").stdout
    assert "hunter2-" not in run("show", str(failing.index)).stdout
    held = {}
    for name, choice in (("all", ()), ("loans", ("--scope", "loans")), ("listed", ("--entries", str(failing.index)))):
        assert run("bundle", "--out", f"{name}.zip", *choice).returncode == 0
        with zipfile.ZipFile(project.root / f"{name}.zip") as zipped:
            held[name] = [f"blobs/{digest}" in zipped.namelist(), f"entries/{failing.index}.json" in zipped.namelist()]
            assert any(b"hunter2-" in zipped.read(each) for each in zipped.namelist()) == (name == "listed")
        assert "breach" not in run("verify", "--bundle", f"{name}.zip").stdout
    assert held == {"all": [False, False], "loans": [False, False], "listed": [True, True]}
    done = run("erase", digest, "--reason", "no-longer-needed", "--decided-by", "p-001")
    assert done.returncode == 0, done.stderr
    assert run("show", str(failing.index), "--details").returncode != 0
    assert "intact" in run("verify").stdout


def test_verify_says_intact_and_that_nobody_vouches_for_the_author(run, project):
    project.collect()
    done = run("verify")
    assert done.returncode == 1
    assert f"intact: {project.size()} entries" in done.stdout
    assert "unproven" in done.stdout
    document = json.loads(run("verify", "--json").stdout)
    assert document["intact"]
    assert document["entries"] == project.size()


def test_verify_against_a_policy_that_names_the_key_is_fully_established(run, project):
    key = project.entries(kind="genesis")[0].statement.facts["key"]
    (project.root / "policy").write_text(f"log {key}\nquorum none\n")
    assert run("verify", "--policy", "policy").returncode == 0
    other = project.root / "other"
    other.write_text("log example.org/log+00000000+AAAA\nquorum none\n")
    assert run("verify", "--policy", "other").returncode in {2, 3}


def test_the_audit_on_a_schedule_gives_the_verdict_of_verify(run, project):
    project.collect()
    for spoil in ("SELECT 1", "DELETE FROM checkpoints WHERE size > 1"):
        tamper(project, spoil)
        done, command = ledger_audit.audit(project.workplace), run("verify", "--json")
        said = json.loads(command.stdout)
        assert (done.established, done.author) == (said["established"], said["author"])
        assert (done.found.uncovered, done.anchoring.unanchored) == (
            said["uncovered_entries"],
            said["unanchored_entries"],
        )
        assert (done.established, command.returncode) == (False, 1)
    assert done.found.uncovered > 0
    tamper(project, 'DELETE FROM entries WHERE "index" = 0')
    with pytest.raises(IntegrityError) as found:
        ledger_audit.audit(project.workplace)
    broken = run("verify")
    assert (broken.returncode, found.value.problem in " ".join(broken.stderr.split())) == (3, True)


def test_one_byte_changed_is_found_and_its_entry_named(run, project):
    project.collect()
    entry = project.entries(kind="model-run")[0]
    changed = entry.leaf.replace(b'"FINISHED"', b'"FINISHEE"')
    assert changed != entry.leaf
    tamper(project, 'UPDATE entries SET leaf = ? WHERE "index" = ?', changed, entry.index)
    done = run("verify")
    assert done.returncode == 3
    assert f"entry {entry.index}" in done.stderr


def test_a_derived_column_changed_is_named_with_how_to_rebuild_it(run, project):
    project.collect()
    entry = project.entries(kind="model-run")[0]
    tamper(project, 'UPDATE entries SET kind = ? WHERE "index" = ?', "model-alias", entry.index)
    done = run("verify")
    assert done.returncode == 3
    assert "column kind" in done.stderr
    assert "affidavit rebuild" in done.stderr
    assert run("rebuild").returncode == 0
    assert run("verify").returncode == 1


def test_between_two_looks_the_version_in_use_is_unknown_although_both_saw_the_same(run, project):
    project.collect()
    first, then = project.now, project.now + timedelta(hours=5)
    second = project.tracking.version(project.tracking.run())
    for version in (second, "1"):  # away and back, and nobody looked
        project.tracking.alias(version)
    project.tomorrow()
    project.collect()

    def in_use(time) -> dict:
        document = json.loads(run("status", "loans", "--as-of", timestamp(time), "--json").stdout)
        [used] = document["scopes"]["system:loans"]["in_use"]
        return used

    looks = [{"at": timestamp(time), "version": "1"} for time in (first, project.now)]
    assert (in_use(then)["known"], in_use(then)["before"], in_use(then)["after"]) == (False, *looks)
    assert in_use(then)["sentence"].startswith("Unknown at 2026-03-14 06:00:00Z")
    assert in_use(first)["known"]
    assert "in between nobody looked" in run("status", "loans", "--as-of", timestamp(then)).stdout
    assert in_use(project.now + timedelta(minutes=1))["sentence"].endswith("since then it is unknown.")


def test_as_of_refuses_what_was_never_known(run, project):
    assert run("status", "--as-of", "2001-01-01").returncode == 2
    assert run("status", "--as-of", "yesterday").returncode == 2
    assert run("status", "--as-of", "").returncode == 2
    assert run("status", "--as-of", "2999-01-01").returncode == 2


def test_as_of_says_what_was_observed_by_then_where_the_head_of_that_day_was_removed(run, project):
    """Verification cannot tell it from a writer that died before its head; the answer says what it leaves out."""
    for _ in range(3):
        project.collect()
        project.tomorrow()

    def asked():
        return json.loads(run("status", "--as-of", "2026-03-15", "--json").stdout)

    honest = asked()
    assert honest["observed_under_a_later_head"] == 0
    with project.workplace.reader() as ledger:
        first = ledger.head_at(parse_time("2026-03-14")).size
    size = honest["head"]["size"]
    assert first < size
    tamper(project, "DELETE FROM checkpoints WHERE size = ?", size)
    tamper(project, "UPDATE checkpoints SET previous = ? WHERE previous = ?", first, size)
    assert run("verify").returncode == 1
    cheated = asked()
    assert (cheated["head"]["size"], cheated["observed_under_a_later_head"]) == (first, size - first)
    said = " ".join(run("status", "--as-of", "2026-03-15").stdout.split())
    assert f"not judged: {size - first} entries observed by then" in said


def test_an_error_is_one_message_with_its_fix_and_no_traceback(run, project):
    done = run("collect", "laons")
    assert done.returncode == 2
    assert "choose one of: loans" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("collect").returncode == 2
    assert run("verify", "--ledger", f"sqlite:///{project.root}/none.db").returncode == 2
    unreadable = run("verify", "--ledger", f"sqlite:///{project.root}")
    assert (unreadable.returncode, "the database failed" in unreadable.stderr) == (2, True)  # 1 would say: intact


def test_a_source_that_is_down_exits_with_1_and_is_named(run, project):
    project.warehouse.unlink()
    done = run("collect", "loans")
    assert done.returncode == 1
    assert "bank" in done.stderr


def test_the_dry_run_says_what_it_would_cost_and_writes_nothing(run, project):
    before = project.size()
    steps = {each["step"]: each for each in json.loads(run("plan", "loans", "--json").stdout)}
    table = steps["table:loans-train"]
    assert (table["rows"], table["timeout_seconds"], table["pool"]) == (100, 600, "warehouse.bank")
    assert table["queries"] > 0
    assert steps["mlflow-runs, mlflow-models"]["requests"] > 0
    assert project.size() == before
    expected = sum(each["entries"] for each in steps.values())
    project.collect()
    assert project.size() - before <= expected + len(project.entries(kind="lineage-edge"))


def test_an_allow_list_is_proposed_without_what_looks_like_a_secret(run, project):
    done = run("suggest-allowlist", "loans")
    assert done.returncode == 0
    assert "params: [C]" in done.stdout
    assert "hunter2" not in done.stdout


def test_the_doctor_finds_nothing_and_then_what_is_wrong(run, project):
    fine = run("doctor")
    assert fine.returncode == 0, fine.stdout
    project.warehouse.unlink()
    (project.root / ".affidavit/signer.key").chmod(0o644)
    done = run("doctor")
    assert done.returncode == 1
    assert "chmod 600" in done.stdout
    assert "connection bank" in done.stdout


def test_the_doctor_tries_endpoints_and_folders_of_events(run, project):
    events = project.root / "events"
    serving = [
        {"id": "live", "model": project.tracking.name, "connection": "scoring", "path": "/health", "version": "version"}
    ]
    project.connections["scoring"] = "http://127.0.0.1:9"
    project.declare(**system("loans", project.tracking.name, serving=serving, openlineage=str(events)))
    done = run("doctor")
    assert done.returncode == 1
    said = " ".join(done.stdout.split())
    assert "✖ endpoint live of loans" in said
    assert "✖ OpenLineage events of loans" in said
    events.mkdir()
    assert "✔ OpenLineage events of loans" in " ".join(run("doctor").stdout.split())


def test_a_plan_counts_each_kind_of_entry_that_a_table_can_add(run, project):
    project.sql("ALTER TABLE loans ADD COLUMN day DATE DEFAULT DATE '2026-03-01'")
    datasets = system("loans", project.tracking.name)["datasets"]
    project.declare(**system("loans", project.tracking.name, datasets=[datasets[0] | {"time_column": "day"}]))
    steps = {each["step"]: each for each in json.loads(run("plan", "loans", "--json").stdout)}
    assert steps["table:loans-train"]["entries"] == 4


def test_where_a_ledger_stands_only_the_pools_are_written_anew(run, project):
    before = project.size()
    datasets = system("loans", project.tracking.name)["datasets"]
    datasets.append(datasets[0] | {"id": "more", "connection": "annex"})
    project.declare(**system("loans", project.tracking.name, datasets=datasets))
    done = run("init")
    assert done.returncode == 0, done.stderr
    assert "there is a ledger already; pools.json is written anew" in done.stdout
    pools = json.loads((project.root / ".affidavit/pools.json").read_text())
    assert set(pools) == {"warehouse.bank", "warehouse.annex"}
    assert project.size() == before
    assert run("init", "--recovery", "x+00000000+AAAA").returncode == 2


def test_a_ledger_is_never_made_with_a_key_that_signed_another(run, project):
    (project.root / ".affidavit/ledger.db").unlink()
    done = run("init")
    assert done.returncode == 2
    assert "already" in done.stderr
    assert not (project.root / ".affidavit/pools.json").exists()


def test_declared_text_is_printed_as_it_stands(run, project):
    text = "Made up [/x] by a [synthetic] bank."
    project.declare(**system("loans", project.tracking.name, demonstration=text))
    project.write("include/organisation.yaml", ORGANISATION | {"demonstration": text})
    project.collect()
    [declared] = project.entries(kind="system-declaration")
    for command in (("status",), ("show", str(declared.index)), ("verify",)):
        done = run(*command)
        assert text in done.stdout, done.stderr
        assert "Traceback" not in done.stderr


def test_the_doctor_asks_for_the_drivers_that_are_used_and_for_no_others(process, project, tmp_path_factory):
    def without(*packages):
        home = tmp_path_factory.mktemp("site")
        lines = ["import sys", *(f"sys.modules[{name!r}] = None" for name in packages)]
        (home / "sitecustomize.py").write_text("\n".join(lines))
        return process("doctor", PYTHONPATH=str(home))

    unused = without("psycopg", "psycopg2")
    assert unused.returncode == 0, unused.stdout + unused.stderr
    assert "psycopg" not in unused.stdout
    used = without("duckdb", "duckdb_engine", "requests")
    assert used.returncode == 1
    assert "✖ package duckdb: not installed" in used.stdout
    assert "✖ package requests: not installed\n  fix: pip install 'affidavit[mlflow]'" in used.stdout
    assert "✖ connection tracking: cannot be tried without requests" in used.stdout
    assert "Traceback" not in used.stderr


def test_the_recovery_key_is_shown_once_on_a_terminal_and_stored_nowhere(run_on_terminal, project, tmp_path):
    home = project.root / ".affidavit"
    home.rename(tmp_path / "before")
    shown = run_on_terminal("init")
    secret = next(line for line in shown.splitlines() if line.startswith("PRIVATE+KEY+"))
    key = SigningKey.parse(secret)
    stored = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not any(secret.encode() in each or key.seed in each for each in stored)
    assert project.entries()[0].statement.facts["recovery"] == key.public.text


def test_no_private_key_is_printed_into_a_log(process, project, tmp_path):
    (project.root / ".affidavit").rename(tmp_path / "before")
    done = process("init")
    assert done.returncode == 0
    assert "PRIVATE" not in done.stdout + done.stderr
    assert project.entries()[0].statement.facts["recovery"] is None


def test_a_recovery_key_of_ones_own_is_pinned_and_no_other_made(run, project, tmp_path):
    (project.root / ".affidavit").rename(tmp_path / "before")
    done = run("init", "--recovery", "nonsense")
    assert (done.returncode, "--recovery" in done.stderr) == (2, True)
    key = SigningKey("auditor.example/recovery", ED25519, bytes(range(32))).public
    done = run("init", "--recovery", key.text)
    assert "PRIVATE" not in done.stdout
    assert project.entries()[0].statement.facts["recovery"] == key.text


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2026-03-14", "2026-03-14T23:59:59.999000+00:00"),
        ("2026-03-14T12:00:00", "2026-03-14T12:00:00+00:00"),
        ("2026-03-14T12:00:00+01:00", "2026-03-14T11:00:00+00:00"),
    ],
)
def test_a_date_means_the_end_of_that_day(text, means):
    assert parse_time(text).isoformat() == means


def test_what_is_no_time_says_how_to_write_one():
    with pytest.raises(UsageError, match="2026-03-14"):
        parse_time("14 March")


@pytest.mark.parametrize("text", ["", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_no_calendar_has_is_refused(text):
    with pytest.raises(UsageError):
        parse_time(text)
