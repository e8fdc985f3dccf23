"""Documents through the whole house: recorded with the rest, erasable, and due until somebody lets them go."""

import pytest

from affidavit.catalogue.documents import template
from affidavit.evidence.salted import payload
from affidavit.pipeline import collection
from affidavit.pipeline.plan import plan
from tests.pipeline.conftest import ORGANISATION, system

POLICY = {
    "id": "policy",
    "kind": "ai-policy",
    "title": "AI policy",
    "owner": "ml-lead",
    "author": "p-9",
    "approver": "ml-lead",
    "review_months": 12,
    "file": "documents/policy.md",
    "keep": True,
}
IMPACT = POLICY | {"id": "impact", "kind": "ai-impact-assessment", "file": "documents/impact.md", "keep": False}


def organise(project, *documents):
    project.write("include/organisation.yaml", ORGANISATION | {"documents": list(documents)})


@pytest.fixture
def written(project):
    folder = project.root / "include/documents"
    folder.mkdir()
    for name in ("policy", "impact"):
        kind = {"policy": "ai-policy", "impact": "ai-impact-assessment"}[name]
        (folder / f"{name}.md").write_text(template(kind).text)
    organise(project, POLICY)
    project.declare(**system("loans", project.tracking.name, documents=[IMPACT]))
    return project


def facts(project, kind="document", scope=None):
    return [entry.statement.facts for entry in project.entries(kind=kind, scope=scope)]


def test_documents_are_recorded_with_the_rest_and_once(written):
    for _ in range(2):
        written.collect()
        written.collect("organisation")
    assert [each["document"] for each in facts(written)] == ["impact", "policy"]
    for scope in ("system:loans", "organisation"):
        looked = facts(written, "collection", scope)[-1]["collectors"]["documents"]
        assert (looked["enumerated"], looked["read"]) == (1, 1)


def test_a_text_that_is_kept_is_a_blob_of_its_entry(written):
    written.collect("organisation")
    [policy] = facts(written)
    with written.workplace.reader() as ledger:
        kept = payload(ledger.blob(policy["details"]["digest"]["sha256"])).decode()
    assert "## Commitments" in kept


def test_a_file_that_is_gone_is_recorded_and_keeps_nothing_else_from_being(written):
    written.collect("organisation")
    (written.root / "include/documents/policy.md").unlink()
    written.tomorrow()
    written.collect("organisation")
    assert "there is no such file" in facts(written)[-1]["problem"]


def test_a_document_that_is_dropped_is_looked_at_until_somebody_lets_it_go(written):
    written.collect("organisation")
    written.collect()
    organise(written)
    written.declare(**system("loans", written.tracking.name))
    for name in ("policy", "impact"):
        with (written.root / f"include/documents/{name}.md").open("a") as file:
            file.write("\nMore.\n")
    written.tomorrow()
    written.collect("organisation")
    written.collect()
    assert [each["document"] for each in facts(written)] == ["policy", "impact", "policy", "impact"]


def test_a_dry_run_counts_them(written):
    costs = {each.step: each for each in plan(written.workplace, "loans", now=written.now)}
    assert costs["documents"].entries == 1
    assert [step.id for step in collection.steps(written.workplace, "organisation")] == [
        "declarations",
        "unreconciled",
        "documents",
    ]
