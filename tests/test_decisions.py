"""Decisions in a real Airflow: what people do to a run that asks them, and what each leaves in the ledger."""

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from affidavit.collect.declarations import look_at_organisation
from affidavit.evidence import Circumstances, kinds
from affidavit.evidence.salted import payload
from affidavit.inventory import from_environment
from affidavit.pipeline import decisions
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import State, fold
from affidavit.projections.decisions import told
from affidavit.settings import Settings
from tests.real_airflow import PASSWORD, Airflow, serving_airflow

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[1]
DAG = "decisions.organisation"

USERS = {
    "admin": "admin",
    "affidavit": "user",
    "olga": "op",
    "lea": "user",
    "mia": "user",
    "rita": "user",
    "paul": "user",
    "vera": "viewer",
    "mallory": "user",
    "robot": "user",
}
"""Roles of the auth manager; who may decide what stands in the organisation's file."""

PEOPLE: dict[str, Any] = {
    "p-1": {"accounts": ["lea"]},
    "p-2": {"accounts": ["mia"]},
    "p-3": {"accounts": ["rita"]},
    "p-4": {"accounts": ["paul"]},
    "p-6": {"accounts": ["robot"], "service": True},
}
LEAD = {"title": "Lead | <b>of</b> *AI*", "holders": ["p-1", "p-2", "p-3", "p-6"]}

SCENES = {
    "approved": "A.2.2",
    "rejected": "A.2.3",
    "timed out": "A.2.4",
    "barred": "A.3.2",
    "twice": "A.3.3",
    "cleared": "A.4.2",
    "marked": "A.4.3",
    "skipped": "A.4.4",
    "late": "A.4.5",
    "flood": "A.4.6",
    "silent": "A.5.2",
}
"""For each scene, the control that somebody asks to leave out: one decision each."""

MARKUP = "<script>alert(1)</script> | [x](javascript:alert(1)) ![](//e.example/x) `"
REASONS = f"Nothing of ours is for the public. {MARKUP}"


def organisation(**changes: Any) -> dict[str, Any]:
    return {
        "id": "harbour",
        "title": "Harbour",
        "roles": {"lead": LEAD},
        "owners": {"6": "lead"},
        "people": PEOPLE,
        "airflow_connection": "airflow_api",
        **changes,
    }


def excluded(why: str = MARKUP) -> dict[str, Any]:
    return {control: {"why": f"{why} {control}", "requested_by": "p-3"} for control in SCENES.values()}


@dataclass
class Story:
    """A project, its ledger, and the Airflow that asks."""

    work: Workplace
    airflow: Airflow
    database: str
    runs: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    def declare(self, document: dict[str, Any], now: datetime) -> None:
        (self.work.settings.include_dir / "organisation.yaml").write_text(yaml.safe_dump(document))
        look = look_at_organisation(self.work.organisation(), systems=[], seen=Circumstances(now))
        with self.work.writer() as ledger:
            ledger.append(look.drafts, now=now)

    def detail(self, scene: str) -> str:
        return f"/dags/{DAG}/dagRuns/{self.runs[scene]}/taskInstances/answer/-1/hitlDetails"

    def answer(self, scene: str, user: str, option: str, reasons: Any = REASONS) -> int:
        form = {} if reasons is None else {"reasons": reasons}
        body = {"chosen_options": [option], "params_input": form}
        return self.airflow.call("PATCH", self.detail(scene), user, **body).status_code

    def mark(self, scene: str, state: str) -> None:
        path = f"/dags/{DAG}/dagRuns/{self.runs[scene]}/taskInstances/answer"
        assert self.airflow.call("PATCH", path, new_state=state).ok

    def waits(self, scene: str, *, tries: int = 1) -> None:
        run = self.runs[scene]
        self.airflow.wait_for(
            f"the question of {scene}", lambda: self.airflow.state(DAG, run, "answer") == "awaiting_input"
        )
        self.airflow.wait_for("the executor", lambda: self.airflow.parked(DAG, run, "answer", tries))

    def ends(self, run: str) -> str:
        def ended() -> str | None:
            state = self.airflow.state(DAG, run, "record")
            return state if state in {"success", "failed", "upstream_failed"} else None

        return self.airflow.wait_for(f"the record of {run}", ended)

    def entries(self, scene: str) -> list[Any]:
        name = f"affidavit://decisions/{self.runs[scene]}"
        with self.work.reader() as ledger:
            found = list(ledger.entries(kind=kinds.DECISION.name))
        return [each for each in found if each.statement.subject.name == name]

    def facts(self, scene: str) -> dict[str, Any]:
        (entry,) = self.entries(scene)
        return dict(entry.statement.facts)

    def state(self) -> State:
        with self.work.reader() as ledger:
            return fold(ledger.entries())

    def told(self, scene: str) -> list[str]:
        """Why the answers of a scene do not count: empty for one that does."""
        every = self.state().organisation.decisions.values()
        return [
            why
            for topic in every
            for each, why in told(topic)
            if each.entry.statement.facts["dag_run"] == self.runs[scene]
        ]

    def reasons(self, entry: Any) -> str:
        with self.work.reader() as ledger:
            return payload(ledger.blob(entry.statement.facts["details"]["digest"]["sha256"])).decode()


@pytest.fixture(scope="module")
def story(tmp_path_factory, postgres_socket):
    home = tmp_path_factory.mktemp("decisions")
    (home / "project/include").mkdir(parents=True)
    (home / "dags").mkdir()
    shutil.copy(ROOT / "dags/decisions.py", home / "dags")
    own = {
        "AFFIDAVIT_PROJECT": str(home / "project"),
        "AFFIDAVIT_LEDGER_URL": f"sqlite:///{home}/ledger.db",
        "AFFIDAVIT_BLOBS_URL": f"file://{home}/blobs",
        "AFFIDAVIT_KEY_FILE": f"{home}/key",
    }
    admin = f"postgresql://postgres@/postgres?host={postgres_socket}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE decisions")
    (home / "project/include/organisation.yaml").write_text(yaml.safe_dump(organisation()))

    def environment(url: str) -> dict[str, str]:
        port = url.rpartition(":")[2]
        return {**own, "AIRFLOW_CONN_AIRFLOW_API": f"http://affidavit:{PASSWORD}@127.0.0.1:{port}"}

    database = f"postgresql+psycopg2://postgres@/decisions?host={postgres_socket}"
    with serving_airflow(
        home / "airflow", database=database, dags=home / "dags", users=USERS, environment=environment
    ) as airflow:
        work = Workplace(Settings.read(own, home / "project"), from_environment(environment(airflow.url)))
        played = Story(work, airflow, database.replace("+psycopg2", ""))
        play(played)
        yield played
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP DATABASE decisions WITH (FORCE)")


def play(story: Story) -> None:
    """Every scene, side by side."""
    month_ago = datetime.now(UTC) - timedelta(days=30)
    story.work.create_ledger(now=month_ago).close()
    story.declare(organisation(), month_ago)
    story.declare(organisation(excluded=excluded()), month_ago + timedelta(seconds=2))
    _ask(story)
    for scene in SCENES:
        story.waits(scene)
    _answer(story)
    _again(story)


def _ask(story: Story) -> None:
    airflow = story.airflow
    airflow.wait_for("the DAG", lambda: airflow.call("GET", f"/dags/{DAG}").ok)
    now = datetime.now(UTC)
    needs = {each.need.subjects[1].name: each.need for each in decisions.requested(story.work, now=now)}
    for scene, control in SCENES.items():
        story.runs[scene] = needs[f"affidavit://declared/include/organisation.yaml#excluded.{control}@after"].id
    story.answers["first"] = decisions.request(story.work, now=now)
    story.answers["second"] = decisions.request(story.work, now=now)
    story.runs["unknown"] = "exclusion-" + "0" * 32
    body = {"dag_run_id": story.runs["unknown"], "logical_date": None}
    assert airflow.call("POST", f"/dags/{DAG}/dagRuns", **body).ok


def _answer(story: Story) -> None:
    said = story.answers
    said["page"] = story.airflow.call("GET", story.detail("approved")).json()
    said["barred"] = {
        user: story.answer("barred", user, "approve") for user in ("rita", "paul", "vera", "admin", "robot")
    }
    # Somebody makes himself the approver, in the very file whose change waits for approval.
    people = {**PEOPLE, "p-5": {"accounts": ["mallory"]}}
    lead = {**LEAD, "holders": [*LEAD["holders"], "p-5"]}
    changed = excluded() | {SCENES["late"]: {"why": "For another reason.", "requested_by": "p-3"}}
    story.declare(organisation(people=people, roles={"lead": lead}, excluded=changed), datetime.now(UTC))
    said["barred"]["mallory"] = story.answer("barred", "mallory", "approve")
    said["approved"] = story.answer("approved", "lea", "approve")
    said["rejected"] = story.answer("rejected", "mia", "reject")
    said["twice"] = [story.answer("twice", "lea", "approve"), story.answer("twice", "mia", "reject")]
    said["cleared"] = story.answer("cleared", "lea", "approve", "First.")
    said["late"] = story.answer("late", "lea", "approve")
    said["flood"] = story.answer("flood", "lea", "approve", "<b>" * 350_000)
    said["silent"] = story.answer("silent", "lea", "approve", None)
    said["no option"] = story.answer("barred", "lea", "perhaps")
    story.mark("marked", "success")
    story.mark("skipped", "skipped")
    with psycopg.connect(story.database) as connection:
        # Three weeks pass.
        connection.execute(
            "UPDATE task_instance SET start_date = start_date - interval '21 days', trigger_timeout = now()"
            " WHERE run_id = %s AND task_id = 'answer'",
            (story.runs["timed out"],),
        )
    said["ends"] = {scene: story.ends(run) for scene, run in story.runs.items() if scene != "barred"}


def _again(story: Story) -> None:
    """What is done to runs that have ended: one is cleared and answered otherwise, of one the XCom is written."""
    airflow, run = story.airflow, story.runs["approved"]
    value = {"key": "return_value", "value": {"chosen_options": ["reject"], "responded_by_user": {"id": "mallory"}}}
    path = f"/dags/{DAG}/dagRuns/{run}/taskInstances/answer/xcomEntries"
    story.answers["xcom"] = airflow.call("POST", path, "olga", **value).status_code
    _clear(story, "approved", "record")
    _clear(story, "cleared", "answer")
    story.waits("cleared", tries=2)
    assert story.answer("cleared", "mia", "reject", "Second.") == 200
    for scene in ("approved", "cleared"):
        story.ends(story.runs[scene])


def _clear(story: Story, scene: str, task: str) -> None:
    body = {"dry_run": False, "dag_run_id": story.runs[scene], "task_ids": [task], "only_failed": False}
    assert story.airflow.call(
        "POST", f"/dags/{DAG}/clearTaskInstances", **body, include_downstream=True, reset_dag_runs=True
    ).ok


def test_asking_twice_finds_the_same_runs(story):
    first, second = story.answers["first"], story.answers["second"]
    assert (len(first.started), first.waiting, first.left) == (len(SCENES), 0, 0)
    assert (second.started, second.waiting) == ((), len(SCENES))


def test_the_question_shows_digests_and_no_markup_of_anybody_and_only_who_may_is_asked(story):
    page = story.answers["page"]
    assert {user["id"] for user in page["assigned_users"]} == {"lea", "mia"}
    assert page["options"] == ["approve", "reject"]
    assert page["defaults"] is None
    for subject in story.facts("approved")["subjects"]:
        assert subject["digest"] in page["body"]
    assert "<" not in page["body"].replace("\\<", "")


def test_who_may_not_is_refused_and_leaves_nothing(story):
    # Who asked, who holds no role, who may only look, the administrator, a machine, who made himself a holder.
    assert story.answers["barred"] == dict.fromkeys(("rita", "paul", "vera", "admin", "robot", "mallory"), 403)
    assert story.answers["no option"] == 400
    assert story.entries("barred") == []


@pytest.mark.parametrize(
    ("scene", "person", "option"),
    [("approved", "p-1", "approve"), ("rejected", "p-2", "reject"), ("twice", "p-1", "approve")],
)
def test_an_answer_counts_and_says_who_held_what(story, scene, person, option):
    (entry,) = story.entries(scene)
    facts = entry.statement.facts
    assert (facts["state"], facts["responder"], facts["option"], facts["held"]) == (
        "answered",
        "person",
        option,
        ["lead"],
    )
    assert facts["authentication"] == {"manager": "SimpleAuthManager", "all_admins": False}
    assert entry.statement.header["by"] == person
    assert entry.statement.header["airflow"]["run"] == story.runs[scene]
    assert story.reasons(entry) == REASONS
    assert story.told(scene) == [""]


def test_a_second_answer_is_refused(story):
    assert story.answers["twice"] == [200, 409]


def test_an_approved_exclusion_stands_and_a_rejected_one_does_not(story):
    standing = story.state().organisation.organisation.value.excluded
    assert SCENES["approved"] in standing
    assert SCENES["rejected"] not in standing


def test_what_nobody_answered_in_time_is_recorded_as_that(story):
    facts = story.facts("timed out")
    assert (facts["state"], facts["responder"], facts["answered_at"]) == ("timed out", "nobody", None)
    assert story.told("timed out") == ["nobody answered in time"]


def test_a_task_that_is_cleared_and_answered_otherwise_adds_an_entry_and_the_first_stays(story):
    first, second = story.entries("cleared")
    said = [(each.statement.facts["try"], each.statement.facts["option"]) for each in (first, second)]
    assert said == [(1, "approve"), (2, "reject")]
    assert [story.reasons(each) for each in (first, second)] == ["First.", "Second."]
    assert [each.statement.header["by"] for each in (first, second)] == ["p-1", "p-2"]
    assert second.statement.header["supersedes"] == first.leaf_hash.hex()


def test_an_xcom_that_an_operator_wrote_changes_nothing(story):
    assert story.answers["xcom"] == 201
    assert story.facts("approved")["option"] == "approve"


@pytest.mark.parametrize(("scene", "state"), [("marked", "marked by hand"), ("skipped", "skipped")])
def test_a_task_that_somebody_ended_by_hand_is_nobodys_answer(story, scene, state):
    facts = story.facts(scene)
    assert (facts["state"], facts["responder"], facts["option"]) == (state, "nobody", None)
    assert story.told(scene) != [""]
    assert SCENES[scene] not in story.state().organisation.organisation.value.excluded


def test_an_answer_to_what_had_changed_by_then_names_what_it_was_about_and_is_void(story):
    facts = story.facts("late")
    assert (facts["state"], facts["option"]) == ("answered", "approve")
    (why,) = story.told("late")
    assert "no longer stands" in why
    assert SCENES["late"] not in story.state().organisation.organisation.value.excluded


@pytest.mark.parametrize("scene", ["flood", "silent"])
def test_a_megabyte_of_text_and_no_text_at_all_are_refused_and_recorded_without_it(story, scene):
    assert story.answers[scene] == 200, "Airflow itself takes them"
    assert story.airflow.state(DAG, story.runs[scene], "answer") == "failed"
    facts = story.facts(scene)
    assert (facts["state"], facts["responder"], facts["details"]) == ("failed", "person", None)


def test_a_run_that_is_no_decision_fails_and_leaves_nothing(story):
    assert story.answers["ends"].pop("unknown") == "failed"
    assert story.entries("unknown") == []


def test_every_record_succeeds(story):
    ends = {run: end for run, end in story.answers["ends"].items() if run != "unknown"}
    assert set(ends.values()) == {"success"}


def test_no_account_and_no_reason_enters_the_ledger(story):
    with story.work.reader() as ledger:
        whole = b"".join(entry.leaf for entry in ledger.entries())
    for secret in (*USERS, "Nothing of ours"):
        assert f'"{secret}"'.encode() not in whole or secret == "affidavit"
