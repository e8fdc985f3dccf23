"""The lineage of one AI system: every edge from source tables to the rows that a model scored, with a digest on each.

    table -> table snapshot -> model run -> logged model -> model version -> alias -> table of scored rows

and ``table -> preparation step -> table`` where a job said so. It answers as of any date: fold the entries that were
there then (:func:`affidavit.projections.state.fold`), and draw the graph of that. Loops are drawn as what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from affidavit.evidence import Entry, Origin, kinds
from affidavit.projections.lineage import (
    POINTS_AT,
    PRODUCED,
    Edge,
    Missing,
    Node,
    Thing,
    alias_node,
    contradicted,
    in_use,
    missing_ahead,
    missing_back,
    recorded_edge,
)
from affidavit.projections.scope import ScopeState, Snapshot

STOOD_AS = "stood as"
LOGGED = "logged"
REGISTERED_AS = "registered as"
SCORED = "scored"


@dataclass(frozen=True)
class Graph:
    """Nodes and edges in order of their entries; ``missing`` is what the versions in use lack, or evidence contradicts.

    ``in_use`` are the aliases that mean in use, and ``about`` the latest entry that is about a node.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    missing: tuple[Missing, ...]
    in_use: tuple[Node, ...]
    about: Mapping[Node, Entry]

    @cached_property
    def _into(self) -> Mapping[Node, list[Edge]]:
        return _by(self.edges, lambda edge: edge.target)

    @cached_property
    def _out_of(self) -> Mapping[Node, list[Edge]]:
        return _by(self.edges, lambda edge: edge.source)

    def named(self, name: str) -> tuple[Node, ...]:
        """The nodes with this name: of a table, itself and each of its states."""
        return tuple(node for node in self.nodes if node.name == name)

    def upstream(self, nodes: Iterable[Node]) -> tuple[Edge, ...]:
        """Every edge that leads to ``nodes``, the nearest first, each once."""
        return _walk(nodes, self._into, lambda edge: edge.source)

    def downstream(self, nodes: Iterable[Node]) -> tuple[Edge, ...]:
        """Every edge that leads away from ``nodes``, the nearest first, each once."""
        return _walk(nodes, self._out_of, lambda edge: edge.target)


def graph(scope: ScopeState) -> Graph:
    """The lineage of one AI system, as of the latest look."""
    edges = tuple(_edges(scope))
    used = in_use(scope)
    missing = tuple(
        found for each in used for find in (missing_back, contradicted, missing_ahead) for found in find(scope, each)
    )
    aliases = tuple(alias_node(each) for each in used)
    ends = (end for each in missing for end in (each.source, each.target) if end)
    drawn = dict.fromkeys(node for edge in edges for node in (edge.source, edge.target))
    nodes = tuple(dict.fromkeys((*drawn, *ends, *aliases)))
    return Graph(nodes, edges, missing, aliases, dict(_about(scope, nodes)))


def _by(edges: Iterable[Edge], end: Callable[[Edge], Node]) -> Mapping[Node, list[Edge]]:
    found: dict[Node, list[Edge]] = {}
    for edge in edges:
        found.setdefault(end(edge), []).append(edge)
    return found


def _walk(nodes: Iterable[Node], along: Mapping[Node, list[Edge]], onward: Callable[[Edge], Node]) -> tuple[Edge, ...]:
    found: list[Edge] = []
    waiting = list(dict.fromkeys(nodes))
    seen = set(waiting)
    for node in waiting:  # it grows while it is walked
        for edge in along.get(node, ()):
            found.append(edge)
            if (end := onward(edge)) not in seen:
                seen.add(end)
                waiting.append(end)
    return tuple(found)


def _edges(scope: ScopeState) -> Iterator[Edge]:
    recorded = [recorded_edge(entry) for entry in scope.latest(kinds.LINEAGE_EDGE).values()]
    yield from recorded
    yield from _model_edges(scope, {(edge.source.name, edge.target.name) for edge in recorded})
    yield from _scored(scope)
    yield from _states(scope, {node for edge in recorded for node in (edge.source, edge.target)})


def _model_edges(scope: ScopeState, recorded: set[tuple[str, str]]) -> Iterator[Edge]:
    for entry in scope.latest(kinds.MODEL_RUN).values():
        run = Node(entry.statement.subject.name, None, Thing.RUN)
        for output in entry.statement.facts["outputs"]:
            model = Node(output["name"], None, Thing.LOGGED_MODEL)
            yield _edge(LOGGED, run, model, entry, output["digest"], "the run names the model among its outputs")
    versions: dict[tuple[str, str, str], Node] = {}
    for entry in scope.latest(kinds.MODEL_VERSION).values():
        facts, version = entry.statement.facts, Node(entry.statement.subject.name, None, Thing.VERSION)
        versions[_server(version.name), facts["model"], facts["version"]] = version
        artifacts = facts["artifacts"]["sha256"] if facts["artifacts"] else None
        if facts["logged_model"]:
            model, basis = Node(facts["logged_model"], None, Thing.LOGGED_MODEL), "the registry names the logged model"
            yield _edge(REGISTERED_AS, model, version, entry, artifacts, basis)
        if facts["run"] and (facts["run"], version.name) not in recorded:
            basis = "the registry names the run as the version's source"
            yield _edge(PRODUCED, Node(facts["run"], None, Thing.RUN), version, entry, artifacts, basis)
    for entry in scope.latest(kinds.MODEL_ALIAS).values():
        facts = entry.statement.facts
        if target := versions.get((_server(entry.statement.subject.name), facts["model"], facts["version"])):
            alias = Node(entry.statement.subject.name, None, Thing.ALIAS)
            yield _edge(POINTS_AT, target, alias, entry, None, "the registry's alias, at the latest look")


def _server(name: str) -> str:
    """The tracking server in the name of a version or alias."""
    return name.removeprefix("mlflow://").partition("/")[0]


def _scored(scope: ScopeState) -> Iterator[Edge]:
    """From the alias in use to the tables of scored rows, where the AI system has one model only."""
    used = in_use(scope)
    if scope.system is None or len(used) != 1 or used[0].pointer is None:
        return
    basis = "declared in the file of the AI system. Not shown: that the version in use made these rows"
    for table in scope.system.value.predictions:
        states = scope.snapshots.get(table.uri)
        sha256 = states[-1].fingerprint if states else None
        target = Node(table.uri, None, Thing.TABLE)
        yield _edge(SCORED, alias_node(used[0]), target, scope.system.entry, sha256, basis)


def _states(scope: ScopeState, drawn: set[Node]) -> Iterator[Edge]:
    """From each table to its latest state, and to those that something else is drawn to."""
    for uri, states in scope.snapshots.items():
        latest = {state.fingerprint: state for state in states}
        for sha256, state in latest.items():
            snapshot = Node(uri, sha256, Thing.SNAPSHOT)
            if snapshot in drawn or state is states[-1]:
                yield _edge(STOOD_AS, Node(uri, None, Thing.TABLE), snapshot, state.entry, sha256, _looked(state))


def _looked(state: Snapshot) -> str:
    """On what a state of a table rests, as its entry has it."""
    statement = state.entry.statement
    if statement.origin is not Origin.OBSERVED:
        return (
            f"a task said so, of {state.rows:,} rows. Not shown: that they were the table's, since nobody here looked"
        )
    if statement.facts["consistency"] == kinds.MOVED:
        return "the table changed while it was read: it ended as this, and what else was read is of no one state"
    return f"{state.rows:,} rows at this look ({statement.facts['fingerprint']['coverage']})"


def _edge(relation: str, source: Node, target: Node, entry: Entry, sha256: str | None, basis: str) -> Edge:
    return Edge(relation, source, target, entry, sha256 or entry.statement.subject.sha256, basis)


_KINDS: Mapping[Thing, kinds.Kind] = {
    Thing.RUN: kinds.MODEL_RUN,
    Thing.VERSION: kinds.MODEL_VERSION,
    Thing.ALIAS: kinds.MODEL_ALIAS,
}


def _about(scope: ScopeState, nodes: Iterable[Node]) -> Iterator[tuple[Node, Entry]]:
    for node in nodes:
        if node.thing in _KINDS:
            entry = scope.latest(_KINDS[node.thing]).get(node.name)
        else:
            states = scope.snapshots.get(node.name, ())
            entry = next((s.entry for s in reversed(states) if node.sha256 in {None, s.fingerprint}), None)
        if entry:
            yield node, entry
