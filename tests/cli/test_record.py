from tests.collect.test_records import RISK
from tests.collect.test_records import write as write_rows
from tests.pipeline.conftest import system


def test_a_book_is_written_to_a_workbook_and_never_over_another(run, project):
    (project.root / "include/records").mkdir()
    write_rows(project.root / "include/records", "risks.yaml", {**RISK, "owner": "ml-lead", "controls": ["A.5.2"]})
    books = [{"id": "risks", "kind": "risks", "file": "records/risks.yaml"}]
    project.declare(**system("loans", project.tracking.name, books=books))
    assert run("collect", "loans").returncode == 0
    to = project.root / "risks.xlsx"
    done = run("record", "export", "risks", "--to", str(to), "--system", "loans")
    assert (done.returncode, "1 of the book risks" in done.stdout) == (0, True), done.stderr
    assert to.read_bytes().startswith(b"PK")
    again = run("record", "export", "risks", "--to", str(to), "--system", "loans")
    assert (again.returncode, "such a file already" in again.stderr) == (2, True)
    nowhere = run("record", "export", "risks", "--to", str(to.with_name("b.xlsx")))
    assert (nowhere.returncode, "no book 'risks' of the organisation" in nowhere.stderr) == (2, True)
