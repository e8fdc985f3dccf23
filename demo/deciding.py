"""What the people of the demo decide: a script answers for them, as users of Airflow, through its REST API.

Every statement about it is marked as a demonstration, since the files that it is about are.
"""

from __future__ import annotations

from dataclasses import dataclass

from demo.airflow_api import WAITING, Airflow, Question


@dataclass(frozen=True)
class Answer:
    """What ``user`` answers to the question of a ``kind`` of decision whose title begins with ``title``."""

    kind: str
    title: str
    user: str
    option: str
    reasons: str

    def fits(self, question: Question) -> bool:
        """Whether this is the answer to ``question``."""
        return question.run_id.startswith(f"{self.kind}-") and question.title.startswith(self.title)


FIRST = (
    Answer(
        kind="exclusion",
        title="excluded.A.10.3",
        user="demo-user-governance",
        option="approve",
        reasons="The purchase ledger holds no model, no training data and no service with a model in it.",
    ),
    Answer(
        kind="exception",
        title="exceptions.A.6.2.4",
        user="demo-user-engineer",
        option="approve",
        reasons="Accepted while the help desk is a script: its tools read nothing and change nothing.",
    ),
    Answer(
        kind="document",
        title="Scope of the AI management system, version 1.0",
        user="demo-user-director",
        option="approve",
        reasons="It names what we run, and what it leaves out learns nothing.",
    ),
    Answer(
        kind="deployment",
        title="tumour-triage version 2",
        user="demo-user-engineer",
        option="approve",
        reasons="Recall and ROC AUC are above the thresholds that stood before it was trained.",
    ),
    Answer(
        kind="deployment",
        title="mortgage-approval version 2",
        user="demo-user-engineer",
        option="reject",
        reasons="It recommends far fewer approvals to one group, below the threshold that stood before it was trained.",
    ),
)
"""To what is asked once there is evidence."""

SECOND = (
    Answer(
        kind="judgement",
        title="4.3 ",
        user="demo-user-auditor",
        option="adequate",
        reasons="Each experiment, model and DAG of the platform stands in a file, and the boundary is where they end.",
    ),
)
"""To what is asked only once the scope's document is signed."""


def waiting(airflow: Airflow, answers: tuple[Answer, ...], *, log: str) -> dict[Answer, Question]:
    """The question that each answer is about, of those that can be answered now.

    ``log`` is the scheduler's: until it says that it heard from the executor that a task waits, Airflow 3.3 takes one
    that is answered for one that was killed.
    """
    asked = [each for each in airflow.questions() if each.state == WAITING and _parked(each, log)]
    return {answer: question for answer in answers for question in asked if answer.fits(question)}


def _parked(question: Question, log: str) -> bool:
    key = f"(dag_id='{question.dag_id}', task_id='{question.task_id}', run_id='{question.run_id}', try_number=1,"
    return key in log
