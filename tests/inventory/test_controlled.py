import pytest

from affidavit.errors import InventoryError
from affidavit.evidence import Stage
from affidavit.inventory import (
    STAGES_OF_SYSTEM_DOCUMENTS,
    ControlledDocument,
    Organisation,
    loosens,
    organisation_in_force,
)
from affidavit.inventory.load import load

POLICY = {
    "id": "ai-policy",
    "kind": "ai-policy",
    "title": "AI policy",
    "owner": "governance-lead",
    "author": "p-7",
    "approver": "top-management",
    "review_months": 12,
    "file": "documents/ai-policy.md",
}
OF_SYSTEM = """
documents:
  - id: triage-impact
    kind: ai-impact-assessment
    title: What the triage does to people
    owner: ml-lead
    author: p-7
    approver: governance-lead
    review_months: 6
    file: s3://papers/triage-impact.docx
    keep: true
"""
OWN = {"id": "red-team", "title": "Red team", "question": "Was every release attacked?", "owner": "ml-lead"}
ROLES = {name: {"title": name, "holders": [f"p-{n}"]} for n, name in enumerate(("ml-lead", "governance-lead", "board"))}


def organisation(*documents, own=(), **changes):
    roles = ROLES | {"top-management": {"title": "Top management", "holders": ["p-1"]}}
    declared = {"id": "bank", "title": "Bank", "roles": roles, "documents": documents, "own_controls": own}
    return Organisation.model_validate(declared | changes)


def pending(old, new):
    standing, found = organisation_in_force(old, new)
    assert organisation_in_force(old, standing)[1] == (), "what stands weakens nothing"
    return standing, [(one.field, one.old, one.new) for one in found]


def test_documents_of_a_system_and_of_the_organisation_are_read(project):
    project.mortgage.write_text(project.mortgage.read_text() + OF_SYSTEM)
    inventory = load(project.include, project.suites)
    [document] = inventory.systems["mortgage-approval"].documents
    assert (document.name, document.uri, document.stage, document.keep) == (
        "affidavit://documents/triage-impact",
        "s3://papers/triage-impact.docx",
        Stage.INCEPTION,
        True,
    )
    policy = ControlledDocument.model_validate(POLICY)
    assert (policy.uri, policy.stage, policy.keep) == ("file:include/documents/ai-policy.md", Stage.CROSS, False)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("approver: governance-lead", "approver: nobody", "there is no role 'nobody'"),
        ("owner: ml-lead\n    author", "owner: nobody\n    author", "there is no role 'nobody'"),
        ("ai-impact-assessment", "ai-policy", "no document of kind ai-policy belongs here"),
        ("s3://papers/triage-impact.docx", "../secret.md", "not a path below include/"),
        ("s3://papers/triage-impact.docx", "/etc/passwd.md", "not a path below include/"),
        ("s3://papers/triage-impact.docx", "https://me:pw@host/a.md", "credentials"),
        ("s3://papers/triage-impact.docx", "https://host/a?sig=1.md", "credentials"),
        ("s3://papers/triage-impact.docx", "documents/a.exe", "not a name that is allowed here"),
        ("review_months: 6", "review_months: 0", "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_naming_the_field(project, old, new, what):
    assert old in OF_SYSTEM
    project.mortgage.write_text(project.mortgage.read_text() + OF_SYSTEM.replace(old, new, 1))
    with pytest.raises(InventoryError, match="documents") as refused:
        load(project.include, project.suites)
    assert what in str(refused.value)
    assert "pw" not in str(refused.value)


def test_a_document_of_a_system_is_none_of_the_organisation():
    for kind in STAGES_OF_SYSTEM_DOCUMENTS:
        with pytest.raises(ValueError, match=f"no document of kind {kind} belongs here"):
            organisation(POLICY | {"kind": kind})


def test_the_same_id_twice_and_a_role_that_is_none_are_refused():
    with pytest.raises(ValueError, match="a second document has the id"):
        organisation(POLICY, POLICY)
    with pytest.raises(ValueError, match="there is no role 'nobody'"):
        organisation(POLICY | {"approver": "nobody"})
    with pytest.raises(ValueError, match="there is no role 'nobody'"):
        organisation(own=[OWN | {"owner": "nobody"}])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "roles"),
        ("owner", "ml-lead"),
        ("author", "p-1"),
        ("approver", "ml-lead"),
        ("review_months", 13),
    ],
)
def test_what_weakens_a_document_waits(field, value):
    old = organisation(POLICY)
    standing, found = pending(old, organisation(POLICY | {field: value}))
    assert found == [(f"documents.ai-policy.{field}", str(POLICY[field]), str(value))]
    assert standing.documents == old.documents


def test_a_dropped_document_stays_due_and_is_named():
    old = organisation(POLICY)
    standing, found = pending(old, organisation())
    assert found == [("documents.ai-policy", "ai-policy", "")]
    assert standing.documents == old.documents


@pytest.mark.parametrize(
    "changes", [{"review_months": 6}, {"title": "Policy"}, {"file": "documents/policy.docx"}, {"keep": True}]
)
def test_what_weakens_nothing_is_taken_at_once(changes):
    new = organisation(POLICY | changes)
    assert pending(organisation(POLICY), new) == (new, [])


def test_who_signs_cannot_be_chosen_with_the_change():
    old = organisation(POLICY)
    roles = ROLES | {"top-management": {"title": "Top management", "holders": ["p-7"]}}
    standing, found = pending(old, organisation(POLICY, roles=roles))
    assert found == [("roles.top-management.holders", "p-1", "p-7")]
    assert standing.roles["top-management"].holders == ("p-1",)


def test_neither_can_who_signs_a_document_of_a_system(inventory):
    document = POLICY | {"kind": "ai-impact-assessment", "id": "impact", "approver": "platform-lead"}
    plain = inventory.model_dump(mode="json")
    plain["organisation"]["owners"] = {}
    plain["organisation"]["roles"]["platform-lead"]["holders"] = ["p-1"]
    plain["systems"]["mortgage-approval"]["documents"] = [document]
    old = type(inventory).model_validate(plain)
    plain["organisation"]["roles"]["platform-lead"]["holders"] = ["p-2"]
    new = type(inventory).model_validate(plain)
    assert [one.field for one in loosens(old, new)] == ["roles.platform-lead.holders"]


@pytest.mark.parametrize(("field", "value"), [("question", "Was it nice?"), ("owner", "board")])
def test_what_weakens_a_control_of_its_own_waits(field, value):
    old = organisation(own=[OWN])
    standing, found = pending(old, organisation(own=[OWN | {field: value}]))
    assert found == [(f"own_controls.red-team.{field}", OWN[field], value)]
    assert standing.own_controls == old.own_controls


def test_a_control_of_its_own_is_not_dropped_unseen():
    old = organisation(own=[OWN])
    standing, found = pending(old, organisation())
    assert found == [("own_controls.red-team", "red-team", "")]
    assert standing.own_controls == old.own_controls
