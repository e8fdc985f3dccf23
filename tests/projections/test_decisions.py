"""Which decisions count, and what an approved weakening does."""

import copy
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.projections import Need, State, fold, fold_scope, may_answer, needs
from affidavit.projections.decisions import months_after, told
from tests.projections.story import DAY, FIRST, PEOPLE, SCOPE, SUITE, Story, decide, organisation

CATALOGUE = catalogue.load()


def begun(**changes):
    """Declared on the first day; a weakening of the schedule is declared on the second."""
    story = Story()
    story.declare_organisation(people=PEOPLE, **changes)
    story.declare()
    story.now += DAY
    story.declare(schedule="@monthly")
    story.now += timedelta(hours=2)
    return story


def asked(story, scope=SCOPE, kind="loosening"):
    found = needs(fold(story.entries), (), at=story.now, catalogue=CATALOGUE)
    return [need for need in found if need.scope == scope and need.type == kind]


def schedule(story):
    return fold(story.entries).scope(SCOPE).system.value.schedule


def latest(story, scope=SCOPE):
    decisions = [each for every in fold(story.entries).scope(scope).decisions.values() for each in every]
    return max(decisions, key=lambda each: each.entry.index)


class TestWeakenings:
    def test_each_is_asked_of_whoever_answers_for_it(self):
        [need] = asked(begun())
        assert (need.scope, need.roles, need.round, need.ballot) == (SCOPE, ("ml-lead",), 0, None)
        assert need.options == ("approve", "reject")
        assert "'@daily'" in need.question
        assert need.id == asked(begun())[0].id
        state = fold(begun().entries)
        assert may_answer(need, state.organisation.organisation.value, date(2026, 3, 3)) == ("p-1",)

    def test_an_approved_one_stands_from_the_decision_on_and_before_it_the_old(self):
        story = begun()
        [need] = asked(story)
        entry = decide(story, need)
        assert schedule(story) == "@monthly"
        state = fold(story.entries)
        assert state.scope(SCOPE).pending == ()
        assert state.scope(SCOPE).duties[-1].index == entry.index
        assert fold(story.entries[: entry.index]).scope(SCOPE).system.value.schedule == "@daily"
        assert asked(story) == []

    def test_a_rejected_one_waits_and_is_not_asked_again(self):
        story = begun()
        [need] = asked(story)
        decide(story, need, option="reject")
        assert (schedule(story), asked(story)) == ("@daily", [])
        assert fold(story.entries).scope(SCOPE).pending

    def test_taken_back_and_made_again_it_is_asked_again(self):
        story = begun()
        [need] = asked(story)
        decide(story, need)
        story.declare()
        story.declare(schedule="@monthly")
        assert schedule(story) == "@daily"
        [again] = asked(story)
        assert (again.round, again.topic) == (1, need.topic)
        assert again.id != need.id
        decide(story, again)
        assert schedule(story) == "@monthly"

    def test_another_text_is_not_what_was_approved(self):
        story = begun()
        [need] = asked(story)
        story.declare(schedule="@weekly")
        decide(story, need)
        assert schedule(story) == "@daily"
        assert "no longer stands" in latest(story).why
        story.declare(schedule="@monthly")
        assert schedule(story) == "@daily"

    def test_what_is_approved_leaves_the_rest_waiting(self):
        story = begun()
        story.declare(schedule="@monthly", risk_level="minimal")
        by_field = {need.title.split()[0]: need for need in asked(story)}
        decide(story, by_field["schedule"])
        standing = fold(story.entries).scope(SCOPE).system
        assert (standing.value.schedule, standing.value.risk_level) == ("@monthly", "high")
        assert [one.field for one in standing.pending] == ["risk_level"]

    def test_contradicted_the_old_obligation_stands_again(self):
        story = begun()
        [need] = asked(story)
        first = decide(story, need)
        story.now += timedelta(hours=1)
        story.declare(schedule="@monthly", title="Renamed")
        second = decide(story, need, option="reject", **{"try": 2})
        assert schedule(story) == "@daily"
        standing = fold(story.entries).scope(SCOPE).system
        assert standing.value.title == "Renamed"
        [decisions] = fold(story.entries).scope(SCOPE).decisions.values()
        whys = {each.entry.index: why for each, why in told(decisions)}
        assert whys == {first.index: f"entry {second.index} contradicts it", second.index: ""}
        decide(story, need, **{"try": 3})
        assert schedule(story) == "@monthly"

    def test_what_could_only_be_declared_after_a_contradicted_approval_stands_no_more(self):
        story = Story(people=PEOPLE)
        kept = {"owners": {"6": "governance-lead"}}
        committees = {"risk": {"members": ["p-1"], "quorum": 1}}
        story.declare_organisation(committees=committees, **kept)
        story.declare_organisation(**kept)
        [need] = asked(story, ORGANISATION_SCOPE)
        decide(story, need, by="p-3")
        roles = {**organisation()["roles"], "risk": {"title": "Risk", "holders": []}}
        story.declare_organisation(roles=roles, **kept)
        decide(story, need, by="p-3", option="reject", **{"try": 2})
        state = fold(story.entries)
        assert state.aside == []
        stands = state.organisation.organisation.value
        assert ("risk" in stands.committees, "risk" in stands.roles) == (True, False)

    def test_of_the_organisations_file_the_role_itself_is_asked(self):
        story = begun()
        roles = {**organisation()["roles"], "data-owner": {"title": "Data owner", "holders": ["p-9"]}}
        story.declare_organisation(people=PEOPLE, roles=roles)
        [need] = asked(story, ORGANISATION_SCOPE)
        assert need.roles == ("data-owner",)
        decide(story, need, by="p-9")
        assert "p-9" in latest(story, ORGANISATION_SCOPE).why
        decide(story, asked(story, ORGANISATION_SCOPE)[0], by="p-2")
        assert fold(story.entries).organisation.organisation.value.roles["data-owner"].holders == ("p-9",)

    def test_things_that_stand_or_fall_together_need_every_approval(self):
        declared = {"id": "served", "kind": "requests-served", "connection": "bank", "table": "requests"}
        declared |= {"columns": {"request": "id", "at": "at"}}
        story = Story()
        story.declare_organisation(people=PEOPLE)
        story.declare(registers=[declared])
        moved = {**declared, "table": "other", "columns": {"request": "key", "at": "at"}}
        story.declare(registers=[moved])
        first, second = asked(story)
        decide(story, first)
        assert fold(story.entries).scope(SCOPE).system.value.registers[0].table == "requests"
        story.declare(registers=[moved], title="Renamed")
        decide(story, second)
        assert fold(story.entries).scope(SCOPE).system.value.registers[0].table == "other"
        assert fold(story.entries).scope(SCOPE).pending == ()


NOT_COUNTED = {
    "timed out": ({"state": "timed out", "responder": "nobody", "answered_at": None, "option": None}, "in time"),
    "by hand": ({"state": "marked by hand", "responder": "nobody", "answered_at": None, "option": None}, "by hand"),
    "failed": ({"state": "failed", "responder": "nobody", "answered_at": None, "option": None}, "failed"),
    "null responder": ({"responder": "nobody"}, "names nobody"),
    "a default": ({"responder": "timeout-default"}, "default"),
    "a service account": ({"responder": "service"}, "service"),
    "an unknown account": ({"responder": "unknown"}, "none of the declared people"),
    "a word that there is not": ({"responder": "robot"}, "no person"),
    "all admins": ({"authentication": {"manager": "SimpleAuthManager", "all_admins": True}}, "administrator"),
    "no authentication": ({"authentication": None}, "authenticated"),
    "another option": ({"option": "perhaps"}, "no answer"),
    "before the question": ({"asked_at": "2027-01-01T00:00:00.000Z"}, "before it was asked"),
    "the requester": ({"requested_by": "p-1"}, "asked for the decision"),
}


class TestWhoCounts:
    @pytest.mark.parametrize("case", NOT_COUNTED)
    def test_an_answer_that_is_no_persons_decision_stays_and_does_not_count(self, case):
        changes, why = NOT_COUNTED[case]
        story = begun()
        [need] = asked(story)
        decide(story, need, **changes)
        assert why in latest(story).why
        assert schedule(story) == "@daily"
        [again] = asked(story)
        assert again.round == 1

    @pytest.mark.parametrize(
        ("by", "why"),
        [
            (None, "names nobody"),
            ("p-2", "did not hold ml-lead"),
            ("p-4", "did not hold ml-lead"),
            ("bot", "machine"),
            ("p-9", "none of the declared people"),
        ],
    )
    def test_who_holds_no_asked_role_decides_nothing(self, by, why):
        story = begun()
        decide(story, asked(story)[0], by=by)
        assert why in latest(story).why
        assert schedule(story) == "@daily"

    def test_only_people_who_could_decide_that_day_are_asked(self):
        holders = ["p-1", "bot", "p-9", "p-5"]
        roles = {**organisation()["roles"], "ml-lead": {"title": "ML lead", "holders": holders}}
        story = Story(people={**PEOPLE, "p-5": {"until": "2026-03-02"}})
        story.declare_organisation(roles=roles)
        story.declare()
        story.declare(schedule="@monthly")
        [need] = asked(story)
        stands = fold(story.entries).organisation.organisation.value
        assert may_answer(need, stands, date(2026, 3, 2)) == ("p-1", "p-5")
        assert may_answer(need, stands, date(2026, 3, 3)) == ("p-1",)
        assert may_answer(replace(need, authors=("p-1",)), stands, date(2026, 3, 3)) == ()

    def test_who_made_himself_approver_in_the_same_change_is_none(self):
        story = begun()
        people = {**PEOPLE, "p-9": {}}
        roles = {**organisation()["roles"], "ml-lead": {"title": "ML lead", "holders": ["p-1", "p-9"]}}
        story.declare_organisation(people=people, roles=roles)
        decide(story, asked(story)[0], by="p-9")
        assert "p-9 did not hold ml-lead" in latest(story).why

    def test_who_filled_an_empty_role_after_the_change_was_declared_is_none(self):
        empty = {**organisation()["roles"], "ml-lead": {"title": "ML lead", "holders": []}}
        story = begun(roles=empty)
        story.declare_organisation(people=PEOPLE)
        [need] = asked(story)
        decide(story, need)
        assert "before the change was declared" in latest(story).why
        story.declare()
        story.declare(schedule="@monthly")
        decide(story, asked(story)[0])
        assert schedule(story) == "@monthly"

    def test_who_became_holder_after_the_request_is_none(self):
        story = begun()
        [need] = asked(story)
        basis = {"size": len(story.entries), "root": "0" * 64}
        roles = {**organisation()["roles"], "ml-lead": {"title": "ML lead", "holders": ["p-2"]}}
        story.declare_organisation(people=PEOPLE, roles=roles)
        decide(story, asked(story, ORGANISATION_SCOPE)[0])
        decide(story, need, by="p-2", basis=basis)
        assert "p-2 did not hold ml-lead" in latest(story).why
        decide(story, asked(story)[0], by="p-2")
        assert schedule(story) == "@monthly"

    @pytest.mark.parametrize("basis", [None, {"size": 10_000, "root": "0" * 64}, {"size": -1}, {"size": "3"}])
    def test_a_decision_that_names_no_head_before_it_does_not_count(self, basis):
        story = begun()
        decide(story, asked(story)[0], basis=basis)
        assert "no head" in latest(story).why

    def test_who_left_decides_nothing(self):
        story = begun()
        [need] = asked(story)
        people = {**PEOPLE, "p-1": {**PEOPLE["p-1"], "until": str(story.now.date() - DAY)}}
        basis = {"size": len(story.entries), "root": "0" * 64}
        story.declare_organisation(people=people)
        decide(story, need, basis=basis)
        assert "p-1 left on 2026-03-02" in latest(story).why

    def test_a_deputy_decides_only_while_the_person_is_declared_absent(self):
        story = begun()
        [need] = asked(story)
        today = story.now.date()
        away = {"absent": [{"from": str(today), "to": str(today)}]}
        story.declare_organisation(people={**PEOPLE, "p-1": {**PEOPLE["p-1"], **away}})
        decide(story, need, by="p-4")
        assert schedule(story) == "@monthly"
        story.now += DAY
        story.declare(schedule="@monthly", risk_level="minimal")
        decide(story, asked(story)[0], by="p-4")
        assert "p-4 did not hold" in latest(story).why

    def test_all_admins_count_in_a_demonstration(self):
        story = begun()
        story.demonstration = "scripted"
        decide(story, asked(story)[0], authentication={"manager": "x", "all_admins": True})
        assert schedule(story) == "@monthly"

    def test_a_need_that_was_asked_of_others_is_not_the_one_to_be_answered(self):
        story = begun()
        other = replace(asked(story)[0], roles=("data-owner",))
        decide(story, other, by="p-2")
        assert "asked otherwise" in latest(story).why
        assert schedule(story) == "@daily"

    @pytest.mark.parametrize("change", [{"round": 7}, {"options": ["approve"]}, {"type": "wish"}, {"roles": ["x"]}])
    def test_a_decision_whose_id_is_another_is_kept_aside(self, change):
        story = begun()
        entry = decide(story, asked(story)[0], **change)
        state = fold(story.entries)
        assert [one.index for one in state.aside] == [entry.index]
        assert state.scope(SCOPE).decisions == {}

    def test_a_decision_on_what_is_gone_is_kept_and_does_nothing(self):
        story = begun()
        [need] = asked(story)
        story.declare()
        decide(story, need)
        assert "no longer stands" in latest(story).why
        assert asked(story) == []


class TestExclusionsAndExceptions:
    def test_an_exclusion_waits_from_the_first_declaration_on_and_needs_reasons(self):
        story = Story()
        excluded = {"A.10.3": {"why": "No suppliers.", "requested_by": "p-1"}}
        owners = {"6": "governance-lead", "A.6": "ml-lead"}
        story.declare_organisation(people=PEOPLE, owners=owners, excluded=excluded)
        [need] = asked(story, ORGANISATION_SCOPE, "exclusion")
        assert (need.roles, need.authors) == (("governance-lead",), ("p-1",))
        decide(story, need, by="p-3", details=None)
        assert "no reasons" in latest(story, ORGANISATION_SCOPE).why
        decide(story, asked(story, ORGANISATION_SCOPE, "exclusion")[0], by="p-3")
        assert set(fold(story.entries).organisation.organisation.value.excluded) == {"A.10.3"}

    def test_who_asks_for_an_exception_does_not_grant_it(self):
        story = Story()
        exception = {"control": "A.6.2.4", "until": "2026-04-01", "why": "Migration.", "requested_by": "p-1"}
        story.declare_organisation(people=PEOPLE, owners={"A.6": "ml-lead"})
        story.declare(exceptions=[exception])
        [need] = asked(story, kind="exception")
        assert need.until.date() == date(2026, 4, 1)
        decide(story, need, by="p-1")
        assert "asked for it" in latest(story).why
        assert fold(story.entries).scope(SCOPE).system.value.exceptions == ()


MEMBERS = ["p-1", "p-2", "p-3"]


class TestCommittee:
    def begun(self, quorum=2):
        return begun(committees={"risk": {"members": MEMBERS, "quorum": quorum}}, deciders={"loosening": "risk"})

    def votes(self, story):
        return {need.ballot: need for need in asked(story)}

    def test_each_member_is_asked_and_a_quorum_decides(self):
        story = self.begun()
        votes = self.votes(story)
        assert set(votes) == {"p-1", "p-2", "p-3"}
        assert len({need.id for need in votes.values()}) == 3
        decide(story, votes["p-1"], by="p-1")
        assert schedule(story) == "@daily"
        assert set(self.votes(story)) == {"p-2", "p-3"}
        decide(story, votes["p-2"], by="p-2")
        assert schedule(story) == "@monthly"
        assert asked(story) == []

    def test_a_tie_decides_nothing_and_the_third_vote_breaks_it(self):
        story = self.begun()
        votes = self.votes(story)
        decide(story, votes["p-1"], by="p-1")
        decide(story, votes["p-2"], by="p-2", option="reject")
        assert schedule(story) == "@daily"
        decide(story, votes["p-3"], by="p-3")
        assert schedule(story) == "@monthly"

    def test_nobody_votes_on_anothers_seat_nor_twice(self):
        story = self.begun()
        votes = self.votes(story)
        decide(story, votes["p-1"], by="p-1")
        decide(story, votes["p-2"], by="p-1")
        assert "on the seat of p-2" in latest(story).why
        decide(story, votes["p-1"], by="p-1", **{"try": 2})
        assert schedule(story) == "@daily"

    def test_a_member_who_turns_takes_the_quorum_away(self):
        story = self.begun()
        votes = self.votes(story)
        decide(story, votes["p-1"], by="p-1")
        decide(story, votes["p-2"], by="p-2")
        decide(story, votes["p-2"], by="p-2", option="reject", **{"try": 2})
        assert schedule(story) == "@daily"

    def test_a_deputy_votes_on_the_seat_of_who_is_away(self):
        story = self.begun()
        today = str(story.now.date())
        away = {"absent": [{"from": today, "to": today}]}
        committees = {"risk": {"members": MEMBERS, "quorum": 2}}
        people = {**PEOPLE, "p-1": {**PEOPLE["p-1"], **away}}
        story.declare_organisation(people=people, committees=committees, deciders={"loosening": "risk"})
        votes = self.votes(story)
        decide(story, votes["p-1"], by="p-4")
        decide(story, votes["p-2"], by="p-2")
        assert schedule(story) == "@monthly"

    def test_dissent_is_named(self):
        from affidavit.projections.decisions import settled

        story = self.begun(quorum=3)
        votes = self.votes(story)
        for member, option in (("p-1", "approve"), ("p-2", "reject"), ("p-3", "approve")):
            decide(story, votes[member], by=member, option=option)
        [decisions] = fold(story.entries).scope(SCOPE).decisions.values()
        outcome = settled(decisions)
        assert (outcome.by, outcome.dissent) == (("p-1", "p-3"), ("p-2",))
        assert "against p-2" in outcome.words


def test_months_end_on_a_day_that_there_is():
    assert months_after(FIRST.replace(month=1, day=31), 1).date() == date(2026, 2, 28)
    assert months_after(FIRST.replace(month=12, day=1), 12).date() == date(2027, 12, 1)


SCHEDULES = ("@hourly", "@daily", "@weekly", "@monthly")
STRICTNESS = {name: n for n, name in enumerate(SCHEDULES)}
steps = st.lists(
    st.one_of(
        st.tuples(st.just("declare"), st.sampled_from(SCHEDULES)),
        st.tuples(
            st.just("decide"),
            st.tuples(st.sampled_from(["p-1", "p-2", "p-4", "bot", None]), st.sampled_from(["approve", "reject"])),
        ),
    ),
    max_size=7,
)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_nothing_weaker_ever_stands_than_what_p_1_approved(played):
    story = Story()
    story.declare_organisation(people=PEOPLE)
    story.declare()
    stands, declared = "@daily", "@daily"
    allowed = False
    for what, with_ in played:
        story.now += timedelta(hours=2)
        if what == "declare":
            story.declare(schedule=with_)
            allowed = allowed and with_ == declared
            declared = with_
            if not allowed:
                stands = min(stands, declared, key=STRICTNESS.get)
        elif what == "decide" and (open_needs := asked(story)):
            by, option = with_
            decide(story, open_needs[0], by=by, option=option)
            if by == "p-1" and option == "approve":
                stands, allowed = declared, True
        now = schedule(story)
        assert STRICTNESS[now] <= STRICTNESS[stands]
        stands = now


CHANGES = (
    {"schedule": "@monthly"},
    {"risk_level": "minimal"},
    {"owner": "data-owner"},
    {"predictions": []},
    {"datasets": [{"id": "train", "connection": "bank", "table": "b", "use": "test", "suite": "loans"}]},
    {"exceptions": [{"control": "A.7.4", "until": "2026-12-01", "why": "Later."}]},
)
ANSWERS = (
    {"by": "p-2"},
    {"by": "p-4"},
    {"by": "bot"},
    {"by": None},
    {"by": "p-9"},
    *({"by": "p-1", **changes} for changes, _ in NOT_COUNTED.values()),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(ANSWERS)), min_size=1, max_size=3))
def test_no_weakening_stands_by_an_answer_that_does_not_count(played):
    story = Story(people=PEOPLE)
    story.declare_organisation()
    story.declare()
    story.suite()
    declared = {}
    for change, answer in played:
        declared |= change
        story.declare(**declared)
        story.suite(SUITE.model_copy(update={"expectations": SUITE.expectations[:1]}))
        for need in asked(story):
            decide(story, need, **answer)
    undecided = fold(entry for entry in story.entries if entry.statement.kind != "decision").scope(SCOPE)
    scope = fold(story.entries).scope(SCOPE)
    assert scope.decisions
    assert (scope.system, scope.suites) == (undecided.system, undecided.suites)


@settings(max_examples=10, deadline=None)
@given(steps)
def test_with_decisions_too_each_state_is_the_fold_of_its_prefix(played):
    story = Story()
    story.declare_organisation(people=PEOPLE)
    story.declare()
    for what, with_ in played:
        if what == "declare":
            story.declare(schedule=with_)
        elif open_needs := asked(story):
            by, option = with_
            decide(story, open_needs[0], by=by, option=option)
    state, live = State(), []
    for entry in story.entries:
        state.apply(entry)
        live.append(copy.deepcopy(state))
    assert live == [fold(story.entries[: size + 1]) for size in range(len(story.entries))]


class Memory:
    """Entries in memory, as a ledger hands them out."""

    def __init__(self, entries):
        self.all = entries

    def entries(self, start=0, stop=None, *, scope=None, kind=None):
        for entry in self.all[start:stop]:
            if scope in (None, entry.statement.scope) and kind in (None, entry.statement.kind):
                yield entry


def test_a_scope_read_alone_knows_what_was_approved():
    story = begun()
    story.declare_organisation(people=PEOPLE, title="Renamed")
    decide(story, asked(story)[0])
    story.declare(schedule="@monthly", risk_level="minimal")
    for scope in (SCOPE, ORGANISATION_SCOPE):
        for size in range(len(story.entries) + 1):
            assert fold_scope(Memory(story.entries), scope, size=size) == fold(story.entries[:size]).scope(scope)
    assert fold_scope(Memory(story.entries), SCOPE).system.value.schedule == "@monthly"


def test_a_need_reads_back_from_its_facts():
    [need] = asked(begun())
    assert Need.of(need.facts(), scope=need.scope) == need
