"""A file of an AI system that is deleted drops no obligation: the next look at the organisation notices."""

from tests.pipeline.conftest import ORGANISATION, system


def declared(project):
    return project.entries(kind="organisation-declaration")[-1].statement.facts["systems"]


def changes(project):
    return next(v for v in project.assess().verdicts if (v.scope, v.control) == ("organisation", "6.3"))


def test_a_deleted_file_is_named_with_what_to_do(project):
    project.declare(**system("cards", project.tracking.name))
    project.collect("organisation")
    project.collect()
    assert declared(project) == ["cards", "loans"]
    assert "is gone" not in changes(project).sentence
    project.tomorrow()
    (project.root / "include/systems/loans.yaml").unlink()
    project.collect("organisation")
    assert declared(project) == ["cards"]
    verdict = changes(project)
    assert verdict.status.value == "failing"
    assert "include/systems/loans.yaml is gone" in verdict.sentence
    assert any("Restore include/systems/loans.yaml" in part.next_action for part in verdict.parts)


def test_a_file_that_cannot_be_read_is_there(project):
    project.collect("organisation")
    project.collect()
    project.tomorrow()
    (project.root / "include/systems/loans.yaml").write_text("id: [", encoding="utf-8")
    project.write("include/organisation.yaml", {**ORGANISATION, "title": "Harbour again"})
    project.collect("organisation")
    assert declared(project) == ["loans"]
    assert "is gone" not in changes(project).sentence
