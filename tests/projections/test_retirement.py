"""A system whose file was deleted owes what it owed until it is decided that it is retired, and again with the file."""

from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE, Origin, kinds
from affidavit.projections import Came, calendar, fold, needs
from affidavit.projections.state import fold_scope
from affidavit.rules import Status, judge
from tests.projections.story import DAY, PEOPLE, SCOPE, Story, decide, system, told

CATALOGUE = catalogue.load()
HOUR = timedelta(hours=1)


def present(story: Story, systems=("loans",), **changes) -> None:
    """The organisation's look, which names the files that are there."""
    story.declare_organisation(systems=systems, people=PEOPLE, **changes)
    story.collection(scope=ORGANISATION_SCOPE, steps=("declarations", "unreconciled"))


def dropped(**changes) -> Story:
    story = told(people=PEOPLE)
    story.now += DAY
    present(story, (), **changes)
    story.now += HOUR
    return story


def asked(story: Story):
    state = fold(story.entries)
    verdicts = judge(state, at=story.now, catalogue=CATALOGUE)
    found = needs(state, verdicts, at=story.now, catalogue=CATALOGUE)
    return [need for need in found if need.type == "retirement"]


def retired(by="p-1", story=None, **answer) -> Story:
    story = story or dropped()
    decide(story, asked(story)[0], by=by, **answer)
    return story


def scopes(story: Story) -> set[str]:
    return {verdict.scope for verdict in judge(fold(story.entries), at=story.now, catalogue=CATALOGUE)}


def changes(story: Story):
    found = judge(fold(story.entries), at=story.now, catalogue=CATALOGUE)
    return next(part for v in found if v.control == "6.3" for part in v.parts if part.check == "loosenings_decided/1")


def test_until_it_is_decided_everything_is_due_and_one_that_answers_for_it_is_asked():
    story = dropped()
    assert SCOPE in scopes(story)
    assert changes(story).status is Status.FAILING
    [need] = asked(story)
    assert (need.scope, need.roles, need.title) == (ORGANISATION_SCOPE, ("ml-lead",), "Loans (loans)")
    assert need.subjects == (fold(story.entries).scope(SCOPE).system.entry.statement.subject,)


def test_once_it_is_decided_nothing_is_due_for_it_and_the_organisation_says_who_decided():
    story = retired()
    assert scopes(story) == {ORGANISATION_SCOPE}
    assert (changes(story).status, asked(story)) == (Status.SUPPORTED, [])
    found = judge(fold(story.entries), at=story.now, catalogue=CATALOGUE)
    part = next(v for v in found if v.control == "4.1").parts[0]
    assert part.sentence == "No AI system is declared. loans is retired: p-1 answered 'approve' on 2026-03-04."
    assert part.entries == (len(story.entries) - 1,)


def test_only_what_is_due_from_the_decision_on_ends():
    before = dropped()
    story = retired(story=before)
    size = len(story.entries)
    # As of before, by what was known then.
    assert fold(story.entries[: size - 1]).retired == ()
    story.now += 3 * DAY
    dues = calendar(fold(story.entries), SCOPE, at=story.now).due
    assert [due.end for due in dues if due.end > story.now - 3 * DAY] == []
    owed = calendar(fold(story.entries[: size - 1]), SCOPE, at=story.now).due
    assert [due.end for due in owed][: len(dues)] == [due.end for due in dues]
    assert len(owed) == len(dues) + 3


def test_another_system_owes_what_it_owed():
    story = told(people=PEOPLE)
    cards = {"file": "include/systems/cards.yaml", "system": system(id="cards")}
    story.say(kinds.SYSTEM, "affidavit://systems/cards", cards, scope="system:cards", origin=Origin.DECLARED)
    present(story, ("cards", "loans"))
    story.now += DAY
    present(story, ("cards",))
    story.now += HOUR
    retired(story=story)
    assert scopes(story) == {ORGANISATION_SCOPE, "system:cards"}


@pytest.mark.parametrize(
    ("by", "answer"),
    [
        ("p-2", {}),
        ("bot", {"responder": "service"}),
        (None, {"state": "timed out", "responder": "nobody", "answered_at": None, "option": None}),
        ("p-1", {"option": "reject"}),
    ],
)
def test_an_answer_that_allows_nothing_leaves_all_of_it_due(by, answer):
    story = retired(by, **answer)
    assert SCOPE in scopes(story)
    assert changes(story).status is Status.FAILING


def test_putting_the_file_back_restores_it_and_deleting_it_again_asks_again():
    story = retired()
    [first] = [entry.statement.subject.name for entry in story.entries if entry.statement.kind == "decision"]
    story.now += 2 * DAY
    present(story)
    back = story.now
    assert SCOPE in scopes(story)
    assert changes(story).status is Status.SUPPORTED
    story.now += 3 * DAY
    dues = calendar(fold(story.entries), SCOPE, at=story.now).due
    assert [due.came for due in dues if due.end > back] == [Came.NEVER, Came.NEVER, Came.OPEN]
    assert [due for due in dues if back - 2 * DAY < due.end < back] == []
    present(story, ())
    story.now += HOUR
    assert SCOPE in scopes(story), "the first decision was about the first time"
    [need] = asked(story)
    assert need.subject != first
    retired(story=story)
    assert SCOPE not in scopes(story)


def test_slots_while_it_was_retired_are_missed_by_nobody():
    story = retired()
    story.now += 2 * DAY
    present(story)
    story.collect_tables()
    story.collection()
    found = judge(fold(story.entries), at=story.now, catalogue=CATALOGUE)
    part = next(p for v in found if v.control == "9.1" for p in v.parts if p.check == "slots_complete/1")
    # 3 March was over before anybody decided; 4 and 5 March were nobody's.
    assert "2026-03-05" not in part.sentence
    assert "2026-03-06" not in part.sentence


def test_a_later_answer_that_contradicts_brings_the_obligations_back():
    story = dropped()
    [need] = asked(story)
    decide(story, need, by="p-1")
    story.now += DAY
    decide(story, need, by="p-1", option="reject")
    assert SCOPE in scopes(story)
    assert changes(story).status is Status.FAILING


def test_a_role_that_nobody_held_before_the_file_was_deleted_retires_nothing():
    def roles(*holders):
        others = {"data-owner": ["p-2"], "governance-lead": ["p-3"], "ml-lead": list(holders)}
        return {name: {"title": name, "holders": held} for name, held in others.items()}

    story = Story(people=PEOPLE)
    present(story, roles=roles())
    story.declare()
    story.now += DAY
    present(story, (), roles=roles("p-1"))
    story.now += HOUR
    retired(story=story)
    assert SCOPE in scopes(story)
    [[decision]] = fold(story.entries).organisation.decisions.values()
    assert "nobody held the asked role before" in decision.why


def test_the_organisation_folded_by_itself_knows_what_was_decided():
    story = retired()

    class Ledger:
        def entries(self, start=0, stop=None, *, scope=None, kind=None):
            return (
                each
                for each in story.entries[start:stop]
                if scope in (None, each.statement.scope) and kind in (None, each.statement.kind)
            )

    alone = fold_scope(Ledger(), ORGANISATION_SCOPE)
    whole = fold(story.entries).organisation
    assert alone == whole
    [[decision]] = alone.decisions.values()
    assert decision.counts
