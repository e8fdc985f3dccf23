"""What to do next: by owner, overdue first, then by date and by how bad it is."""

from dataclasses import replace
from datetime import UTC, date, datetime

from affidavit.inventory import Organisation
from affidavit.rules.adoption import steps
from affidavit.rules.verdict import Status, Verdict

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
PLANS = {
    "A.7": {"state": "adopting", "until": "2026-06-30"},
    "A.7.5": {"state": "planned", "until": "2026-06-29"},
    "A.8": {"state": "planned", "until": "2026-12-31"},
}
ORGANISATION = Organisation.model_validate({"id": "b", "title": "B", "roles": {}, "adoption": PLANS})


def verdict(control, status=Status.MISSING, owner="lead", scope="system:loans"):
    return Verdict(control, scope, status, "It is so.", "", (), (), None, f"Do {control}", owner, None)


def listed(*verdicts, organisation=ORGANISATION):
    return [(s.owner, s.control, s.state, s.overdue) for s in steps(verdicts, organisation, at=NOON)]


def test_each_owners_steps_stand_in_the_order_in_which_to_begin():
    found = listed(
        verdict("A.9.2"),
        verdict("A.9.3", Status.FAILING),
        verdict("A.8.2"),
        verdict("A.7.4"),
        verdict("A.7.5"),
        verdict("A.7.6", owner="data-owner"),
    )
    assert found == [
        ("data-owner", "A.7.6", "adopting", False),
        ("lead", "A.7.5", "planned", True),
        ("lead", "A.7.4", "adopting", False),
        ("lead", "A.8.2", "planned", False),
        ("lead", "A.9.3", None, False),
        ("lead", "A.9.2", None, False),
    ]


def test_what_is_settled_is_no_step_and_the_same_in_several_systems_is_one():
    settled = [Status.SUPPORTED, Status.NOT_APPLICABLE, Status.NOT_YET_DUE, Status.ACCEPTED]
    assert listed(*(verdict("A.7.4", status) for status in settled)) == []
    one = verdict("A.7.4")
    [step] = steps([one, replace(one, scope="system:cards")], ORGANISATION, at=NOON)
    assert step.scopes == ("system:loans", "system:cards")
    assert (step.until, step.action) == (date(2026, 6, 30), "Do A.7.4")
    assert listed(one, organisation=None) == [("lead", "A.7.4", None, False)]
