"""The command, from outside, on the ledger of a real small collection."""

import json

from affidavit.cheat.attacks import ALL
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
    url = f"sqlite:///{home}/ledger.db"
    shown = run("cheat", "--ledger", url)
    assert shown.returncode == 0, shown.stderr
    assert "caught only with" in shown.stdout


def test_a_ledger_that_is_not_there_and_one_that_is_broken_are_told(run, project):  # noqa: F811
    assert run("cheat", "--ledger", f"sqlite:///{project.root}/none.db").returncode == 2
