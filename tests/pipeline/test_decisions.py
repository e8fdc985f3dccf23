"""What is asked, of whom, and what is recorded of Airflow's record; with a real one in ``tests/test_decisions.py``."""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from affidavit.cli.main import answer
from affidavit.collect.declarations import look_at_organisation
from affidavit.collect.hitl import Try
from affidavit.errors import ConfigurationError, UsageError
from affidavit.evidence import AirflowRun, Circumstances, kinds
from affidavit.evidence.salted import payload
from affidavit.inventory import from_environment
from affidavit.pipeline import decisions
from affidavit.pipeline.decisions import Authentication
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
ASKED = NOON + timedelta(minutes=10)
ANSWERED = ASKED + timedelta(hours=1)
SEEN = (AirflowRun("decisions.organisation", "run", "record", 1), Authentication("SimpleAuthManager", all_admins=False))

PEOPLE: dict[str, Any] = {
    "p-1": {"accounts": ["lea"]},
    "p-2": {"accounts": ["mia", "mia-2"]},
    "p-3": {"accounts": ["rita"]},
    "p-4": {"accounts": ["robot"], "service": True},
    "p-5": {},
}
DOCUMENT: dict[str, Any] = {
    "id": "harbour",
    "title": "Harbour",
    "roles": {"lead": {"title": "Lead", "holders": ["p-1", "p-2", "p-3", "p-4", "p-5"]}},
    "owners": {"6": "lead"},
    "people": PEOPLE,
}
EXCLUDED = {"A.2.2": {"why": "Nothing is for the public.", "requested_by": "p-3"}}


@pytest.fixture
def work(tmp_path):
    (tmp_path / "include").mkdir()
    made = Workplace(Settings.read({}, tmp_path), from_environment({}))
    made.create_ledger(now=NOON).close()
    declare(made, {}, NOON)
    declare(made, {"excluded": EXCLUDED}, NOON + timedelta(seconds=5))
    return made


def declare(work: Workplace, changes: dict[str, Any], now: datetime) -> None:
    file = work.settings.include_dir / "organisation.yaml"
    file.write_text(yaml.safe_dump({**DOCUMENT, **changes}))
    with work.writer() as ledger:
        ledger.append(look_at_organisation(work.organisation(), systems=[], seen=Circumstances(now)).drafts, now=now)


def the_need(work: Workplace, at: datetime = ASKED):
    (found,) = [each for each in decisions.requested(work, now=at) if each.need.type == "exclusion"]
    return found.need


def a_try(account: str | None = "lea", *options: str, number: int = 1, **changes: Any) -> Try:
    given = {"reasons": "Nothing of ours is for the public."}
    fields = {
        "state": "success",
        "began": ASKED,
        "ended": ANSWERED,
        "asked": True,
        "answered": ANSWERED,
        "given": given,
    }
    return Try(number, account=account, options=options or ("approve",), **{**fields, **changes})


def record(work: Workplace, *tries: Try, now: datetime = ANSWERED, decision: str | None = None) -> list[int]:
    decision = decision or the_need(work).id
    return decisions.record_tries(work, "organisation", decision, tries, now=now, seen=SEEN)


def entries(work: Workplace):
    with work.reader() as ledger:
        return list(ledger.entries(kind=kinds.DECISION.name))


def the_facts(work: Workplace) -> dict[str, Any]:
    (entry,) = entries(work)
    return dict(entry.statement.facts)


def test_a_question_goes_to_who_may_answer_through_an_account_and_to_nobody_else(work):
    question = decisions.ask(work, "organisation", the_need(work).id, at=ASKED)
    assert question.accounts == ("lea", "mia", "mia-2"), "not who asked, no machine, nobody without an account"
    assert question.options == ("approve", "reject")
    assert question.patience == timedelta(days=14)


def test_what_is_decided_on_is_shown_with_digests_and_the_head_of_the_ledger(work):
    need = the_need(work)
    text = decisions.ask(work, "organisation", need.id, at=ASKED).text
    with work.reader() as ledger:
        assert ledger.head().root.hex() in text
    for subject in need.subjects:
        assert subject.sha256 in text
    assert "2026\\-03\\-28" in text or "2026-03-28" in text, "until when"
    assert "p\\-3" in text, "who asked does not decide"


def test_where_nobody_could_answer_nobody_is_asked(work):
    decision = the_need(work).id
    file = work.settings.include_dir / "organisation.yaml"
    file.write_text(yaml.safe_dump({**DOCUMENT, "people": {name: {} for name in PEOPLE}, "excluded": EXCLUDED}))
    (found,) = [each for each in decisions.requested(work, now=ASKED) if each.need.id == decision]
    assert found.people == ()
    with pytest.raises(UsageError, match="nobody can answer this"):
        decisions.ask(work, "organisation", decision, at=ASKED)


@pytest.mark.parametrize(
    ("target", "decision"), [("organisation", "exclusion-" + "0" * 32), ("loans", None), ("organisation", "../x")]
)
def test_what_is_not_open_in_that_place_is_not_asked(work, target, decision):
    with pytest.raises(UsageError, match="was open at"):
        decisions.ask(work, target, decision or the_need(work).id, at=ASKED)


def test_before_it_was_declared_there_was_nothing_to_ask(work):
    decision = the_need(work).id
    for early in (NOON + timedelta(seconds=1), NOON - timedelta(days=1)):
        with pytest.raises(UsageError, match="was open at"):
            decisions.ask(work, "organisation", decision, at=early)


def test_an_answer_is_recorded_with_person_role_and_the_ledger_that_it_rests_on(work):
    need = the_need(work)
    with work.reader() as ledger:
        head = ledger.head()
    (index,) = record(work, a_try())
    (entry,) = entries(work)
    header, facts = entry.statement.header, entry.statement.facts
    assert entry.index == index
    assert header["by"] == "p-1"
    assert header["basis"] == {"size": head.size, "root": head.root.hex()}
    assert {name: facts[name] for name in need.facts()} == need.facts()
    assert [subject.name for subject in entry.statement.subjects] == [need.subject, *(s.name for s in need.subjects)]
    said = {name: facts[name] for name in ("option", "held", "state", "responder", "authentication", "try", "dag_run")}
    assert said == {
        "option": "approve",
        "held": ["lead"],
        "state": "answered",
        "responder": "person",
        "authentication": {"manager": "SimpleAuthManager", "all_admins": False},
        "try": 1,
        "dag_run": need.id,
    }
    assert (facts["asked_at"], facts["answered_at"]) == ("2026-03-14T12:10:00.000Z", "2026-03-14T13:10:00.000Z")


def test_reasons_lie_in_a_salted_blob_and_no_account_enters_the_ledger(work):
    record(work, a_try())
    facts = the_facts(work)
    digest = facts["details"]["digest"]["sha256"]
    with work.reader() as ledger:
        assert payload(ledger.blob(digest)).decode() == "Nothing of ours is for the public."
        whole = b"".join(entry.leaf for entry in ledger.entries())
    for secret in (b'"lea"', b'"mia"', b'"rita"', b"Nothing of ours"):
        assert secret not in whole


@pytest.mark.parametrize(
    ("found", "state", "responder", "by"),
    [
        (a_try("mia-2", "reject"), "answered", "person", "p-2"),
        (a_try("stranger"), "answered", "unknown", None),
        (a_try("robot"), "answered", "service", "p-4"),
        (a_try("rita"), "answered", "person", "p-3"),
        (a_try(None), "timed out", "timeout-default", None),
        (a_try(None, answered=None), "marked by hand", "nobody", None),
        (a_try(None, answered=None, state="skipped"), "skipped", "nobody", None),
        (a_try(None, answered=None, state="failed"), "failed", "nobody", None),
        (a_try(None, answered=None, state="removed"), "failed", "nobody", None),
        (a_try(None, answered=None, state="failed", ended=ASKED + timedelta(days=14)), "timed out", "nobody", None),
        (a_try("lea", state="failed"), "answered", "person", "p-1"),
    ],
)
def test_what_airflow_holds_is_recorded_whether_it_counts_or_not(work, found, state, responder, by):
    record(work, found, now=ASKED + timedelta(days=15))
    (entry,) = entries(work)
    facts = entry.statement.facts
    assert (facts["state"], facts["responder"], entry.statement.header["by"]) == (state, responder, by)


@pytest.mark.parametrize(
    "given", [{}, {"reasons": " \n"}, {"reasons": "x" * 4_001}, {"reasons": ["x"]}, {"reasons": None}, {"other": "x"}]
)
def test_an_answer_without_fit_reasons_is_recorded_as_failed_and_its_text_is_not_kept(work, given):
    record(work, a_try(given=given))
    facts = the_facts(work)
    assert (facts["state"], facts["option"], facts["responder"]) == ("failed", "approve", "person")
    assert facts["details"] is None


@pytest.mark.parametrize("options", [("perhaps",), ("approve", "reject")])
def test_an_option_that_was_not_one_of_those_asked_is_none(work, options):
    record(work, a_try("lea", *options))
    assert the_facts(work)["option"] is None


@pytest.mark.parametrize("reasons", ["\ud800 half a character", "<b>\0</b>", "ж" * 4_000])
def test_any_text_is_kept_as_far_as_it_is_one(work, reasons):
    record(work, a_try(given={"reasons": reasons}))
    assert the_facts(work)["state"] == "answered"


def test_recording_again_adds_nothing_and_a_second_try_adds_one(work):
    first = a_try("lea", "approve")
    assert len(record(work, first)) == 1
    decision = entries(work)[0].statement.facts["dag_run"]
    again = (a_try("mia", "reject", number=2, began=ANSWERED, answered=ANSWERED + timedelta(hours=1)),)
    later = ANSWERED + timedelta(hours=2)
    assert record(work, first, decision=decision) == []
    assert len(record(work, first, *again, decision=decision, now=later)) == 1
    assert record(work, first, *again, decision=decision, now=later) == []
    one, two = entries(work)
    assert [each.statement.facts["option"] for each in (one, two)] == ["approve", "reject"]
    assert two.statement.header["supersedes"] == one.leaf_hash.hex()


def test_an_answer_to_what_has_changed_since_says_what_it_was_about(work):
    need = the_need(work)
    declare(
        work,
        {"excluded": {"A.2.2": {"why": "For another reason.", "requested_by": "p-3"}}},
        ASKED + timedelta(minutes=5),
    )
    assert the_need(work, ANSWERED).id != need.id
    record(work, a_try(), decision=need.id)
    assert the_facts(work)["subjects"] == need.facts()["subjects"]


def test_who_made_himself_a_holder_meanwhile_held_nothing_when_it_was_asked(work):
    need = the_need(work)
    roles = {"lead": {"title": "Lead", "holders": [*DOCUMENT["roles"]["lead"]["holders"], "p-9"]}}
    people = {**PEOPLE, "p-9": {"accounts": ["mallory"]}}
    declare(work, {"roles": roles, "people": people, "excluded": EXCLUDED}, ASKED - timedelta(minutes=5))
    assert "mallory" not in decisions.ask(work, "organisation", need.id, at=ASKED).accounts
    record(work, a_try("mallory"), decision=need.id)
    assert (the_facts(work)["held"], the_facts(work)["responder"]) == ([], "person")


def test_a_try_that_waits_and_one_that_was_not_put_leave_nothing(work):
    waits = a_try(None, answered=None, state="awaiting_input", ended=None)
    never = a_try(None, answered=None, state="upstream_failed", asked=False)
    for tries in ((waits,), (never,), ()):
        with pytest.raises(UsageError, match="nothing to record"):
            record(work, *tries)
    assert entries(work) == []


def test_without_a_connection_to_airflow_nothing_is_asked_and_nothing_can_be_recorded(work):
    done = decisions.request(work, now=ASKED)
    assert (done.started, done.waiting) == ((), 0)
    assert done.left >= 1
    with pytest.raises(ConfigurationError, match="airflow_connection"):
        decisions.record(work, "organisation", "x", now=ASKED, airflow=SEEN[0], manager="SimpleAuthManager")


def test_a_demonstration_marks_what_people_are_said_to_have_decided(work):
    declare(work, {"excluded": EXCLUDED, "demonstration": "Scripted."}, NOON + timedelta(seconds=9))
    record(work, a_try())
    assert entries(work)[0].statement.demonstration == "Scripted."


@pytest.fixture
def shown(work, monkeypatch, capsys):
    """Runs ``affidavit decisions``; gives its exit code and what it printed."""
    monkeypatch.chdir(work.settings.project)
    for name in [name for name in os.environ if name.startswith("AFFIDAVIT")]:
        monkeypatch.delenv(name)

    def show(*arguments: str) -> tuple[int, str]:
        code = answer(["decisions", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    return show


def test_the_command_line_lists_what_waits_and_what_was_decided_with_why_it_does_not_count(work, shown):
    need = the_need(work)
    waiting = json.loads(shown("--json")[1])
    assert need.id in {each["id"] for each in waiting["open"]}
    assert next(each["can_answer"] for each in waiting["open"] if each["id"] == need.id) == ["p-1", "p-2"]
    assert waiting["taken"] == []
    record(work, a_try("rita"))
    later = ANSWERED + timedelta(hours=1)
    record(work, a_try(began=later, answered=later), decision=the_need(work, later).id, now=later)
    document = json.loads(shown("organisation", "--json")[1])
    barred, counts = document["taken"]
    assert (barred["by"], barred["counts"]) == ("p-3", False)
    assert "p-3" in barred["why_not"]
    assert (counts["by"], counts["option"], counts["held"], counts["counts"]) == ("p-1", "approve", ["lead"], True)
    assert not {"exclusion"} & {each["type"] for each in document["open"]}
    code, text = shown()
    assert code == 0
    assert "A.2.2" in text


def test_the_command_line_names_the_scopes_that_there_are(shown):
    code, text = shown("loans")
    assert code == 2
    assert "organisation" in text
