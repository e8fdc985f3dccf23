"""The command: from outside, on the ledger of a real small collection; and what it shows and exits with."""

import json

import pytest
from typer.testing import CliRunner

from affidavit.cheat import attacks
from affidavit.cheat.attacks import ALL, Defence
from affidavit.cheat.defences import without
from affidavit.cli.main import app
from affidavit.errors import LedgerMissing
from tests.cli.conftest import run  # noqa: F401
from tests.pipeline.conftest import project  # noqa: F401


def test_it_tries_every_attack_on_a_collected_ledger_and_leaves_that_alone(run, project):  # noqa: F811
    project.collect()
    project.tomorrow()
    project.collect()
    home = project.root / ".affidavit"
    files = [path for path in home.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    done = run("cheat", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0, [each for each in document if each["result"] in ("missed", "not shown", "not tried")]
    assert [each["attack"] for each in document] == [attack.name for attack in ALL]
    by_name = {each["attack"]: each for each in document}
    assert by_name["edit"]["tried_on"] == "a copy of this ledger"
    [defence] = by_name["edit"]["defences"]
    assert (by_name["edit"]["result"], defence["found_without"]) == ("caught", "")
    assert "not those that were signed" in defence["found_with"]
    assert by_name["omit"]["result"] == "not detectable"
    assert by_name["relink with a new key"]["result"] == "caught only with"
    assert {path: path.read_bytes() for path in before} == before


@pytest.fixture
def shown(told, monkeypatch):
    """What the command prints, and its exit code, where there is one attack only."""
    monkeypatch.setattr(attacks, "ALL", tuple(attack for attack in ALL if attack.name == "edit"))
    monkeypatch.setenv("AFFIDAVIT_BLOBS_URL", f"file://{told.blobs}")
    monkeypatch.setenv("COLUMNS", "200")

    def call(url=told.url):
        done = CliRunner().invoke(app, ["cheat", "--ledger", url])
        return done.exit_code, done.stdout, done.exception

    return call


def test_it_shows_a_table_and_exits_with_3_where_something_is_missed(shown):
    code, said, _ = shown()
    assert (code, "caught" in said, "step 3" in said, "missed" in said) == (0, True, True, False)
    with without(Defence.ROOTS):
        code, said, _ = shown()
    assert (code, "missed" in said) == (3, True)


def test_a_ledger_that_is_not_there_is_said_to_be_missing(shown, tmp_path):
    assert isinstance(shown(f"sqlite:///{tmp_path}/none.db")[2], LedgerMissing)
