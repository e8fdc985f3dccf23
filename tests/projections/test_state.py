"""The fold, against what a reader would count by hand."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.evidence import ORGANISATION_SCOPE, Period, kinds
from affidavit.projections import State, fold
from tests.projections.story import DAY, FIRST, SCOPE, SUITE, TRAIN, Story, digest, organisation, system, told

ALIAS = "mlflow://tracking/models/loans@champion"

ACTIONS = {
    "declare": lambda story, n: story.declare(schedule=("@daily", "@hourly", "@monthly")[n]),
    "organisation": lambda story, n: story.declare_organisation(title=f"Bank {n}"),
    "suite": lambda story, n: story.suite(SUITE.model_copy(update={"expectations": SUITE.expectations[: 1 + n % 2]})),
    "snapshot": lambda story, n: story.snapshot("train", str(n)),
    "validation": lambda story, n: story.validation("train", str(n), failed=("a",) * (n % 2)),
    "alias": lambda story, n: story.alias(str(n)),
    "other alias": lambda story, n: story.alias(str(n), scope="system:cards"),
    "collection": lambda story, n: story.collection(gap="paused" if n == 2 else None),
    "unknown": lambda story, _: story.unknown(),
    "garbage": lambda story, _: story.leaf(b"{}"),
    "tomorrow": lambda story, _: setattr(story, "now", story.now + DAY),
    "staged": lambda story, n: setattr(story, "demonstration", "scripted" if n else None),
}
actions = st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 2)), max_size=25)


def play(steps) -> Story:
    story = Story()
    for name, n in steps:
        ACTIONS[name](story, n)
    return story


@settings(max_examples=60, deadline=None)
@given(actions)
def test_applied_one_by_one_each_state_is_the_fold_of_its_prefix(steps):
    entries = play(steps).entries
    state, live = State(), [State()]
    for entry in entries:
        state.apply(entry)
        live.append(copy.deepcopy(state))
    assert live == [fold(entries[:size]) for size in range(len(entries) + 1)]


@settings(max_examples=60, deadline=None)
@given(actions)
def test_the_state_is_what_a_reader_counts_by_hand(steps):
    entries = play(steps).entries
    state = fold(entries)
    assert state.size == len(entries)
    aside = {item.index for item in state.aside}
    counted = [e for e in entries if e.index not in aside]
    assert all(e.statement.known for e in counted)
    assert {e.index for e in entries if e.leaf == b"{}" or not e.statement.known} == aside
    for name in {e.statement.scope for e in counted}:
        mine = [e for e in counted if e.statement.scope == name]
        scope = state.scope(name)
        assert scope.history == {
            stream: [e.index for e in mine if e.statement.stream == stream]
            for stream in {e.statement.stream for e in mine}
        }
        assert scope.streams == {e.statement.stream: e for e in mine}
        assert scope.latest(kinds.MODEL_ALIAS) == {
            e.statement.subject.name: e for e in mine if e.statement.kind == "model-alias"
        }
        versions = [e.statement.facts["version"] for e in mine if e.statement.kind == "model-alias"]
        assert [look.version for look in scope.aliases.get(ALIAS, [])] == versions
        assert [c.entry for c in scope.collections] == [e for e in mine if e.statement.kind == "collection"]


@settings(max_examples=40, deadline=None)
@given(actions)
def test_a_scope_is_the_same_folded_alone(steps):
    entries = play(steps).entries
    whole = fold(entries)
    for name in ("system:cards", SCOPE):
        alone = [e for e in entries if e.leaf != b"{}" and e.statement.scope == name]
        assert fold(alone).scope(name) == whole.scope(name)


def test_entries_come_in_their_order():
    story = told()
    state = fold(story.entries)
    with pytest.raises(ValueError, match="comes after"):
        state.apply(story.entries[-1])


def test_the_cursor_is_that_of_the_latest_look():
    story = Story()
    assert fold(story.entries).scope(SCOPE).cursor("mlflow-runs") is None
    story.collection(cursor={"page": 1})
    story.now += DAY
    story.collection(cursor={"page": 2})
    story.now += DAY
    story.collection(steps=("table:train",), cursor={"page": 9})
    story.now += DAY
    story.collection(gap="paused")
    scope = fold(story.entries).scope(SCOPE)
    assert scope.cursor("mlflow-runs") == {"page": 2}
    assert scope.cursor("elsewhere") is None


def test_the_latest_collection_of_a_slot_is_the_one_that_stands():
    story = Story()
    story.collection(gap="paused")
    late = story.collection()
    scope = fold(story.entries).scope(SCOPE)
    assert len(scope.collections) == 2
    assert [one.entry for one in scope.looks.earliest_first()] == [late]
    assert scope.looks.of(scope.collections[0].slot).entry == late


def test_an_alias_moved_and_back_is_three_looks():
    story = Story()
    for version in ("1", "2", "1", "1"):
        story.alias(version)
        story.now += DAY
    looks = fold(story.entries).scope(SCOPE).aliases[ALIAS]
    assert [look.version for look in looks] == ["1", "2", "1"]
    assert [look.at for look in looks] == [FIRST, FIRST + DAY, FIRST + 2 * DAY]


class TestInForce:
    def test_a_weakening_waits_and_the_old_obligation_stands(self):
        story = Story()
        story.declare()
        story.now += DAY
        late = story.declare(schedule="@monthly", title="Renamed")
        standing = fold(story.entries).scope(SCOPE).system
        assert standing.value.schedule == "@daily"
        assert standing.value.title == "Renamed"
        assert [one.field for one in standing.pending] == ["schedule"]
        assert standing.entry == late
        assert standing.since == FIRST

    def test_it_waits_until_it_is_taken_back(self):
        story = Story()
        story.declare()
        story.declare(schedule="@monthly")
        story.declare(schedule="@weekly")
        assert fold(story.entries).scope(SCOPE).pending
        story.declare(schedule="@hourly")
        scope = fold(story.entries).scope(SCOPE)
        assert scope.system.value.schedule == "@hourly"
        assert scope.pending == ()

    def test_a_suite_that_lost_an_expectation_keeps_it(self):
        story = Story()
        story.suite()
        story.suite(SUITE.model_copy(update={"expectations": SUITE.expectations[:1]}))
        standing = fold(story.entries).scope(SCOPE).suites["loans"]
        assert standing.value.digest == SUITE.digest
        assert [one.file for one in standing.pending] == ["expectations/loans.yaml"]

    def test_every_role_guards_its_holders_since_any_may_be_asked_to_decide(self):
        story = Story()
        story.declare_organisation(owners={})
        story.declare(owner="data-owner")
        roles = {**organisation()["roles"], "ml-lead": {"title": "ML lead", "holders": ["p-9"]}}
        story.declare_organisation(owners={}, roles=roles)
        standing = fold(story.entries).organisation.organisation
        assert standing.value.roles["ml-lead"].holders == ("p-1",)
        assert standing.declared.roles["ml-lead"].holders == ("p-9",)
        assert [one.field for one in standing.pending] == ["roles.ml-lead.holders"]


class TestAside:
    """What never counts, and is named."""

    def only(self, story: Story) -> str:
        state = fold(story.entries)
        assert [item.index for item in state.aside] == [len(story.entries) - 1]
        assert state == replace(fold(story.entries[:-1]), aside=state.aside, size=state.size, marked=state.marked)
        return state.aside[0].why

    def test_an_unknown_kind(self):
        story = told()
        story.unknown()
        assert self.only(story) == "of an unknown kind"

    @pytest.mark.parametrize("leaf", [b"", b"{}", b"[]", b"\xff", b'{"a":1,"a":2}'])
    def test_what_is_no_statement(self, leaf):
        story = told()
        story.leaf(leaf)
        assert self.only(story)

    def test_a_field_that_its_kind_does_not_name(self):
        story = told()
        draft = story.draft(kinds.MODEL_ALIAS, ALIAS, {"model": "loans", "alias": "champion", "version": "9"})
        story.forged(draft, applicant="somebody")
        assert "'applicant'" in self.only(story)

    @pytest.mark.parametrize(
        "header",
        [
            {"origin": "sworn"},
            {"observed_at": "2026-02-30T00:00:00.000Z"},
            {"observed_at": "yesterday"},
            {"demonstration": 7},
            {"effective": {"from": "2026-13-01T00:00:00.000Z", "to": None}},
            {"effective": "always"},
            {"interval": {"from": "2026-13-01T00:00:00.000Z", "to": None}},
            {"interval": "always"},
        ],
    )
    def test_a_header_that_cannot_be_meant(self, header):
        story = told()
        draft = story.draft(kinds.MODEL_ALIAS, ALIAS, {"model": "loans", "alias": "champion", "version": "9"})
        whole = draft.statement.header
        story.forged(draft, header={**whole, **header})
        assert self.only(story)

    @pytest.mark.parametrize("result", ["PASSED", "WARNED", "fine"])
    def test_a_validation_that_contradicts_itself(self, result):
        story = told()
        failed = story.draft(kinds.VALIDATION, TRAIN, failed_validation(), sha256=digest("train 1"))
        story.forged(failed, result=result)
        assert "validation" in self.only(story)

    def test_a_validation_of_two_suites(self):
        story = told()
        facts = failed_validation()
        story.say(kinds.VALIDATION, TRAIN, {**facts, "configuration": facts["configuration"] * 2})
        assert "one suite" in self.only(story)

    def test_a_snapshot_that_is_not_of_its_subject(self):
        story = told()
        facts = dict(story.snapshot("train").statement.facts)
        story.say(kinds.DATASET_SNAPSHOT, TRAIN, facts, sha256=digest("another"))
        assert "another digest" in self.only(story)

    def test_a_system_in_the_scope_of_another(self):
        story = told()
        facts = {"file": "include/systems/loans.yaml", "system": system(title="Taken over")}
        story.say(kinds.SYSTEM, "affidavit://systems/loans", facts, scope="system:cards")
        assert "another scope" in self.only(story)

    def test_an_organisation_in_the_scope_of_a_system(self):
        story = told()
        facts = {"file": "include/organisation.yaml", "organisation": organisation(), "systems": []}
        story.say(kinds.ORGANISATION, "affidavit://organisations/bank", facts)
        assert "scope of an AI system" in self.only(story)

    @pytest.mark.parametrize(
        ("kind", "facts"),
        [
            (kinds.SYSTEM, {"file": "f", "system": {**system(), "shoe_size": 44}}),
            (kinds.SYSTEM, {"file": "f", "system": {**system(), "datasets": []}}),
            (kinds.SYSTEM, {"file": "f", "system": None}),
            (kinds.SUITE, {"file": "f", "suite": {**SUITE.model_dump(mode="json"), "expectations": []}}),
        ],
    )
    def test_a_declaration_that_cannot_be_read(self, kind, facts):
        story = told()
        story.say(kind, "affidavit://x", facts)
        assert "44" not in self.only(story)

    def test_a_schedule_that_never_ticks(self):
        story = told()
        declared = system()
        declared["schedule"] = "whenever"
        story.say(kinds.SYSTEM, "affidavit://systems/loans", {"file": "f", "system": declared})
        assert self.only(story)

    @pytest.mark.parametrize("slot", [Period(None, FIRST), Period(FIRST, None), Period(FIRST, FIRST)])
    def test_a_collection_without_a_slot(self, slot):
        story = told()
        story.collection(slot=slot)
        assert "slot" in self.only(story)

    def test_what_is_kept_aside_still_says_that_it_is_staged(self):
        story = Story(demonstration="scripted")
        story.unknown()
        (marked,) = fold(story.entries).demonstrations
        assert marked.count == 1


def failed_validation() -> dict[str, Any]:
    return dict(Story().validation("train", failed=("a",)).statement.facts)


def test_demonstrations_are_counted_by_text_and_scope():
    story = Story(demonstration="scripted runs")
    story.alias("1")
    story.alias("2")
    story.alias("1", scope=ORGANISATION_SCOPE)
    story.demonstration = None
    story.alias("3")
    found = fold(story.entries).demonstrations
    assert [(one.scope, one.text, one.count) for one in found] == [
        (ORGANISATION_SCOPE, "scripted runs", 1),
        (SCOPE, "scripted runs", 2),
    ]


def test_systems_are_named_whether_or_not_they_are_declared():
    story = told()
    story.alias("1", scope="system:cards")
    assert [scope.name for scope in fold(story.entries).systems] == ["system:cards", SCOPE]


def test_a_scope_that_nobody_spoke_of_is_empty_and_stays_so():
    state = fold(told().entries)
    assert state.scope("system:nobody").streams == {}
    assert "system:nobody" not in state.scopes


def test_a_suite_of_the_same_name_in_another_scope_is_another_suite():
    story = Story()
    story.suite()
    story.suite(SUITE.model_copy(update={"description": "x"}), scope="system:cards")
    assert fold(story.entries).scope(SCOPE).suites["loans"].value == SUITE


def test_what_is_said_later_of_an_earlier_interval_is_not_the_latest_about_its_subject():
    story = Story()

    def claim(day: int, rows: str) -> None:
        interval = Period(FIRST + (day - 1) * DAY, FIRST + day * DAY)
        edge = {"name": rows, "digest": None}
        facts = {"relation": "prepared from", "from": edge, "to": edge, "basis": ""}
        story.say(kinds.LINEAGE_EDGE, "airflow://loading/load", facts, interval=interval)

    for day, name in ((2, "second"), (1, "a backfill"), (2, "second again")):
        claim(day, name)
        [latest] = fold(story.entries).scope(SCOPE).latest(kinds.LINEAGE_EDGE).values()
        assert latest.statement.facts["from"]["name"] == name.replace("a backfill", "second")
