"""Judging what the ledger holds, recording what changed, and showing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from affidavit import __version__, catalogue, rules
from affidavit.errors import UsageError
from affidavit.evidence import (
    ORGANISATION_SCOPE,
    AirflowRun,
    Circumstances,
    Collector,
    Draft,
    Origin,
    Stage,
    Subject,
    kinds,
    timestamp,
)
from affidavit.ledger import Ledger
from affidavit.pipeline.completeness import completeness
from affidavit.pipeline.workplace import Workplace
from affidavit.projections import Head, Reader, Sighted, State, fold, fold_scope, graph, sighted
from affidavit.projections.own_controls import with_own_controls
from affidavit.publish.site import SiteReport, build_site
from affidavit.rules.verdict import Verdict
from affidavit.views import Postures

COLLECTOR = Collector("assessment", __version__)


@dataclass(frozen=True)
class Posture:
    """What one prefix of the ledger shows at one moment; ``known`` is asked for what is not in the verdicts."""

    at: datetime
    head: Head
    verdicts: tuple[Verdict, ...]
    known: Callable[[], State]

    @cached_property
    def state(self) -> State:
        """All that the entries under the head come to."""
        return self.known()


def judge(reader: Reader, *, at: datetime, head: Head | None = None) -> Posture:
    """Fold the entries under ``head`` (the newest if None) and judge every control at ``at``."""
    head = head or reader.head()
    state = fold(reader.entries(0, head.size))
    return Posture(at, head, rules.judge(state, at=at, catalogue=catalogue.load()), lambda: state)


def judge_as_of(reader: Reader, *, at: datetime, view: Postures | None = None) -> Posture:
    """What was known at ``at``: the newest head signed by then, judged as of then.

    What ``view`` holds of that moment is read, and anything else judged from the entries. Raises ``UsageError`` for a
    time before the first entry.
    """
    head = reader.head_at(at)
    if head is None:
        raise UsageError(
            f"the ledger held nothing at {timestamp(at)}", fix="choose a time after the ledger's first entry"
        )
    held = view.read(head, at) if view else None
    if held is None:
        return judge(reader, at=at, head=head)
    return Posture(at, head, held, lambda: fold(reader.entries(0, head.size)))


def observed_later(reader: Reader, judged: Posture) -> int:
    """How many entries behind its head say that they were observed by then: the head that covers them is a later one.

    A look that a midnight cuts in two leaves some; so does whoever removes a head from between two others.
    """
    until = timestamp(judged.at)
    behind = reader.entries(judged.head.size)
    # Not only the first ones: what was looked at early may be recorded late, behind what was looked at since.
    return sum(entry.statement.observed_at <= until for entry in behind)


def assess(workplace: Workplace, *, now: datetime, airflow: AirflowRun | None = None) -> tuple[Posture, int]:
    """Judge now and append an ``assessment`` for each scope whose posture changed; returns how many did."""
    with workplace.writer() as ledger:
        posture = judge(ledger, at=now)
        drafts = [
            _assessment(posture, scope, Circumstances(now, airflow, _demonstration(posture.state, scope)))
            for scope in sorted({verdict.scope for verdict in posture.verdicts})
        ]
        appended = ledger.append(drafts, now=now)
    return posture, sum(receipt is not None for receipt in appended.receipts)


def publish(workplace: Workplace, *, now: datetime) -> SiteReport:
    """Judge now and write the site that an auditor browses, then keep the posture of each moment that passed."""
    from affidavit.quality.docs import render

    with workplace.reader() as ledger:
        posture = judge(ledger, at=now)
        report = build_site(
            workplace.settings.site_dir,
            reader=ledger,
            head=posture.head,
            verdicts=posture.verdicts,
            catalogue=with_own_controls(catalogue.load(), posture.state.organisation),
            demonstrations=posture.state.demonstrations,
            lineages={scope.name: graph(scope) for scope in posture.state.active},
            completeness=completeness(posture.state, at=now),
            at=now,
            render_docs=render,
        )
        workplace.postures.advance(ledger, until=now)
    return report


def versions_in_use(reader: Reader, scope: str, *, at: datetime) -> tuple[Sighted, ...]:
    """What looks say of the versions in use at ``at``: all that are recorded by now, those after that time too."""
    return sighted(fold_scope(reader, scope), at)


def recorded_statuses(posture: Posture, scope: str) -> Mapping[str, str] | None:
    """The statuses that the newest assessment in the posture's prefix recorded; None where there is none."""
    entries = list(posture.state.scope(scope).latest(kinds.ASSESSMENT).values())
    if not entries:
        return None
    return {control: each["status"] for control, each in entries[-1].statement.facts["controls"].items()}


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many verdicts have each status; statuses that none has are left out."""
    return dict(Counter(verdict.status.value for verdict in verdicts))


def entries_by_kind(ledger: Ledger, size: int) -> dict[str, int]:
    """How many of the first ``size`` entries are of each kind."""
    return dict(sorted(Counter(entry.statement.kind for entry in ledger.entries(0, size)).items()))


def _demonstration(state: State, scope: str) -> str | None:
    """What an assessment of evidence that is scripted or simulated says about itself.

    The organisation is judged by the evidence about all of its AI systems.
    """
    staged = any(scope in (each.scope, ORGANISATION_SCOPE) for each in state.demonstrations)
    return "Judged from evidence that is scripted or simulated." if staged else None


def _assessment(posture: Posture, scope: str, seen: Circumstances) -> Draft:
    verdicts = [verdict for verdict in posture.verdicts if verdict.scope == scope]
    facts = rules.assessment_facts(verdicts)
    return Draft(
        kind=kinds.ASSESSMENT,
        scope=scope,
        stage=Stage.CROSS,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(f"affidavit://posture/{scope}", facts),),
        facts=facts,
        collector=COLLECTOR,
        seen=seen,
        basis={"size": posture.head.size, "root": posture.head.root.hex()},
    )
