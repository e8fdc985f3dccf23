"""What the entries of one scope come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from affidavit.errors import StatementError
from affidavit.evidence import ORGANISATION_SCOPE, Entry, Json, Period, dumps, kinds, moment, system_scope
from affidavit.inventory import Agent, Organisation, PredictionTable, Suite, System, Threshold, book_name
from affidavit.inventory.loosening import Change, Loosening
from affidavit.inventory.record_fields import misfit
from affidavit.projections.decisions import Decided, settled
from affidavit.projections.duties import Duty, Recorded, duty_of
from affidavit.projections.looks import Collected, Looks
from affidavit.projections.need import ON_WEAKENINGS, change_subjects
from affidavit.projections.standing import Standing, declare, grant, revoke

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class AliasLook:
    """Where an alias pointed at one look; ``version`` is None where it was gone."""

    entry: Entry
    at: datetime
    version: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a table: its fingerprint (SHA-256, hexadecimal) and how many rows it had.

    ``relation`` is what stood behind its name: the kind, and the SHA-256 of a view's definition; None if nobody asked.
    ``moved`` says that the table changed while it was read, and that nothing is supported by what was read.
    """

    entry: Entry
    at: datetime
    fingerprint: str
    rows: int
    relation: tuple[str, str | None] | None
    moved: bool


@dataclass(frozen=True, slots=True)
class Validated:
    """One validation: of which state of the table, against which suite (SHA-256 each), with what result.

    ``carried`` counts the partitions of that state that were not read at this look: the rows judged may be others.
    ``warned`` names tests that had nothing to judge: with one of them it has not ``passed``, and has not failed.
    """

    entry: Entry
    at: datetime
    fingerprint: str
    suite: str
    passed: bool
    failed: tuple[str, ...]
    carried: int
    warned: tuple[str, ...]


@dataclass
class ScopeState:
    """What is known of one AI system, or of the organisation.

    ``streams`` holds the latest entry of each stream and ``history`` the indices of all; ``collections`` stand in the
    order in which they were recorded, and ``looks`` finds them. Aliases are keyed by subject; artifacts by subject and
    SHA-256, each with the latest entry that names both; snapshots and validations by table URI, suites by name, edges,
    measurements, documents and records by subject. ``thresholds`` holds, for each that stands (:func:`threshold_key`),
    the index of the entry since which it has stood without a break. ``decisions`` holds the answers by
    :attr:`Need.topic`, ``organisations`` what stood in force from which entry on. ``duties`` holds what was owed, one
    after another; ``recorded``, for each control, each change of the status that assessments recorded; ``notices`` what
    people were told, in order.
    """

    name: str
    streams: dict[bytes, Entry] = field(default_factory=dict)
    history: dict[bytes, list[int]] = field(default_factory=dict)
    subjects: dict[str, dict[str, Entry]] = field(default_factory=dict)
    collections: list[Collected] = field(default_factory=list)
    looks: Looks = field(default_factory=Looks)
    aliases: dict[str, list[AliasLook]] = field(default_factory=dict)
    artifacts: dict[str, dict[str, Entry]] = field(default_factory=dict)
    snapshots: dict[str, list[Snapshot]] = field(default_factory=dict)
    validations: dict[str, list[Validated]] = field(default_factory=dict)
    edges: dict[str, list[Entry]] = field(default_factory=dict)
    measurements: dict[str, list[Entry]] = field(default_factory=dict)
    documents: dict[str, list[Entry]] = field(default_factory=dict)
    records: dict[str, list[Entry]] = field(default_factory=dict)
    thresholds: dict[bytes, int] = field(default_factory=dict)
    system: Standing[System] | None = None
    organisation: Standing[Organisation] | None = None
    suites: dict[str, Standing[Suite]] = field(default_factory=dict)
    decisions: dict[bytes, list[Decided]] = field(default_factory=dict)
    organisations: list[tuple[int, Organisation]] = field(default_factory=list)
    duties: list[Duty] = field(default_factory=list)
    recorded: dict[str, list[Recorded]] = field(default_factory=dict)
    notices: list[Entry] = field(default_factory=list)

    def apply(self, entry: Entry, *, found: Decided | None = None) -> None:
        """Take in the next entry, of a known kind and with the facts that its kind allows.

        ``found`` is what a decision comes to, which other scopes say too. Raises ``StatementError``, and takes in
        nothing, where the entry contradicts itself.
        """
        statement, owing = entry.statement, self.standing
        if reads := _READS.get(statement.kind):
            reads(self, entry)
        if found:
            self._decide(found)
        if self.standing is not owing:
            self._owe(entry)
        self.streams[statement.stream] = entry
        self.history.setdefault(statement.stream, []).append(entry.index)
        latest = self.subjects.setdefault(statement.kind, {})
        if not _about_less_recent(entry, latest.get(statement.subject.name)):
            latest[statement.subject.name] = entry

    @property
    def standing(self) -> Standing[System] | Standing[Organisation] | None:
        """The declaration that the scope's obligations follow from; None where nothing was declared yet."""
        return self.system or self.organisation

    def _owe(self, entry: Entry) -> None:
        assert self.standing
        before = self.duties[-1] if self.duties else None
        duty = duty_of(self.standing.value, index=entry.index, since=moment(entry.statement.observed_at))
        if not duty.owes_as(before):
            self.duties.append(duty)
        if self.organisation:
            self.organisations.append((entry.index, self.organisation.value))

    def _decide(self, found: Decided) -> None:
        """Take in a decision. One on a weakening lets it through, or where another let it through, takes that back."""
        decisions = self.decisions.setdefault(found.need.topic, [])
        decisions.append(found)
        if not found.counts or found.need.type not in ON_WEAKENINGS:
            return
        for standing in self.standings:
            for change in {*standing.waiting, *(granted.loosening.change for granted in standing.grants)}:
                if change_subjects(change) == found.need.subjects:
                    outcome = settled(decisions, since=standing.waited_since(change) or 0)
                    self._let(standing, change, found.entry, through=outcome is not None and outcome.approves)

    def _let(self, standing: Standing[Any], change: Change, entry: Entry, *, through: bool) -> None:
        after: Standing[Any] | None = None
        if through and change in standing.waiting and change not in standing.unused:
            after = grant(standing, change, entry.index)
        elif not through:
            after = revoke(standing, change)
        if after is None:
            return
        if isinstance(after.value, System):
            self.system = after
            _demand(self, after.value, entry)
        elif isinstance(after.value, Organisation):
            self.organisation = after
        else:
            self.suites[after.value.name] = after

    def latest(self, kind: kinds.Kind) -> Mapping[str, Entry]:
        """The latest entry of ``kind`` for each subject; of those with an interval, the latest about the last one."""
        return self.subjects.get(kind.name, {})

    def cursor(self, collector: str) -> Json:
        """Where the next look of ``collector`` goes on; None where it never looked."""
        for collected in reversed(self.collections):
            if not collected.gap and collector in collected.collectors:
                cursor: Json = collected.collectors[collector]["cursor"]
                return cursor
        return None

    @property
    def standings(self) -> tuple[Standing[Any], ...]:
        """Everything that is declared here."""
        declared = (self.system, self.organisation, *(self.suites[name] for name in sorted(self.suites)))
        return tuple(one for one in declared if one)

    @property
    def pending(self) -> tuple[Loosening, ...]:
        """Every weakening that was declared here and does not count yet."""
        return tuple(loosening for one in self.standings for loosening in one.pending)


def _about_less_recent(entry: Entry, latest: Entry | None) -> bool:
    """Whether an entry is about an interval that ended before that of the latest: what a backfill says is no news."""
    if latest is None:
        return False
    old, new = (Period.of(each.statement.header.get("interval")) for each in (latest, entry))
    return bool(old and new and old.end and new.end and new.end < old.end)


def _read_collection(scope: ScopeState, entry: Entry) -> None:
    facts = entry.statement.facts
    slot = Period.of(facts["slot"])
    if slot is None or slot.start is None or slot.end is None or slot.start >= slot.end:
        raise StatementError("a collection of a slot without beginning or end")
    schedule = scope.standing.value.schedule if scope.standing else None
    scope.collections.append(Collected(entry, slot, facts["gap"], facts["collectors"], schedule))
    scope.looks.add(scope.collections[-1])


def _read_alias(scope: ScopeState, entry: Entry) -> None:
    statement = entry.statement
    look = AliasLook(entry, moment(statement.observed_at), statement.facts["version"])
    scope.aliases.setdefault(statement.subject.name, []).append(look)


def _read_artifacts(scope: ScopeState, entry: Entry) -> None:
    for subject in entry.statement.subjects[1:]:
        scope.artifacts.setdefault(subject.name, {})[subject.sha256] = entry


def _read_snapshot(scope: ScopeState, entry: Entry) -> None:
    statement = entry.statement
    fingerprint = statement.facts["fingerprint"]["sha256"]
    if fingerprint != statement.subject.sha256:
        raise StatementError("a snapshot whose subject has another digest than its fingerprint")
    found = statement.facts["relation"]
    relation = (found["kind"], found["sha256"]) if found else None
    moved = statement.facts["consistency"] == kinds.MOVED
    snapshot = Snapshot(entry, moment(statement.observed_at), fingerprint, statement.facts["rows"], relation, moved)
    scope.snapshots.setdefault(statement.subject.name, []).append(snapshot)


def _read_validation(scope: ScopeState, entry: Entry) -> None:
    statement, facts = entry.statement, entry.statement.facts
    failed, warned = tuple(facts["failedTests"]), tuple(facts["warnedTests"])
    if len(facts["configuration"]) != 1 or facts["result"] not in {"PASSED", "FAILED", "WARNED"}:
        raise StatementError("a validation that does not name one suite and one result")
    if facts["result"] != ("FAILED" if failed else "WARNED" if warned else "PASSED"):
        raise StatementError("a validation whose result and tests contradict each other")
    validated = Validated(
        entry,
        moment(statement.observed_at),
        statement.subject.sha256,
        facts["configuration"][0]["digest"]["sha256"],
        facts["result"] == "PASSED",
        failed,
        facts["carried"],
        warned,
    )
    scope.validations.setdefault(statement.subject.name, []).append(validated)


def _read_edge(scope: ScopeState, entry: Entry) -> None:
    scope.edges.setdefault(entry.statement.subject.name, []).append(entry)


def _read_measurement(scope: ScopeState, entry: Entry) -> None:
    facts = entry.statement.facts
    if any((result["value"] is None) != (result["why"] is not None) for result in facts["results"]):
        raise StatementError("a measurement with a result that is neither a number nor a reason why there is none")
    scope.measurements.setdefault(entry.statement.subject.name, []).append(entry)


def _read_document(scope: ScopeState, entry: Entry) -> None:
    statement, facts = entry.statement, entry.statement.facts
    if (facts["problem"] is None) != (facts["sha256"] is not None):
        raise StatementError("a document that was neither read nor refused")
    if facts["sha256"] is not None and facts["sha256"] != statement.subject.sha256:
        raise StatementError("a document whose subject has another digest than its file")
    scope.documents.setdefault(statement.subject.name, []).append(entry)


def _read_record(scope: ScopeState, entry: Entry) -> None:
    statement, facts = entry.statement, entry.statement.facts
    if why := misfit(facts["kind"], facts):
        raise StatementError(why)
    if statement.subject.name != f"{book_name(facts['book'])}{facts['record']}":
        raise StatementError("a record under the name of another")
    scope.records.setdefault(statement.subject.name, []).append(entry)


def _read_assessment(scope: ScopeState, entry: Entry) -> None:
    statement = entry.statement
    found = {control: each["status"] for control, each in statement.facts["controls"].items()}
    for control in scope.recorded.keys() | found.keys():
        changes = scope.recorded.setdefault(control, [])
        status = found.get(control)
        if not changes or changes[-1].status != status:
            changes.append(Recorded(entry.index, moment(statement.observed_at), status))


def _read_notice(scope: ScopeState, entry: Entry) -> None:
    scope.notices.append(entry)


def threshold_key(source: PredictionTable | Agent, threshold: Threshold) -> bytes:
    """What tells a threshold of a source from every other, and from itself with another bound."""
    return dumps([type(source).__name__, source.id, threshold.model_dump(mode="json", exclude={"why"})])


def _read_system(scope: ScopeState, entry: Entry) -> None:
    new = _model(System, entry.statement.facts["system"])
    _check_schedule(new.schedule)
    if scope.name != system_scope(new.id):
        raise StatementError("the declaration of an AI system in another scope than its own")
    scope.system = declare(scope.system, new, entry)
    _demand(scope, scope.system.value, entry)


def _demand(scope: ScopeState, system: System, entry: Entry) -> None:
    demanded: list[tuple[PredictionTable | Agent, tuple[Threshold, ...]]] = [
        *((table, table.measured.thresholds) for table in system.predictions if table.measured),
        *((agent, agent.thresholds) for agent in system.agents),
    ]
    standing = {threshold_key(source, threshold) for source, thresholds in demanded for threshold in thresholds}
    scope.thresholds = {key: scope.thresholds.get(key, entry.index) for key in standing}


def _read_organisation(scope: ScopeState, entry: Entry) -> None:
    new = _model(Organisation, entry.statement.facts["organisation"])
    _check_schedule(new.schedule)
    if scope.name != ORGANISATION_SCOPE:
        raise StatementError("the declaration of the organisation in the scope of an AI system")
    scope.organisation = declare(scope.organisation, new, entry)


def _read_suite(scope: ScopeState, entry: Entry) -> None:
    new = _model(Suite, entry.statement.facts["suite"])
    scope.suites[new.name] = declare(scope.suites.get(new.name), new, entry)


def _model(model: type[T], document: object) -> T:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        # Its values may be anything; the field is enough to find it.
        place = ".".join(str(step) for step in error.errors()[0]["loc"])
        raise StatementError(f"a declaration that cannot be read: {model.__name__} {place}") from error


def _check_schedule(schedule: str) -> None:
    from affidavit.inventory.schedule import checked

    try:
        checked(schedule)
    except ValueError as error:
        raise StatementError("a declaration whose schedule is none") from error


_READS: Mapping[str, Callable[[ScopeState, Entry], None]] = {
    kinds.COLLECTION.name: _read_collection,
    kinds.MODEL_ALIAS.name: _read_alias,
    kinds.MODEL_RUN.name: _read_artifacts,
    kinds.MODEL_VERSION.name: _read_artifacts,
    kinds.DATASET_SNAPSHOT.name: _read_snapshot,
    kinds.VALIDATION.name: _read_validation,
    kinds.LINEAGE_EDGE.name: _read_edge,
    kinds.MEASUREMENT.name: _read_measurement,
    kinds.DOCUMENT.name: _read_document,
    kinds.RECORD.name: _read_record,
    kinds.ASSESSMENT.name: _read_assessment,
    kinds.NOTICE.name: _read_notice,
    kinds.ORGANISATION.name: _read_organisation,
    kinds.SYSTEM.name: _read_system,
    kinds.SUITE.name: _read_suite,
}
