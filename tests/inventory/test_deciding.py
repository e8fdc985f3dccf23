"""Who may decide, and what a change of it weakens."""

import pytest
from pydantic import ValidationError

from affidavit.inventory.loosening import organisation_in_force
from affidavit.inventory.organisation import Organisation

ROLES = {"lead": {"title": "Lead", "holders": ["p-1"]}}
PEOPLE = {
    "p-1": {"accounts": ["ann"], "competence": ["A.7"], "until": "2026-12-31", "deputy": "p-2"},
    "p-2": {"accounts": ["bob"]},
    "p-3": {},
    "bot": {"service": True},
}
COMMITTEES = {"risk": {"members": ["p-1", "p-2", "p-3"], "quorum": 2}}


def organisation(**changes):
    declared = {"id": "bank", "title": "Bank", "roles": ROLES, "people": PEOPLE, "committees": COMMITTEES, **changes}
    return Organisation.model_validate(declared)


def person(name, **changes):
    return {"people": {**PEOPLE, name: {**PEOPLE.get(name, {}), **changes}}}


WEAKER = {
    "another account": (person("p-1", accounts=["ann", "eve"]), "people.p-1.accounts"),
    "more competence": (person("p-1", competence=["A.7", "A.6"]), "people.p-1.competence"),
    "a new person's competence": (person("p-9", competence=["A.6"]), "people.p-9.competence"),
    "a new person's deputy": (person("p-9", deputy="p-2"), "people.p-9.deputy"),
    "a machine as a person": (person("bot", service=False), "people.bot.service"),
    "a machine that is forgotten": ({"people": {n: p for n, p in PEOPLE.items() if n != "bot"}}, "people.bot"),
    "staying for longer": (person("p-1", until="2027-12-31"), "people.p-1.until"),
    "staying for ever": (person("p-1", until=None), "people.p-1.until"),
    "another deputy": (person("p-1", deputy="p-3"), "people.p-1.deputy"),
    "a smaller quorum": ({"committees": {"risk": {**COMMITTEES["risk"], "quorum": 1}}}, "committees.risk.quorum"),
    "another member": (
        {"committees": {"risk": {"members": ["p-1", "p-2", "bot"], "quorum": 2}}},
        "committees.risk.members",
    ),
    "one member less": (
        {"committees": {"risk": {"members": ["p-1", "p-2"], "quorum": 2}}},
        "committees.risk.members",
    ),
    "no committee": ({"committees": {}}, "committees.risk"),
    "another decider": ({"deciders": {"deployment": "risk"}}, "deciders.deployment"),
    "an exclusion": ({"excluded": {"A.7.4": {"why": "No data."}}}, "excluded.A.7.4"),
    "an exception": (
        {"exceptions": [{"control": "A.7.4", "until": "2026-12-01", "why": "Migration."}]},
        "exceptions.A.7.4",
    ),
    "a new holder": ({"roles": {"lead": {"title": "Lead", "holders": ["p-1", "p-3"]}}}, "roles.lead.holders"),
}


@pytest.mark.parametrize("case", WEAKER)
def test_what_weakens_waits_and_what_stood_stands(case):
    changes, field = WEAKER[case]
    old, new = organisation(), organisation(**changes)
    standing, found = organisation_in_force(old, new)
    assert [one.field for one in found] == [field]
    assert organisation_in_force(old, standing) == (standing, ())
    approved = organisation_in_force(old, new, approved={found[0].change})
    assert approved == (new, ())


STRICTER = {
    "less competence": person("p-1", competence=[]),
    "leaving sooner": person("p-1", until="2026-06-30"),
    "no deputy": person("p-1", deputy=None),
    "away": person("p-1", absent=[{"from": "2026-05-01", "to": "2026-05-14"}]),
    "a new person": person("p-9", accounts=["eve"]),
    "a first account": person("p-3", accounts=["cid"]),
    "a person as a machine": person("p-2", service=True),
    "a larger quorum": {"committees": {"risk": {**COMMITTEES["risk"], "quorum": 3}}},
    "another committee": {"committees": {**COMMITTEES, "ethics": {"members": ["p-1"], "quorum": 1}}},
}


@pytest.mark.parametrize("case", STRICTER)
def test_what_weakens_nothing_counts_at_once(case):
    new = organisation(**STRICTER[case])
    assert organisation_in_force(organisation(), new) == (new, ())


def test_exclusions_and_exceptions_wait_from_the_first_declaration_on():
    exception = {"control": "A.7.4", "until": "2026-12-01", "why": "Migration."}
    new = organisation(excluded={"A.6.1.2": {"why": "None."}}, exceptions=[exception])
    standing, found = organisation_in_force(None, new)
    assert {one.field for one in found} == {"excluded.A.6.1.2", "exceptions.A.7.4"}
    assert (standing.excluded, standing.exceptions) == ({}, ())
    accepted = organisation_in_force(None, new, approved={one.change for one in found})[0]
    sooner = organisation(exceptions=[{**exception, "until": "2026-11-01"}])
    assert organisation_in_force(accepted, sooner) == (sooner, ())
    later = organisation(exceptions=[{**exception, "until": "2027-11-01"}])
    assert [one.field for one in organisation_in_force(accepted, later)[1]] == ["exceptions.A.7.4"]


def test_a_committee_that_waits_for_members_keeps_a_quorum_that_it_can_meet():
    wider = {"risk": {"members": ["p-1", "p-2", "p-3", "bot"], "quorum": 4}}
    standing = organisation_in_force(organisation(), organisation(committees=wider))[0]
    assert (len(standing.committees["risk"].members), standing.committees["risk"].quorum) == (3, 3)


def test_people_whom_what_stands_still_names_are_kept():
    fewer = {name: each for name, each in PEOPLE.items() if name in {"bot", "p-3"}}
    standing, found = organisation_in_force(organisation(), organisation(people=fewer, committees={}))
    assert set(standing.people) == set(PEOPLE)
    assert {one.field for one in found} == {"committees.risk", "people.p-1"}


def test_what_is_recorded_names_no_account():
    recorded = organisation().recorded()
    assert "ann" not in str(recorded)
    assert "accounts" not in str(recorded)
    again = Organisation.model_validate(recorded)
    assert again.recorded() == recorded
    assert again.people["p-1"].competence == ("A.7",)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (person("p-1", deputy="nobody"), "deputy"),
        (person("p-1", deputy="p-1"), "deputy"),
        (person("p-2", accounts=["ann"]), "account"),
        (person("p-1", absent=[{"from": "2026-05-14", "to": "2026-05-01"}]), "ends before it begins"),
        ({"committees": {"risk": {"members": ["p-1"], "quorum": 2}}}, "never meet"),
        ({"committees": {"risk": {"members": ["p-1", "p-1"], "quorum": 1}}}, "twice"),
        ({"committees": {"risk": {"members": ["nobody"], "quorum": 1}}}, "no person"),
        ({"committees": {"lead": {"members": ["p-1"], "quorum": 1}}}, "role"),
        ({"deciders": {"deployment": "nobody"}}, "no role or committee"),
        ({"excluded": {"9.2": {"why": "No."}}}, "pattern"),
        (
            {"exceptions": [{"control": "A.7.4", "until": "2026-12-01", "why": "x"}] * 2},
            "second exception",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes, problem):
    with pytest.raises(ValidationError, match=problem):
        organisation(**changes)
