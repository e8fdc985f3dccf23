import io
import json
import os

import pytest
from rich.console import Console

from affidavit.errors import IntegrityError, SourceGarbled, SourceUnavailable
from demo import summary
from demo.layout import Layout

VERIFIED = {
    "intact": True,
    "entries": 5,
    "demonstrations": {"Scripted [/x] dates of a [synthetic] bank.": 3},
    "checkpoint": {"origin": "log.invalid/a", "size": 5, "root": "ab" * 32, "time": "2026-03-14T12:00:00.000Z"},
    "author": "unproven",
}
STATUS = {
    "as_of": "2026-03-14T12:00:01.000Z",
    "head": {"origin": "log.invalid/a", "size": 5, "root": "ab" * 32},
    "entries_by_kind": {"model-run": 4, "genesis": 1},
    "scopes": {
        "system:tumour-triage": {"counts": {"supported": 2, "missing": 20}},
        "organisation": {"counts": {"missing": 48}},
    },
}


@pytest.fixture
def layout(tmp_path):
    return Layout.of(tmp_path, bin=tmp_path)


@pytest.fixture
def answer(layout):
    """Installs a command that answers as ``affidavit`` would."""

    def install(verified, status, code=1):
        script = (
            f"#!/bin/sh\ncase $1 in verify) cat <<'E'\n{verified}\nE\nexit {code};; *) cat <<'E'\n{status}\nE\nesac\n"
        )
        layout.affidavit.write_text(script)
        layout.affidavit.chmod(0o700)

    return install


def test_both_answers_become_one(layout, answer):
    answer(json.dumps(VERIFIED), json.dumps(STATUS))

    found = summary.read(layout, environment=os.environ)
    summary.write(found, layout.root / "summary.json")

    assert json.loads((layout.root / "summary.json").read_text()) == found
    assert found["systems"] == ["tumour-triage"]
    assert found["entries"] == 5
    assert found["entries_by_kind"] == {"model-run": 4, "genesis": 1}
    assert found["controls"] == {"tumour-triage": {"supported": 2, "missing": 20}}
    assert found["organisation"] == {"missing": 48}
    assert found["checkpoint"] == VERIFIED["checkpoint"]
    assert found["paths"]["ledger"] == str(layout.ledger)


def test_what_is_scripted_is_said_first(layout):
    console = Console(width=160, file=io.StringIO())

    summary.show(summary.merge(VERIFIED, STATUS, layout=layout), console)

    lines = console.file.getvalue().splitlines()
    assert lines[0] == "demonstration 3 entries: Scripted [/x] dates of a [synthetic] bank."
    assert any("supported" in line and "2" in line for line in lines)
    assert any(line.startswith("The ledger is intact: 5 entries") for line in lines)


def test_a_ledger_that_does_not_verify_is_no_summary(layout, answer):
    answer("", json.dumps(STATUS), code=3)

    with pytest.raises(IntegrityError, match="does not verify"):
        summary.read(layout, environment=os.environ)


def test_an_answer_that_is_not_json_is_named(layout, answer):
    answer(json.dumps(VERIFIED), "Traceback")

    with pytest.raises(SourceGarbled, match="affidavit status --json"):
        summary.read(layout, environment=os.environ)


def test_two_different_heads_are_not_mixed(layout, answer):
    answer(json.dumps(VERIFIED), json.dumps(STATUS | {"head": {"size": 6}}))

    with pytest.raises(SourceUnavailable, match="being written"):
        summary.read(layout, environment=os.environ)
