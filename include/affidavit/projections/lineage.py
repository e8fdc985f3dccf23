"""Which model version is in use, what it was made from, and which edges of that trail are missing.

An edge says what was recorded, not what happened. Its fingerprint is the one that the run itself took of the table.
Where it took none, it is that of the table when the collector looked, since MLflow's dataset digest is an identifier.
The edge's ``basis`` says which. :mod:`affidavit.projections.lineage_graph` draws all edges together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from affidavit.evidence import Entry, kinds
from affidavit.inventory import Tracking
from affidavit.projections.scope import ScopeState

TRAINED_ON = "trained on"
EVALUATED_ON = "evaluated on"
PRODUCED = "produced"
POINTS_AT = "points at"
READ_BY = "read by"
WROTE = "wrote"

WAREHOUSE = "warehouse://"


class Thing(StrEnum):
    """What a node stands for, in the order of the trail."""

    TABLE = "table"
    SNAPSHOT = "table snapshot"
    STEP = "preparation step"
    RUN = "model run"
    LOGGED_MODEL = "logged model"
    VERSION = "model version"
    ALIAS = "alias"
    OTHER = "named elsewhere"


@dataclass(frozen=True, slots=True)
class Node:
    """A thing of the graph: ``name`` as in its statements, ``sha256`` where it is one state of a table."""

    name: str
    sha256: str | None = None
    thing: Thing = field(default=Thing.OTHER, compare=False)


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` led to ``target``, as ``entry`` records, on the grounds that ``basis`` says.

    ``sha256`` is of what went from one to the other: the table's fingerprint, the artifacts, or the facts of ``entry``.
    """

    relation: str
    source: Node
    target: Node
    entry: Entry
    sha256: str
    basis: str


@dataclass(frozen=True, slots=True)
class Missing:
    """An edge that ought to be there, in words; an end is None where nothing recorded says what stands there."""

    words: str
    source: Node | None
    target: Node | None


@dataclass(frozen=True, slots=True)
class InUse:
    """What the alias that means "in use" leads to, for one registered model; None where the trail ends.

    ``home`` is the model's name in statements, which says on which server it is: ``mlflow://<connection>/models/<model>``.
    ``version_name`` is what the alias points at now. ``inputs`` are the edges from table snapshots to ``run``.
    """

    home: str
    model: str
    alias: str
    pointer: Entry | None
    version_name: str | None
    version: Entry | None
    run: Entry | None
    inputs: tuple[Edge, ...]

    @property
    def label(self) -> str:
        """The version in words."""
        return f"{self.model} version {self.version_name}" if self.version_name else self.model

    @property
    def training(self) -> tuple[Edge, ...]:
        """Edges from what it was trained on."""
        return tuple(edge for edge in self.inputs if edge.relation == TRAINED_ON)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The trail: alias, version, run."""
        return tuple(entry for entry in (self.pointer, self.version, self.run) if entry)


def in_use(scope: ScopeState) -> tuple[InUse, ...]:
    """For each registered model of the AI system, the version in use as of the latest look."""
    if scope.system is None:
        return ()
    servers = scope.system.value.servers
    return tuple(_in_use(scope, server, model) for server in servers for model in server.registered_models)


def _in_use(scope: ScopeState, tracking: Tracking, model: str) -> InUse:
    home = f"mlflow://{tracking.connection}/"
    pointer = _find(scope, kinds.MODEL_ALIAS, home, model=model, alias=tracking.in_use_alias)
    name: str | None = pointer.statement.facts["version"] if pointer else None
    version = _find(scope, kinds.MODEL_VERSION, home, model=model, version=name) if name else None
    run = scope.latest(kinds.MODEL_RUN).get(version.statement.facts["run"] or "") if version else None
    inputs = tuple(edge for edge in _inputs(scope) if run and edge.target.name == run.statement.subject.name)
    return InUse(f"{home}models/{model}", model, tracking.in_use_alias, pointer, name, version, run, inputs)


def _find(scope: ScopeState, kind: kinds.Kind, home: str, **facts: str) -> Entry | None:
    for subject, entry in scope.latest(kind).items():
        if subject.startswith(home) and all(entry.statement.facts[name] == value for name, value in facts.items()):
            return entry
    return None


def _inputs(scope: ScopeState) -> Iterator[Edge]:
    for entry in scope.latest(kinds.LINEAGE_EDGE).values():
        if entry.statement.facts["relation"] in {TRAINED_ON, EVALUATED_ON}:
            yield recorded_edge(entry)


_ENDS: Mapping[str, tuple[Thing, Thing]] = {
    TRAINED_ON: (Thing.SNAPSHOT, Thing.RUN),
    EVALUATED_ON: (Thing.SNAPSHOT, Thing.RUN),
    PRODUCED: (Thing.RUN, Thing.VERSION),
    READ_BY: (Thing.TABLE, Thing.STEP),
    WROTE: (Thing.STEP, Thing.TABLE),
}


def recorded_edge(entry: Entry) -> Edge:
    """The edge that a lineage entry records."""
    facts = entry.statement.facts
    start, end = _ENDS.get(facts["relation"], (Thing.OTHER, Thing.OTHER))
    ends = facts["from"], facts["to"]
    # What came out of a table is its fingerprint; what came out of anything else is what it led to.
    digests = [each["digest"] for each in (ends if ends[0]["name"].startswith(WAREHOUSE) else reversed(ends))]
    sha256 = next((digest for digest in digests if digest), entry.statement.subject.sha256)
    return Edge(facts["relation"], _node(ends[0], start), _node(ends[1], end), entry, sha256, facts["basis"])


def _node(named: Mapping[str, str | None], thing: Thing) -> Node:
    # A table is another node in each of its states; a run or a version is one node whatever its digest.
    name, digest = named["name"] or "", named["digest"]
    if not name.startswith(WAREHOUSE):
        return Node(name, None, Thing.OTHER if thing is Thing.TABLE else thing)
    return Node(name, digest, Thing.SNAPSHOT if digest else Thing.TABLE)


def gaps(scope: ScopeState, used: InUse) -> tuple[str, ...]:
    """In words, each edge that is missing between the alias in use and the tables of the AI system."""
    return tuple(missing.words for missing in missing_back(scope, used))


def doubts(scope: ScopeState, used: InUse) -> tuple[str, ...]:
    """In words, each edge of the version in use that other evidence contradicts."""
    return tuple(missing.words for missing in contradicted(scope, used))


def missing_back(scope: ScopeState, used: InUse) -> tuple[Missing, ...]:
    """Each edge that is missing between the alias in use and the tables of the AI system."""
    alias, version = alias_node(used), version_node(used)
    if used.pointer is None:
        words = f"nothing recorded says where the alias {used.alias!r} of {used.model} points"
        return (Missing(words, None, alias),)
    if used.version_name is None:
        return (Missing(f"the alias {used.alias!r} of {used.model} points at no version", None, alias),)
    if used.version is None:
        return (Missing(f"{used.label} is in use and not recorded", version, alias),)
    if used.run is None:
        name = used.version.statement.facts["run"]
        source = Node(name, None, Thing.RUN) if name else None
        return (Missing(f"{used.label} leads to no recorded run", source, version),)
    return tuple(_missing_inputs(scope, used, used.run))


def _missing_inputs(scope: ScopeState, used: InUse, run: Entry) -> Iterator[Missing]:
    here = Node(run.statement.subject.name, None, Thing.RUN)
    if not run.statement.facts["inputs"]:
        yield Missing(f"the run of {used.label} names no dataset input", None, here)
    for name in _unmatched(scope, used):
        yield Missing(f"the input {name!r} of {used.label} leads to no declared table", Node(name), here)
    if withheld := run.statement.facts["withheld"]["inputs"]:
        words = f"{withheld:,} more inputs of {used.label} are not recorded: more than an entry holds"
        yield Missing(words, None, here)
    if used.inputs and not used.training:
        yield Missing(f"no input of {used.label} is recorded as trained on", None, here)


def missing_ahead(scope: ScopeState, used: InUse) -> tuple[Missing, ...]:
    """Each edge that is missing between the run and its model, and between the alias and the rows that it scored."""
    return (*_missing_output(used), *_missing_scored(scope, used))


def _missing_output(used: InUse) -> Iterator[Missing]:
    logged = used.version.statement.facts["logged_model"] if used.version else None
    if used.run and logged and logged not in {each["name"] for each in used.run.statement.facts["outputs"]}:
        words = f"the run of {used.label} does not name the logged model among its outputs"
        yield Missing(
            words, Node(used.run.statement.subject.name, None, Thing.RUN), Node(logged, None, Thing.LOGGED_MODEL)
        )


def _missing_scored(scope: ScopeState, used: InUse) -> Iterator[Missing]:
    assert scope.system is not None
    for table in scope.system.value.predictions:
        place = Node(table.uri, None, Thing.TABLE)
        if sum(len(server.registered_models) for server in scope.system.value.servers) > 1:
            words = f"nothing recorded says whether {used.model} scored the table {table.id}"
            yield Missing(words, alias_node(used), place)
        if not scope.snapshots.get(table.uri):
            yield Missing(f"the table {table.id} of scored rows was never looked at", place, None)


def contradicted(scope: ScopeState, used: InUse) -> tuple[Missing, ...]:
    """Each edge of the version in use that other evidence contradicts."""
    found = list(_overwritten(scope, used))
    for edge in used.inputs:
        name = edge.source.name.removeprefix(WAREHOUSE)
        states = scope.snapshots.get(edge.source.name, ())
        state = next((snapshot for snapshot in states if snapshot.fingerprint == edge.source.sha256), None)
        if state is None:
            words = f"no snapshot of {name} has the fingerprint that {used.label} was {edge.relation}"
            found.append(Missing(words, Node(edge.source.name, None, Thing.TABLE), edge.source))
        elif other := sorted(_rows_told(scope, used, edge.source.name) - {state.rows}):
            told = " and ".join(f"{rows:,}" for rows in other)
            words = f"the run of {used.label} read {told} rows of {name}, whose snapshot has {state.rows:,}"
            found.append(Missing(words, edge.source, edge.target))
    return tuple(found)


def alias_node(used: InUse) -> Node:
    """The alias that means in use, whether or not it was ever seen."""
    return Node(f"{used.home}@{used.alias}", None, Thing.ALIAS)


def version_node(used: InUse) -> Node:
    """The version that the alias points at, whether or not it was ever seen."""
    return Node(f"{used.home}/versions/{used.version_name}", None, Thing.VERSION)


def _overwritten(scope: ScopeState, used: InUse) -> Iterable[Missing]:
    """Whether the artifacts of a version are other than some look found them: its own, or one at the run it is from."""
    tree = used.version.statement.facts["artifacts"] if used.version else None
    if used.version is None or tree is None:
        return
    version, name = version_node(used), used.version.statement.facts["logged_model"]
    source = Node(name, None, Thing.LOGGED_MODEL) if name else None
    if tree["moved"]:
        words = f"{tree['moved']:,} of the artifacts of {used.label} changed while they were read"
        yield Missing(words, source, version)
        return
    looks = [scope.artifacts.get(subject.name, {}) for subject in used.version.statement.subjects[1:]]
    others = [entry for digests in looks for sha256, entry in digests.items() if sha256 != tree["sha256"]]
    if others:
        when = max(each.statement.observed_at for each in others)
        yield Missing(f"the artifacts of {used.label} were overwritten after {when}", source, version)


def _by_name(scope: ScopeState) -> dict[str, set[str]]:
    assert scope.system is not None
    named: dict[str, set[str]] = {}
    for table in scope.system.value.tables:
        for name in (table.id, table.table, table.uri):
            named.setdefault(name, set()).add(table.uri)
    return named


def _unmatched(scope: ScopeState, used: InUse) -> list[str]:
    assert used.run is not None
    named, reached = _by_name(scope), {edge.source.name for edge in used.inputs}
    names = dict.fromkeys(item["name"] for item in used.run.statement.facts["inputs"])
    return [name for name in names if not named.get(name, set()) & reached]


def _rows_told(scope: ScopeState, used: InUse, uri: str) -> set[int]:
    assert used.run is not None
    named = _by_name(scope)
    inputs = used.run.statement.facts["inputs"]
    return {item["rows"] for item in inputs if item["rows"] is not None and uri in named.get(item["name"], set())}
