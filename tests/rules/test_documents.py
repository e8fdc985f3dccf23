from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import fold, needs
from affidavit.rules import Status
from tests.projections import papers
from tests.projections.papers import IMPACT, PEOPLE, POLICY, ROLES, section
from tests.projections.story import SCOPE, STEPS, Story, decide, told

CATALOGUE = catalogue.load()
LOOKED = ("declarations", "documents")


def policy(*looks, collected=True, **declared):
    """The organisation with its AI policy, looked at with these results; once, and well, unless told otherwise."""
    story = Story()
    papers.declare(story, POLICY, **declared)
    for text, version, changes in looks or (("a", "1", {}),):
        papers.look(story, text, version, **changes)
    if collected:
        story.collection(scope=ORGANISATION_SCOPE, steps=LOOKED)
    return story


def kept(part, story, kind="ai-policy", scope=ORGANISATION_SCOPE, **rest):
    return part(story, "document_kept/1", scope=scope, kind=kind, **rest)


def test_what_nobody_signed_awaits_a_signature(part):
    found = kept(part, policy())
    assert found.status is Status.AWAITING
    assert found.sentence == ("Nobody whose signature counts has signed the document policy as it stands (version 1).")
    assert found.next_action == "Have a holder of board who did not write it sign version 1"
    assert found.entries == (1, 2)


@pytest.mark.parametrize(
    ("looks", "status", "said"),
    [
        ([(None, None, {})], Status.MISSING, "The document policy cannot be read: there is no such file."),
        ([("a", "1", {}), (None, None, {})], Status.MISSING, "cannot be read: there is no such file."),
        ([("a", None, {})], Status.FAILING, "The document policy names no version."),
        ([("a", "1", {}), ("b", "1", {})], Status.FAILING, "was changed, and still calls itself version 1."),
        ([("a", "1", {}), ("b", "2", {}), ("c", "1", {})], Status.FAILING, "still calls itself version 1."),
        ([("a", "1", {}), ("b", "1", {}), ("a", "1", {})], Status.FAILING, "still calls itself version 1."),
        ([("a", "1", {"kind": "roles"})], Status.STALE, "was read elsewhere than is declared."),
        ([("a", "1", {"source": "file:include/other.md"})], Status.STALE, "was read elsewhere than is declared."),
        (
            [("a", "1", {"absent": ["Review"]})],
            Status.MISSING,
            "1 section of the document policy says nothing yet: Review.",
        ),
        (
            [("a", "1", {"sections": [section("Purpose", "template"), section("Scope", "empty")]})],
            Status.MISSING,
            "2 sections of the document policy say nothing yet: Purpose, Scope.",
        ),
    ],
)
def test_a_document_that_is_there_and_wrong_is_not_supported(part, looks, status, said):
    found = kept(part, policy(*looks))
    assert found.status is status
    assert said in found.sentence
    assert found.entries


def test_a_new_version_ends_the_finding(part):
    looks = [("a", "1", {}), ("b", "1", {}), ("b2", "2", {})]
    assert kept(part, policy(*looks)).status is Status.AWAITING


def test_what_is_not_declared_is_missing_and_says_how_to_begin(part):
    found = kept(part, policy(), kind="risk-method")
    assert (found.status, found.sentence) == (Status.MISSING, "No document is declared: risk method.")
    assert "affidavit document new risk-method" in found.next_action


def test_what_was_never_looked_at_is_not_yet_due_and_then_missing(part):
    story = Story()
    papers.declare(story)
    assert kept(part, story).status is Status.NOT_YET_DUE
    found = kept(part, story, at=story.now + timedelta(days=9))
    assert (found.status, found.sentence) == (Status.MISSING, "The document policy was never looked at.")


def test_a_look_ages(part):
    story = policy()
    assert kept(part, story, at=story.now + timedelta(days=9)).status is Status.STALE


@pytest.mark.parametrize(
    ("role", "holders", "status", "said"),
    [
        ("governance-lead", [], Status.MISSING, "Nobody holds governance-lead, which answers for the document policy."),
        ("board", [], Status.MISSING, "Nobody holds board, which may sign the document policy."),
        ("board", ["p-7"], Status.FAILING, "Only its author holds board, which may sign the document policy."),
    ],
)
def test_a_role_that_nobody_holds_or_only_the_author(part, role, holders, status, said):
    found = kept(part, policy(roles=ROLES | {role: {"title": role, "holders": holders}}))
    assert (found.status, found.sentence) == (status, said)


def test_one_document_of_two_that_is_wrong_is_enough(part):
    story = Story()
    second = POLICY | {"id": "second", "file": "documents/second.md"}
    papers.declare(story, POLICY, second)
    papers.look(story, "a")
    papers.look(story, None, of=second)
    story.collection(scope=ORGANISATION_SCOPE, steps=LOOKED)
    assert kept(part, story).status is Status.MISSING


def impact(covers=(), *, declared=True, looked=True):
    """The AI system of the story with an impact assessment."""
    story = Story()
    papers.declare(story, POLICY)
    story.declare(documents=[IMPACT] if declared else [])
    if looked:
        papers.look(story, "a", of=IMPACT, scope=SCOPE, covers=list(covers))
    story.collection(steps=(*STEPS, "documents"))
    return story


def test_the_organisation_is_asked_for_one_of_each_ai_system(part):
    for scope in (SCOPE, ORGANISATION_SCOPE):
        assert kept(part, impact(), "ai-impact-assessment", scope).status is Status.AWAITING
        found = kept(part, impact(declared=False, looked=False), "ai-impact-assessment", scope)
        assert (found.status, found.sentence) == (
            Status.MISSING,
            "loans declares no document: ai impact assessment.",
        )
        assert "--system loans" in found.next_action


def test_an_ai_system_is_asked_for_the_organisations_document(part):
    story = policy()
    story.declare()
    assert kept(part, story, scope=SCOPE).status is Status.AWAITING


def test_without_any_ai_system_none_has_its_document(part):
    found = kept(part, policy(), "ai-impact-assessment")
    assert (found.status, found.sentence) == (Status.MISSING, "No AI system is recorded.")


def test_all_documents_that_are_asked_for_together(part):
    found = part(policy(), "documents_kept/1", scope=ORGANISATION_SCOPE, kinds=["ai-policy", "roles"])
    assert (found.status, found.sentence) == (
        Status.MISSING,
        "No document is declared: roles. " + kept(part, policy()).sentence,
    )


def every(part, story, check):
    return part(story, f"documents_{check}/1", scope=ORGANISATION_SCOPE)


def test_each_document_is_identified_and_unaltered(part):
    for check in ("identified", "unaltered"):
        found = every(part, policy(), check)
        assert found.status is Status.SUPPORTED
        assert found.sentence.startswith("1 document declared: ")


@pytest.mark.parametrize("check", ["identified", "unaltered"])
@pytest.mark.parametrize(
    ("look", "status"),
    [
        ((None, None, {}), Status.MISSING),
        (("b", None, {}), Status.FAILING),
        (("b", "1", {}), Status.FAILING),
        (("b", "2", {"source": "file:include/other.md"}), Status.STALE),
    ],
)
def test_a_document_that_is_not_what_it_was(part, check, look, status):
    assert every(part, policy(("a", "1", {}), look), check).status is status


def test_a_document_that_only_its_author_may_sign_is_not_identified(part):
    roles = ROLES | {"board": {"title": "Board", "holders": ["p-7"]}}
    assert every(part, policy(roles=roles), "identified").status is Status.FAILING
    assert every(part, policy(roles=roles), "unaltered").status is Status.SUPPORTED


@pytest.mark.parametrize("check", ["identified", "unaltered"])
def test_no_document_at_all_shows_nothing(part, check):
    story = Story()
    story.declare_organisation()
    assert every(part, story, check).status is Status.MISSING


@pytest.mark.parametrize("check", ["identified", "unaltered"])
def test_those_of_ai_systems_count_too(part, check):
    story = impact()
    papers.look(story, "p")
    story.collection(scope=ORGANISATION_SCOPE, steps=LOOKED)
    assert every(part, story, check).status is Status.SUPPORTED
    papers.look(story, None, of=IMPACT, scope=SCOPE)
    assert every(part, story, check).status is Status.MISSING


def asked(story):
    """What waits for the approver of the policy."""
    found = needs(fold(story.entries), (), at=story.now, catalogue=CATALOGUE)
    return [need for need in found if need.type == "document"]


def signed(*looks, **answer):
    """The policy, with an answer to what was asked about it."""
    story = policy(*looks, people=PEOPLE)
    [need] = asked(story)
    decide(story, need, **{"by": "p-4", **answer})
    return story


def again(story, text, version):
    story.now += timedelta(minutes=1)
    papers.look(story, text, version)
    return story


def test_what_its_approver_signed_as_it_stands_is_supported_until_its_review(part):
    story = signed()
    found = kept(part, story)
    assert found.status is Status.SUPPORTED
    assert "version 1, stands as it was signed: p-4 answered 'approve' on 2026-03-02." in found.sentence
    assert len(found.entries) == 3
    assert asked(story) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"by": "p-3"},
        {"by": "p-99"},
        {"responder": "nobody", "by": None},
        {"state": "timed out", "by": None},
        {"state": "marked by hand", "by": None},
    ],
)
def test_an_answer_that_does_not_count_signs_nothing(part, answer):
    assert kept(part, signed(**answer)).status is Status.AWAITING


def test_its_author_cannot_sign_it_although_he_holds_the_role(part):
    roles = ROLES | {"board": {"title": "Board", "holders": ["p-4", "p-7"]}}
    story = policy(people=PEOPLE, roles=roles)
    decide(story, asked(story)[0], by="p-7")
    assert kept(part, story).status is Status.AWAITING
    decide(story, asked(story)[0], by="p-4")
    assert kept(part, story).status is Status.SUPPORTED


def test_an_author_cannot_be_swapped_so_that_he_may_sign(part):
    roles = ROLES | {"board": {"title": "Board", "holders": ["p-4", "p-7"]}}
    story = policy(people=PEOPLE, roles=roles)
    papers.declare(story, POLICY | {"author": "p-1"}, people=PEOPLE, roles=roles)
    decide(story, asked(story)[0], by="p-7")
    assert kept(part, story).status is Status.AWAITING


def test_a_document_that_was_turned_down_fails(part):
    found = kept(part, signed(option="reject"))
    assert (found.status, found.sentence) == (
        Status.FAILING,
        "Version 1 of the document policy was turned down: p-4 answered 'reject' on 2026-03-02.",
    )


def test_of_two_contradicting_answers_the_later_one_counts(part):
    story = policy(people=PEOPLE)
    [need] = asked(story)
    decide(story, need, by="p-4")
    decide(story, need, by="p-4", option="reject", **{"try": 2})
    assert kept(part, story).status is Status.FAILING


def test_a_new_version_needs_a_signature_of_its_own(part):
    story = again(signed(), "b", "2")
    assert kept(part, story).status is Status.AWAITING
    assert len(asked(story)) == 1


def test_the_old_file_restored_is_not_signed_by_the_old_signature(part):
    story = signed()
    before = {need.id for need in asked(policy(people=PEOPLE))}
    again(again(story, "b", "2"), "a", "1")
    assert kept(part, story).status is Status.AWAITING
    [need] = asked(story)
    assert need.id not in before
    decide(story, need, by="p-4")
    assert kept(part, story).status is Status.SUPPORTED


def test_an_answer_to_what_is_another_file_by_now_signs_nothing(part):
    story = policy(people=PEOPLE)
    [need] = asked(story)
    again(story, "b", "2")
    decide(story, need, by="p-4")
    assert kept(part, story).status is Status.AWAITING


def test_a_file_that_was_away_for_a_while_stays_signed(part):
    assert kept(part, again(again(signed(), None, None), "a", "1")).status is Status.SUPPORTED


def test_a_signature_lasts_until_the_review_and_is_asked_for_again(part):
    story = signed()
    story.now += timedelta(days=366)
    story.collection(scope=ORGANISATION_SCOPE, steps=LOOKED)
    found = kept(part, story)
    assert (found.status, found.next_action) == (
        Status.STALE,
        "Look at file:include/documents/policy.md again, and have it signed",
    )
    [need] = asked(story)
    assert need.round == 1
    decide(story, need, by="p-4")
    assert kept(part, story).status is Status.SUPPORTED
    assert asked(story) == []


def test_a_review_that_was_declared_longer_counts_only_once_somebody_approved(part):
    story = signed()
    papers.declare(story, POLICY | {"review_months": 60}, people=PEOPLE)
    story.now += timedelta(days=366)
    story.collection(scope=ORGANISATION_SCOPE, steps=LOOKED)
    assert kept(part, story).status is Status.STALE


def covering(part, covers, look=True):
    story = told()
    story.declare(documents=[IMPACT])
    if look:
        papers.look(story, "a", of=IMPACT, scope=SCOPE, covers=covers)
    return part(story, "document_covers_versions/1", kind="ai-impact-assessment")


def test_a_document_covers_the_version_in_use_or_says_nothing_of_it(part):
    assert covering(part, ["loans 1"]).status is Status.SUPPORTED
    assert covering(part, ["loans 2"]).status is Status.STALE
    assert covering(part, ["loans 11"]).status is Status.STALE
    assert covering(part, []).status is Status.MISSING
    assert covering(part, [], look=False).status is Status.MISSING
    found = part(told(), "document_covers_versions/1", kind="ai-impact-assessment")
    assert found.sentence == "loans declares no document: ai impact assessment."
