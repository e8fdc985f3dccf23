"""Decisions: what waits for a person is asked in Airflow, and what Airflow holds of it becomes a statement.

The run that asks has the decision's id, so asking twice finds the same run. What is asked, and of whom, is read from
the ledger as it stood when the try began, when it is asked and again when it is recorded: nothing is handed from one
task to the next. Whether an answer counts is derived from the ledger (:mod:`affidavit.projections`), and never here: an
answer that does not is recorded just the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from affidavit import __version__, catalogue
from affidavit.errors import ConfigurationError, UsageError
from affidavit.evidence import (
    ORGANISATION_SCOPE,
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Entry,
    Origin,
    Stage,
    Subject,
    kinds,
    system_scope,
    timestamp,
)
from affidavit.evidence.salted import salted
from affidavit.inventory import Connection, Organisation
from affidavit.inventory.steps import ORGANISATION
from affidavit.ledger import Ledger
from affidavit.pages import decision as page
from affidavit.pipeline import posture
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import Head, Need, State, fold, held, may_answer, needs
from affidavit.projections.decisions import Decided, told

if TYPE_CHECKING:
    from affidavit.collect.hitl import Try

COLLECTOR = Collector("decisions", __version__)
PREFIX = "decisions."
"""What the ids of the DAGs that ask begin with; the AI system's id, or ``organisation``, follows."""

TASK = "answer"
"""The task that asks."""

REASONS = "reasons"
"""The field of its form."""

MEDIA_TYPE = "text/plain; charset=utf-8"
"""Of the reasons, which lie in a blob that can be erased."""

MAX_REASONS = 4_000
"""Characters of an answer's reasons."""

AT_ONCE = 50
"""Decisions that one run of the posture asks for: what is left is asked for by the next."""


@dataclass(frozen=True)
class Question:
    """What the holders of ``accounts`` are asked, for as long as ``patience``; ``text`` is Markdown."""

    title: str
    text: str
    options: tuple[str, ...]
    accounts: tuple[str, ...]
    patience: timedelta


@dataclass(frozen=True)
class Open:
    """A need that is open, and the people (pseudonyms) who can answer it through an account that they have."""

    need: Need
    people: tuple[str, ...]


@dataclass(frozen=True)
class Taken:
    """What was recorded of a decision; ``why`` it does not count, empty where it does."""

    found: Decided
    why: str


@dataclass(frozen=True)
class Requests:
    """What a round of asking did: runs that were started, that were there, and needs that nobody can answer."""

    started: tuple[str, ...]
    waiting: int
    unanswerable: int
    left: int


@dataclass(frozen=True)
class Authentication:
    """Who vouched for whoever answered: the name of Airflow's auth manager, and whether it lets anybody in."""

    manager: str
    all_admins: bool


def target_of(scope: str) -> str:
    """The id of the AI system, or ``organisation``."""
    return ORGANISATION if scope == ORGANISATION_SCOPE else scope.removeprefix(system_scope(""))


def overview(workplace: Workplace, target: str | None, *, now: datetime) -> tuple[tuple[Open, ...], tuple[Taken, ...]]:
    """What waits for a person, and what was recorded of what was asked, of ``target``; of all where it is None.

    Raises ``UsageError`` for one that the ledger does not know.
    """
    with workplace.reader() as ledger:
        state = fold(ledger.entries())
    scopes = {target_of(name): name for name in sorted(state.scopes)}
    if target is not None:
        if target not in scopes:
            raise UsageError(f"the ledger knows no AI system {target!r}", fix=f"choose one of: {', '.join(scopes)}")
        scopes = {target: scopes[target]}
    topics = (topic for name in scopes.values() for topic in state.scopes[name].decisions.values())
    taken = tuple(Taken(found, why) for topic in topics for found, why in told(topic))
    return tuple(each for each in requested(workplace, now=now) if target_of(each.need.scope) in scopes), taken


def requested(workplace: Workplace, *, now: datetime) -> tuple[Open, ...]:
    """Every open need, and who can answer it."""
    with workplace.reader() as ledger:
        judged = posture.judge(ledger, at=now)
    accounts = _accounts(workplace)
    return tuple(
        Open(need, tuple(person for person in _able(judged.state, need, now) if accounts.get(person)))
        for need in _needs(judged)
    )


def request(workplace: Workplace, *, now: datetime, at_once: int = AT_ONCE) -> Requests:
    """Start a run for each open need that somebody can answer, at most ``at_once`` new ones.

    Does nothing where no ``airflow_connection`` is declared. Raises ``SourceError`` where Airflow does not take them.
    """
    from affidavit.collect import airflow_client

    found = requested(workplace, now=now)
    answerable = [each.need for each in found if each.people]
    if workplace.organisation().airflow_connection is None:
        return Requests((), 0, len(found) - len(answerable), len(answerable))
    started: list[str] = []
    waiting = 0
    with airflow_client.signed_in(_connection(workplace)) as api:
        for need in answerable:
            if len(started) == at_once:
                break
            if airflow_client.start(api, PREFIX + target_of(need.scope), need.id, {"decision": need.id}):
                started.append(need.id)
            else:
                waiting += 1
    left = len(answerable) - len(started) - waiting
    return Requests(tuple(started), waiting, len(found) - len(answerable), left)


def ask(workplace: Workplace, target: str, decision: str, *, at: datetime) -> Question:
    """What is asked in the run ``decision`` of ``target``, as the ledger stood ``at`` the time when its try began.

    Raises ``UsageError`` where there is nothing of that id to decide, or nobody who can: an empty list of people would
    let everybody answer.
    """
    with workplace.reader() as ledger:
        asked = _asked(ledger, target, decision, at)
    accounts = _accounts(workplace)
    able = [account for person in _able(asked.state, asked.need, at) for account in accounts.get(person, ())]
    if not able:
        raise UsageError(
            "nobody can answer this: none of those who may has an account",
            where=decision,
            fix="give the role another holder, or its holder an account, under people in include/organisation.yaml",
        )
    patience = _patience()
    text = page.asked(
        asked.need, organisation=asked.organisation, head=asked.head, until=at + patience, longest=MAX_REASONS
    )
    return Question(asked.need.title, text, asked.need.options, tuple(able), patience)


def check_reasons(given: object) -> str:
    """The reasons that somebody gave. Raises ``UsageError`` for none, for too many characters, and for no text."""
    fix = "a new decision will be asked for: answer that one, with reasons"
    if not isinstance(given, str) or not given.strip():
        raise UsageError("an answer without reasons does not count", where=REASONS, fix=fix)
    if len(given) > MAX_REASONS:
        problem = f"{len(given):,} characters, and at most {MAX_REASONS:,} are taken"
        raise UsageError(problem, where=REASONS, fix="keep the long text where it is, and name it in a new answer")
    return given


def record(
    workplace: Workplace, target: str, decision: str, *, now: datetime, airflow: AirflowRun, manager: str
) -> list[int]:
    """Record what Airflow holds of the run ``decision``: each try that is over and is not recorded yet.

    ``manager`` is the name of Airflow's auth manager. Returns the indices of what was added. Raises ``SourceError``
    where Airflow does not tell, ``UsageError`` where no question was put.
    """
    from affidavit.collect import airflow_client, hitl

    connection = _connection(workplace)
    tries = hitl.tries(connection, PREFIX + target, decision, TASK)
    authentication = Authentication(manager, airflow_client.all_admins(connection))
    return record_tries(workplace, target, decision, tries, now=now, seen=(airflow, authentication))


def record_tries(
    workplace: Workplace,
    target: str,
    decision: str,
    tries: Sequence[Try],
    *,
    now: datetime,
    seen: tuple[AirflowRun, Authentication],
) -> list[int]:
    """As :func:`record`, of what Airflow was found to hold."""
    over = [each for each in tries if each.asked and each.over]
    if not over:
        raise UsageError(
            "nobody was asked, so there is nothing to record",
            where=f"{PREFIX}{target}, run {decision}",
            fix=f"read the log of its task {TASK}, mend what it says, and clear the run",
        )
    people = {account: name for name, accounts in _accounts(workplace).items() for account in accounts}
    with workplace.writer() as ledger:
        known = {_what(entry.statement.facts) for entry in _recorded(ledger, target, decision)}
        drafts, blobs = [], []
        for each in over:
            assert each.began is not None
            asked = _asked(ledger, target, decision, each.began)
            draft, blob = _statement(asked, each, people.get(each.account or ""), (now, *seen))
            if _what(draft.facts) not in known:
                drafts.append(draft)
                blobs += [blob] if blob else []
        receipts = ledger.append(drafts, now=now, blobs=blobs).receipts
    return [receipt.index for receipt in receipts if receipt]


@dataclass(frozen=True)
class _Asked:
    """A need, and the prefix of the ledger over which it was asked."""

    need: Need
    head: Head
    state: State

    @property
    def organisation(self) -> Organisation:
        standing = self.state.organisation.organisation
        assert standing is not None, "a need has roles, which an organisation declares"
        return standing.value


def _asked(ledger: Ledger, target: str, decision: str, at: datetime) -> _Asked:
    """The need as it stood at ``at``: open then, or recorded before, and asked again because somebody cleared it."""
    first = next(_recorded(ledger, target, decision), None)
    before = Need.of(first.statement.facts, scope=first.statement.scope) if first else None
    # Heads are signed with whole seconds: what came later in the second of ``at`` may have closed the need by now.
    for moment in (at, at - timedelta(seconds=1)):
        if (head := ledger.head_at(moment)) is None:
            continue
        judged = posture.judge(ledger, at=at, head=head)
        found = next((need for need in _needs(judged) if need.id == decision), None) or before
        if found and target_of(found.scope) == target and judged.state.organisation.organisation:
            return _Asked(found, head, judged.state)
    raise UsageError(
        f"no decision {decision[:80]!r} was open at {timestamp(at)}",
        where=f"{PREFIX}{target}",
        fix="take the id from 'affidavit decisions'; what it was about may have changed since, or have been decided",
    )


def _needs(judged: posture.Posture) -> tuple[Need, ...]:
    return needs(judged.state, judged.verdicts, at=judged.at, catalogue=catalogue.load())


def _recorded(ledger: Ledger, target: str, decision: str) -> Iterator[Entry]:
    scope = ORGANISATION_SCOPE if target == ORGANISATION else system_scope(target)
    for entry in ledger.entries(scope=scope, kind=kinds.DECISION.name):
        if entry.statement.subject.name == f"affidavit://decisions/{decision}":
            yield entry


def _statement(
    asked: _Asked, found: Try, person: str | None, seen: tuple[datetime, AirflowRun, Authentication]
) -> tuple[Draft, bytes | None]:
    now, airflow, authentication = seen
    assert found.began is not None
    need, organisation = asked.need, asked.organisation
    state, reasons = _state(found)
    blob = salted(reasons.encode(errors="replace")) if reasons else None
    known = organisation.people.get(person) if person else None
    facts: dict[str, Any] = {
        **need.facts(),
        "option": found.options[0] if len(found.options) == 1 and found.options[0] in need.options else None,
        "held": list(held(need, organisation, person, (found.answered or found.began).date())) if person else [],
        "state": state,
        "responder": _responder(found, person, service=known is not None and known.service),
        "authentication": {"manager": authentication.manager, "all_admins": authentication.all_admins},
        "asked_at": timestamp(found.began),
        "answered_at": timestamp(found.answered) if found.answered else None,
        "try": found.number,
        "dag_run": need.id,
        "details": {"digest": {"sha256": sha256(blob).hexdigest()}, "media_type": MEDIA_TYPE} if blob else None,
    }
    system = asked.state.scope(need.scope).system
    mark = (system.value if system else organisation).demonstration
    draft = Draft(
        kind=kinds.DECISION,
        scope=need.scope,
        stage=Stage.CROSS,
        origin=Origin.DECLARED,
        subjects=(Subject.of_facts(need.subject, facts), *need.subjects),
        facts=facts,
        collector=COLLECTOR,
        seen=Circumstances(now, airflow, mark),
        by=person,
        basis={"size": asked.head.size, "root": asked.head.root.hex()},
    )
    return draft, blob


def _state(found: Try) -> tuple[str, str | None]:
    """How a try went, and the reasons that were given, where both may stand."""
    if found.answered and found.account is not None:
        try:
            return "answered", check_reasons(found.given.get(REASONS))
        except UsageError:
            return "failed", None
    if found.state in _BY_HAND and not found.answered:
        return _BY_HAND[found.state], None
    assert found.began is not None
    in_time = found.ended is None or found.ended < found.began + _patience()
    return ("failed" if in_time and not found.answered else "timed out"), None


_BY_HAND = {"success": "marked by hand", "skipped": "skipped"}
"""How a task that nobody answered can end well: somebody said that it did."""


def _responder(found: Try, person: str | None, *, service: bool) -> str:
    if found.account is None:
        return "timeout-default" if found.answered else "nobody"
    if person is None:
        return "unknown"
    return "service" if service else "person"


def _what(facts: Mapping[str, Any]) -> tuple[object, ...]:
    """Which try a statement is about, and what became of it."""
    return tuple(facts[name] for name in ("try", "asked_at", "answered_at", "state", "option"))


def _able(state: State, need: Need, at: datetime) -> tuple[str, ...]:
    standing = state.organisation.organisation
    return may_answer(need, standing.value, at.date()) if standing else ()


def _accounts(workplace: Workplace) -> dict[str, tuple[str, ...]]:
    """The accounts of each person, which stand in the file alone."""
    return {name: person.accounts for name, person in workplace.organisation().people.items()}


def _connection(workplace: Workplace) -> Connection:
    name = workplace.organisation().airflow_connection
    if name is None:
        raise ConfigurationError(
            "no connection to Airflow's REST API is declared, and what people answered is read there",
            where="include/organisation.yaml",
            fix="add airflow_connection, as an identity that may read and start the DAGs of decisions",
        )
    return workplace.resolve(name)


def _patience() -> timedelta:
    return timedelta(hours=catalogue.load().policy.answer_hours)
