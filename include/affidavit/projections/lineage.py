"""Which model version is in use, and the graph from the tables it was made from.

An edge says what was recorded, not what happened. Its fingerprint is the one that the run itself took of the table.
Where it took none, it is that of the table when the collector looked, since MLflow's dataset digest is an identifier.
The edge's ``basis`` says which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from affidavit.evidence import Entry, kinds
from affidavit.inventory import System
from affidavit.projections.scope import ScopeState

TRAINED_ON = "trained on"
EVALUATED_ON = "evaluated on"
PRODUCED = "produced"
POINTS_AT = "points at"


@dataclass(frozen=True, slots=True)
class Node:
    """A thing of the graph: ``name`` as in its statements, ``sha256`` where its edge names a digest."""

    name: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """``source`` led to ``target``, as ``entry`` records."""

    relation: str
    source: Node
    target: Node
    entry: Entry


@dataclass(frozen=True, slots=True)
class Graph:
    """Table snapshot, run, model version, alias; ``missing`` says in words what the versions in use lack."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InUse:
    """What the alias that means "in use" leads to, for one registered model; None where the trail ends.

    ``version_name`` is what the alias points at now. ``inputs`` are the edges from table snapshots to ``run``.
    """

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
    tracking = scope.system.value.mlflow
    return tuple(_in_use(scope, scope.system.value, model) for model in tracking.registered_models)


def _in_use(scope: ScopeState, system: System, model: str) -> InUse:
    tracking = system.mlflow
    home = f"mlflow://{tracking.connection}/"
    pointer = _find(scope, kinds.MODEL_ALIAS, home, model=model, alias=tracking.in_use_alias)
    name: str | None = pointer.statement.facts["version"] if pointer else None
    version = _find(scope, kinds.MODEL_VERSION, home, model=model, version=name) if name else None
    run = scope.latest(kinds.MODEL_RUN).get(version.statement.facts["run"] or "") if version else None
    inputs = tuple(edge for edge in _inputs(scope) if run and edge.target.name == run.statement.subject.name)
    return InUse(model, tracking.in_use_alias, pointer, name, version, run, inputs)


def _find(scope: ScopeState, kind: kinds.Kind, home: str, **facts: str) -> Entry | None:
    for subject, entry in scope.latest(kind).items():
        if subject.startswith(home) and all(entry.statement.facts[name] == value for name, value in facts.items()):
            return entry
    return None


def _inputs(scope: ScopeState) -> Iterator[Edge]:
    for entry in scope.latest(kinds.LINEAGE_EDGE).values():
        if entry.statement.facts["relation"] in {TRAINED_ON, EVALUATED_ON}:
            yield _edge(entry)


def _edge(entry: Entry) -> Edge:
    facts = entry.statement.facts
    return Edge(facts["relation"], _node(facts["from"]), _node(facts["to"]), entry)


def _node(thing: Mapping[str, str]) -> Node:
    # A table is another node in each of its states; a run or a version is one node whatever its digest.
    return Node(thing["name"], thing["digest"] if thing["name"].startswith("warehouse://") else None)


def graph(scope: ScopeState) -> Graph:
    """The lineage of one AI system, as of the latest look."""
    edges = [_edge(entry) for entry in scope.latest(kinds.LINEAGE_EDGE).values()]
    recorded = {(edge.source.name, edge.target.name) for edge in edges}
    for entry in scope.latest(kinds.MODEL_VERSION).values():
        run, name = entry.statement.facts["run"], entry.statement.subject.name
        if run and (run, name) not in recorded:
            edges.append(Edge(PRODUCED, Node(run), Node(name), entry))
    versions = {
        (entry.statement.facts["model"], entry.statement.facts["version"]): entry.statement.subject.name
        for entry in scope.latest(kinds.MODEL_VERSION).values()
    }
    for entry in scope.latest(kinds.MODEL_ALIAS).values():
        facts = entry.statement.facts
        if target := versions.get((facts["model"], facts["version"])):
            edges.append(Edge(POINTS_AT, Node(target), Node(entry.statement.subject.name), entry))
    nodes = dict.fromkeys(node for edge in edges for node in (edge.source, edge.target))
    missing = tuple(gap for used in in_use(scope) for gap in (*gaps(scope, used), *doubts(scope, used)))
    return Graph(tuple(nodes), tuple(edges), missing)


def gaps(scope: ScopeState, used: InUse) -> tuple[str, ...]:
    """In words, each edge that is missing between the alias in use and the tables of the AI system."""
    if used.pointer is None:
        return (f"nothing recorded says where the alias {used.alias!r} of {used.model} points",)
    if used.version_name is None:
        return (f"the alias {used.alias!r} of {used.model} points at no version",)
    if used.version is None:
        return (f"{used.label} is in use and not recorded",)
    if used.run is None:
        return (f"{used.label} leads to no recorded run",)
    found = [f"the run of {used.label} names no dataset input"] if not used.run.statement.facts["inputs"] else []
    found += (f"the input {name!r} of {used.label} leads to no declared table" for name in _unmatched(scope, used))
    if withheld := used.run.statement.facts["withheld"]["inputs"]:
        found.append(f"{withheld:,} more inputs of {used.label} are not recorded: more than an entry holds")
    if used.inputs and not used.training:
        found.append(f"no input of {used.label} is recorded as trained on")
    return tuple(found)


def doubts(scope: ScopeState, used: InUse) -> tuple[str, ...]:
    """In words, each edge of the version in use that other evidence contradicts."""
    found = _overwritten(scope, used)
    for edge in used.inputs:
        name = edge.source.name.removeprefix("warehouse://")
        states = scope.snapshots.get(edge.source.name, ())
        state = next((snapshot for snapshot in states if snapshot.fingerprint == edge.source.sha256), None)
        if state is None:
            found.append(f"no snapshot of {name} has the fingerprint that {used.label} was {edge.relation}")
        elif other := sorted(_rows_told(scope, used, edge.source.name) - {state.rows}):
            told = " and ".join(f"{rows:,}" for rows in other)
            found.append(f"the run of {used.label} read {told} rows of {name}, whose snapshot has {state.rows:,}")
    return tuple(found)


def _overwritten(scope: ScopeState, used: InUse) -> list[str]:
    """Whether the artifacts of a version are other than some look found them: its own, or one at the run it is from."""
    tree = used.version.statement.facts["artifacts"] if used.version else None
    if used.version is None or tree is None:
        return []
    if tree["moved"]:
        return [f"{tree['moved']:,} of the artifacts of {used.label} changed while they were read"]
    looks = [scope.artifacts.get(subject.name, {}) for subject in used.version.statement.subjects[1:]]
    others = [entry for digests in looks for sha256, entry in digests.items() if sha256 != tree["sha256"]]
    if not others:
        return []
    return [f"the artifacts of {used.label} were overwritten after {max(e.statement.observed_at for e in others)}"]


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
