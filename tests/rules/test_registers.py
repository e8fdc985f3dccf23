from datetime import UTC, datetime

import pytest

from affidavit.evidence import ORGANISATION_SCOPE, Origin, kinds
from affidavit.rules import Status
from tests.projections.story import AGREEING, DAY, FIRST, SCOPE, SCORED, STEPS, Story, system

REQUESTS = {
    "id": "requests",
    "kind": "requests-served",
    "connection": "bank",
    "table": "requests_served",
    "columns": {"request": "id", "at": "served_at"},
    "reconcile": {"connection": "bank", "table": "loans_scored", "column": "id"},
}
LOGS = {
    "id": "logs",
    "kind": "event-logs",
    "connection": "bank",
    "table": "events",
    "columns": {"request": "id", "at": "at", "event": "event"},
    "reconcile": {"connection": "bank", "table": "requests_served", "column": "id"},
}
GRANTS = {
    "id": "grants",
    "kind": "access-grants",
    "connection": "bank",
    "table": "grants",
    "columns": {"person": "who", "resource": "what", "right": "right"},
    "reconcile": {"connection": "directory", "table": "users", "column": "login"},
}
TICKETS = {
    "id": "tickets",
    "kind": "tickets",
    "connection": "desk",
    "table": "tickets",
    "columns": {"ticket": "id", "opened": "opened", "owner": "owner"},
}
LICENCES = {
    "id": "licences",
    "kind": "licences",
    "file": "registers/licences.csv",
    "columns": {"item": "item", "licence": "licence", "until": "until"},
}
IN_DATE = [{"day": "2026-03-10", "rows": 40, "categories": {}}, {"day": "2027-01-01", "rows": 60, "categories": {}}]


def story_of(*declared, looked=True, **facts):
    """One AI system with these registers; the last of them has ``facts``."""
    story = Story()
    story.declare(registers=list(declared))
    for register in declared:
        if looked:
            story.register(register, **(facts if register is declared[-1] else {}))
    story.collection(steps=(*STEPS, *(f"register:{each['id']}" for each in declared)))
    return story


def live(part, story, kind="event-logs", **rest):
    return part(story, "register_live/1", kind=kind, **rest)


def reconciled(part, story, kind="requests-served", against=("rows-scored",), **rest):
    return part(story, "register_reconciled/1", kind=kind, against=against, **rest)


def current(part, story, kind="licences", **rest):
    return part(story, "register_current/1", kind=kind, **rest)


@pytest.mark.parametrize("ask", [live, reconciled, current])
def test_without_a_register_there_is_nothing_to_rest_on(part, ask):
    assert ask(part, story_of()).status is Status.MISSING


def test_a_register_that_agrees_with_the_rows_scored_supports_it(part):
    found = reconciled(part, story_of(REQUESTS))
    assert (found.status, found.origin) == (Status.SUPPORTED, Origin.OBSERVED)
    assert f"agrees with {SCORED} in 100 keys" in found.sentence


@pytest.mark.parametrize(("here", "there"), [(1, 0), (0, 1), (7, 9)])
def test_any_difference_fails_it_and_is_counted(part, here, there):
    story = story_of(REQUESTS, reconciled={"with": SCORED, **AGREEING, "only_here": here, "only_there": there})
    found = reconciled(part, story)
    assert found.status is Status.FAILING
    assert f"{here} only in the register, {there} only in the other" in found.sentence


def test_rows_of_the_other_source_without_a_key_are_agreed_upon_by_nobody(part):
    """A thousand rows were scored, 999 of them for no request that has a name, and the one that has is logged."""
    one = {"with": SCORED, **AGREEING, "matched": 1, "blank_there": 999}
    found = reconciled(part, story_of(REQUESTS, rows=1, reconciled=one))
    assert found.status is Status.UNDETERMINED
    assert "999 rows without a key" in found.sentence
    differing = {**one, "only_here": 1}
    assert reconciled(part, story_of(REQUESTS, reconciled=differing)).status is Status.FAILING


def test_what_was_compared_must_be_what_is_asked_for(part):
    elsewhere = REQUESTS | {"reconcile": REQUESTS["reconcile"] | {"table": "anything"}}
    assert reconciled(part, story_of(elsewhere)).status is Status.MISSING
    itself = REQUESTS | {"reconcile": REQUESTS["reconcile"] | {"table": "requests_served"}}
    assert reconciled(part, story_of(itself)).status is Status.MISSING
    assert reconciled(part, story_of(itself), against=("requests-served",)).status is Status.MISSING
    moved = story_of(REQUESTS, reconciled={"with": "warehouse://bank/old", **AGREEING})
    assert reconciled(part, moved).status is Status.STALE


def test_a_register_that_is_compared_with_nothing_shows_nothing(part):
    assert reconciled(part, story_of(REQUESTS | {"reconcile": None})).status is Status.MISSING
    assert reconciled(part, story_of(REQUESTS, reconciled=None)).status is Status.MISSING


def test_logs_are_compared_with_the_requests_that_a_register_counts(part):
    asked = {"kind": "event-logs", "against": ("requests-served",)}
    assert reconciled(part, story_of(REQUESTS, LOGS), **asked).status is Status.SUPPORTED
    assert reconciled(part, story_of(LOGS), **asked).status is Status.MISSING, "nobody counts those requests"


def test_users_without_a_grant_are_none_of_its_business_but_grants_without_a_user_are(part):
    users = "warehouse://directory/users"
    asked = {"kind": "access-grants", "against": ()}
    more = story_of(GRANTS, reconciled={"with": users, **AGREEING, "only_there": 50}, undated=None, days=[])
    assert reconciled(part, more, **asked).status is Status.SUPPORTED
    nameless = story_of(GRANTS, reconciled={"with": users, **AGREEING, "blank_there": 5}, undated=None, days=[])
    assert reconciled(part, nameless, **asked).status is Status.SUPPORTED
    ghost = story_of(GRANTS, reconciled={"with": users, **AGREEING, "only_here": 1}, undated=None, days=[])
    assert reconciled(part, ghost, **asked).status is Status.FAILING
    none = story_of(GRANTS, reconciled={"with": users, **AGREEING, "matched": 0}, undated=None, days=[])
    assert reconciled(part, none, **asked).status is Status.UNDETERMINED


def test_rows_since_the_slot_began_show_that_it_is_alive(part):
    found = live(part, story_of(LOGS))
    assert found.status is Status.SUPPORTED
    assert "100 rows from 2026-03-01 to 2026-03-02" in found.sentence


@pytest.mark.parametrize("day", ["2026-02-28", "2026-03-03", "2999-01-01"])
def test_no_row_in_a_live_period_is_undetermined_whatever_other_days_hold(part, day):
    found = live(part, story_of(LOGS, days=[{"day": day, "rows": 100, "categories": {}}]))
    assert found.status is Status.UNDETERMINED
    assert "no row from 2026-03-01 to 2026-03-02" in found.sentence


@pytest.mark.parametrize(("ask", "declared"), [(live, LOGS), (reconciled, REQUESTS)])
class TestWhatIsWrongWithARegister:
    def test_it_turns_stale_when_nobody_looks(self, part, ask, declared):
        story = story_of(declared)
        until = ask(part, story).valid_until
        assert until is not None
        assert ask(part, story, at=until).status is Status.STALE

    def test_never_looked_at(self, part, ask, declared):
        assert ask(part, story_of(declared, looked=False)).status is Status.MISSING

    def test_no_rows(self, part, ask, declared):
        assert ask(part, story_of(declared, rows=0)).status is Status.UNDETERMINED

    def test_a_required_column_is_gone(self, part, ask, declared):
        columns = {role: {"column": column, "blank": 0} for role, column in declared["columns"].items()}
        gone = {**columns, "request": {"column": "id", "blank": None}}
        found = ask(part, story_of(declared, columns=gone))
        assert found.status is Status.MISSING
        assert "'id' (request)" in found.sentence

    def test_a_required_cell_is_blank(self, part, ask, declared):
        columns = {role: {"column": column, "blank": 0} for role, column in declared["columns"].items()}
        found = ask(part, story_of(declared, columns={**columns, "request": {"column": "id", "blank": 3}}))
        assert found.status is Status.FAILING
        assert "request in 3 rows" in found.sentence

    def test_a_day_cannot_be_read(self, part, ask, declared):
        assert ask(part, story_of(declared, undated=1)).status is Status.UNDETERMINED

    def test_it_was_read_elsewhere(self, part, ask, declared):
        assert ask(part, story_of(declared, source="warehouse://bank/old")).status is Status.STALE
        assert ask(part, story_of(declared, kind="tickets")).status is Status.STALE
        columns = {role: {"column": "other", "blank": 0} for role in declared["columns"]}
        assert ask(part, story_of(declared, columns=columns)).status is Status.STALE

    def test_it_was_put_there_by_hand(self, part, ask, declared):
        file = {k: v for k, v in declared.items() if k not in {"connection", "table"}} | {"file": "a.csv"}
        found = ask(part, story_of(file))
        assert (found.status, found.origin) == (Status.UNDETERMINED, Origin.DECLARED)
        assert "put there by hand" in found.sentence


def test_a_register_put_there_by_hand_counts_as_declared_where_that_is_enough(part):
    found = current(part, story_of(LICENCES, days=IN_DATE))
    assert (found.status, found.origin) == (Status.SUPPORTED, Origin.DECLARED)


def test_a_sheet_that_hides_rows_or_sheets_is_a_finding_that_says_so(part):
    sheet = LICENCES | {"file": "registers/licences.xlsx"}
    found = current(part, story_of(sheet, days=IN_DATE, hidden={"rows": 3, "sheets": 1}))
    assert found.status is Status.FAILING
    assert "hides 3 rows and 1 sheets" in found.sentence or "hides 3 rows, 1 sheets" in found.sentence
    assert current(part, story_of(sheet, days=IN_DATE)).status is Status.SUPPORTED


def test_it_stands_until_the_first_row_runs_out(part):
    story = story_of(LICENCES, days=[{"day": "2026-03-02", "rows": 100, "categories": {}}])
    found = current(part, story)
    assert (found.status, found.valid_until) == (Status.SUPPORTED, datetime(2026, 3, 3, tzinfo=UTC))
    late = current(part, story, at=found.valid_until)
    assert late.status is Status.FAILING
    assert "100 rows of 100 that ran out" in late.sentence


def test_one_row_that_ran_out_fails_it(part):
    days = [{"day": "2026-03-01", "rows": 1, "categories": {}}, *IN_DATE]
    found = current(part, story_of(LICENCES, rows=101, days=days))
    assert found.status is Status.FAILING
    assert "1 row of 101" in found.sentence


def test_beyond_the_days_that_are_listed_nothing_is_known(part):
    story = story_of(LICENCES, days=[], days_omitted=3, rows_omitted=100)
    assert current(part, story).status is Status.UNDETERMINED


def test_a_register_of_the_organisation_serves_its_systems_and_theirs_the_organisation(part):
    story = story_of()
    story.declare_organisation(registers=[LICENCES])
    story.register(LICENCES, scope=ORGANISATION_SCOPE, days=IN_DATE)
    story.collection(scope=ORGANISATION_SCOPE, steps=("declarations", "register:licences"))
    assert current(part, story).status is Status.SUPPORTED
    assert current(part, story, scope=ORGANISATION_SCOPE).status is Status.SUPPORTED


def declare_cards(story, *registers):
    """A second AI system, with registers of its own."""
    facts = {"file": "include/systems/cards.yaml", "system": system(id="cards", registers=list(registers))}
    story.say(kinds.SYSTEM, "affidavit://systems/cards", facts, scope="system:cards", origin=Origin.DECLARED)
    for register in registers:
        story.register(register, scope="system:cards", days=IN_DATE)
    steps = (*STEPS, *(f"register:{each['id']}" for each in registers))
    story.collection(scope="system:cards", steps=steps)


def test_the_organisation_rests_on_the_registers_of_its_systems_where_each_has_one(part):
    story = story_of(LICENCES, days=IN_DATE)
    assert current(part, story, scope=ORGANISATION_SCOPE).status is Status.SUPPORTED
    declare_cards(story)
    alone = current(part, story, scope=ORGANISATION_SCOPE)
    assert alone.status is Status.MISSING
    assert "Neither the organisation nor cards declares a register of licences" in alone.sentence
    assert current(part, story).status is Status.SUPPORTED, "of the system that has one"
    declare_cards(story, LICENCES)
    assert current(part, story, scope=ORGANISATION_SCOPE).status is Status.SUPPORTED


def test_a_register_of_tickets_that_ended_years_ago_supports_no_operation(part, verdicts):
    """A.6.2.6 asks for tickets."""
    old = [{"day": "2019-05-01", "rows": 100, "categories": {}}]
    story = story_of(TICKETS, days=old)
    assert live(part, story, "tickets").status is Status.UNDETERMINED
    asked = [found for found in verdicts(story)[SCOPE, "A.6.2.6"].parts if found.check.startswith("register_")]
    assert [found.status for found in asked] == [Status.UNDETERMINED]
    asked = [
        found for found in verdicts(story_of(TICKETS))[SCOPE, "A.6.2.6"].parts if found.check.startswith("register_")
    ]
    assert [found.status for found in asked] == [Status.SUPPORTED]


def test_the_worst_of_several_registers_counts(part):
    other = LICENCES | {"id": "more"}
    assert current(part, story_of(LICENCES, other, days=IN_DATE)).status is Status.FAILING, (
        "the first ran out yesterday"
    )


def test_an_incident_without_a_notice_fails_it_and_that_all_have_one_supports_nothing(part):
    incidents = {
        "id": "incidents",
        "kind": "user-visible-incidents",
        "connection": "desk",
        "table": "incidents",
        "columns": {"incident": "id", "detected": "detected", "notified": "notified"},
    }
    old = [{"day": "2019-05-01", "rows": 100, "categories": {}}]
    found = current(part, story_of(incidents, days=old), "user-visible-incidents")
    assert found.status is Status.UNDETERMINED
    assert "the latest of 2019-05-01" in found.sentence
    columns = {
        role: {"column": column, "blank": int(role == "notified")} for role, column in incidents["columns"].items()
    }
    assert current(part, story_of(incidents, columns=columns), "user-visible-incidents").status is Status.FAILING


def test_a_look_after_the_moment_that_is_asked_about_shows_nothing_of_it(part):
    story = story_of(LOGS)
    outcome = live(part, story, at=FIRST - DAY)
    assert (outcome.status, "never looked at" in outcome.sentence) == (Status.MISSING, True)
