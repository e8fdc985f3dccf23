import csv
import io
import json
import subprocess
from datetime import UTC, datetime

import openpyxl
import pytest
import yaml

from affidavit.catalogue.documents import template_kinds
from affidavit.collect.office import read_docx
from affidavit.evidence import timestamp
from tests.cli.conftest import COMMAND, environment


def declare(project, started, **fields):
    """Put the lines that were printed where they belong, with the blanks filled."""
    declaration = yaml.safe_load(started.stdout[started.stdout.index("documents:") :].replace("…", "ml-lead"))
    path = project.root / "include/organisation.yaml"
    whole = {**yaml.safe_load(path.read_text()), **declaration}
    whole["documents"][0] |= {"author": "p-9", **fields}
    path.write_text(yaml.safe_dump(whole))
    return whole["documents"][0]


def test_a_start_file_is_written_declared_and_collected(project, run):
    started = run("document", "new", "ai-policy")
    assert started.returncode == 0
    assert started.stdout.startswith("include/documents/ai-policy.md written.")
    declare(project, started)
    listed = run("document", "list")
    assert "ai-policy: file:include/documents/ai-policy.md" in listed.stdout
    assert all(kind in listed.stdout for kind in template_kinds())


def test_an_office_file_of_an_ai_system_is_one(project, run):
    [system] = (path.stem for path in (project.root / "include/systems").glob("*.yaml"))
    done = run("document", "new", "ai-impact-assessment", "--system", system, "--docx")
    assert done.returncode == 0
    assert f"Declare it in include/systems/{system}.yaml" in done.stdout
    written = (project.root / f"include/documents/{system}-ai-impact-assessment.docx").read_bytes()
    assert read_docx(written, where="a").version == "0.1"


def test_nothing_is_written_over(project, run):
    assert run("document", "new", "ai-policy").returncode == 0
    file = project.root / "include/documents/ai-policy.md"
    file.write_text("mine")
    again = run("document", "new", "ai-policy")
    assert (again.returncode, file.read_text()) == (2, "mine")
    assert "there is such a file already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ai-polic",), "did you mean 'ai-policy'?"),
        (("poem",), "`affidavit document list` shows all kinds"),
        (("ai-impact-assessment",), "name it with --system"),
        (("ai-policy", "--system", "loans"), "leave --system out"),
        (("ai-impact-assessment", "--system", "nobody"), "no AI system 'nobody'"),
    ],
)
def test_what_cannot_be_meant_is_refused(project, run, arguments, said):
    done = run("document", "new", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (project.root / "include/documents").exists()


def test_the_statement_of_applicability_in_every_form(project, run):
    assert run("init").returncode == 0
    assert run("collect", "organisation").returncode == 0
    first = json.loads(run("soa", "--format", "json").stdout)
    assert len(first["controls"]) == 38
    project_file = project.root / "include/organisation.yaml"
    whole = yaml.safe_load(project_file.read_text())
    whole["included"] = {"A.2.2": {"reason": "=cmd|' /C calc'!A0", "risks": ["r-1"]}}
    whole["own_controls"] = [{"id": "red-team", "title": "Red team", "question": "Was it?", "owner": "ml-lead"}]
    project_file.write_text(yaml.safe_dump(whole))
    # Heads are signed with whole seconds: what comes in the second that was asked about was known then.
    while timestamp(datetime.now(UTC))[:19] <= first["as_of"][:19]:
        pass
    assert run("collect", "organisation").returncode == 0
    shown = run("soa")
    assert "Red team" in shown.stdout
    rows = {row["control"]: row for row in csv.DictReader(io.StringIO(run("soa", "--format", "csv").stdout))}
    assert len(rows) == 39
    assert rows["A.2.2"]["reason"] == "'=cmd|' /C calc'!A0"
    differing = json.loads(run("soa", "--diff", first["as_of"], "--format", "json").stdout)
    assert differing["compared_with"]["as_of"] == first["as_of"]
    assert {change["control"] for change in differing["changes"]} == {"A.2.2", "red-team"}
    assert "red-team  title: nothing → Red team" in run("soa", "--diff", first["as_of"]).stdout
    before = json.loads(run("soa", "--as-of", first["as_of"], "--format", "json").stdout)
    assert before["controls"] == first["controls"]


def test_a_workbook_comes_out_whole(project, run):
    assert run("init").returncode == 0
    assert run("collect", "organisation").returncode == 0
    command = [COMMAND, "soa", "--format", "xlsx"]
    done = subprocess.run(command, cwd=project.root, env=environment(project), capture_output=True, check=True)
    sheet = openpyxl.load_workbook(io.BytesIO(done.stdout)).active
    assert (sheet.max_row, sheet["A1"].value, sheet["A2"].value) == (39, "control", "A.2.2")


def test_a_time_to_compare_with_that_is_later_is_refused(project, run):
    assert run("init").returncode == 0
    done = run("soa", "--as-of", "2026-01-01", "--diff", "2026-02-01")
    assert done.returncode == 2
    assert "swap the two times" in done.stderr
