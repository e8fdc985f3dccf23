"""The recorded lineage of one AI system as OpenLineage events: core 2-0-2, to hand to other people's catalogues.

Each run that stands in the lineage gives a ``START`` and, once it ended, a ``COMPLETE``, ``FAIL`` or ``ABORT``: the
states of tables that it read, each with its fingerprint as dataset version and the assertions of its validation, and
the models that it made, each with a facet of our own (``docs/ml-model-facet.schema.json``). What is declared, and no
run, gives a job event: which tables hold what was scored under the alias that means in use; by which version, nothing
recorded says. Preparation steps told of themselves in
OpenLineage; they are not repeated. What is handed out is a copy: the evidence stays in the ledger, and each facet names
its entry.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from affidavit import __version__
from affidavit.evidence import Entry, kinds
from affidavit.projections import Edge, Graph, Node, ScopeState, Thing
from affidavit.projections.lineage import EVALUATED_ON, POINTS_AT, PRODUCED, TRAINED_ON
from affidavit.projections.lineage_graph import LOGGED, SCORED

CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
VERSION_FACET = (
    "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
)
ASSERTIONS_FACET = (
    "https://openlineage.io/spec/facets/1-1-0/DataQualityAssertionsDatasetFacet.json"
    "#/$defs/DataQualityAssertionsDatasetFacet"
)
MODEL_FACET = "urn:affidavit:openlineage:ml-model-facet:v1"
PRODUCER = f"urn:affidavit:{__version__}"

_ENDS = {"FINISHED": "COMPLETE", "FAILED": "FAIL", "KILLED": "ABORT"}
_HEX = re.compile(r"[0-9a-f]{32}")

Event = dict[str, Any]


def events(scope: ScopeState, graph: Graph, *, origin: str) -> tuple[Event, ...]:
    """The events of one AI system, in order of time; ``origin`` names the log that the evidence stands in."""
    found = [*_runs(scope, graph, origin), *_scored(scope, graph)]
    return tuple(
        sorted(found, key=lambda event: (event["eventTime"], event["job"]["name"], event.get("eventType") != "START"))
    )


def _runs(scope: ScopeState, graph: Graph, origin: str) -> Iterator[Event]:
    read: dict[Node, list[Edge]] = {}
    made: dict[Node, list[Edge]] = {}
    for edge in graph.edges:
        if edge.relation in {TRAINED_ON, EVALUATED_ON}:
            read.setdefault(edge.target, []).append(edge)
        elif edge.relation in {LOGGED, PRODUCED}:
            made.setdefault(edge.source, []).append(edge)
    for node in dict.fromkeys([*read, *made]):
        run = graph.about.get(node)
        if node.thing is Thing.RUN and run is not None:
            inputs = [_input(scope, edge) for edge in read.get(node, ())]
            outputs = [_output(scope, graph, edge, origin) for edge in made.get(node, ())]
            yield from _run(run, inputs, outputs)


def _run(run: Entry, inputs: list[Event], outputs: list[Event]) -> Iterator[Event]:
    statement = run.statement
    period = statement.header["effective"] or {"from": None, "to": None}
    start, end = period["from"] or statement.observed_at, period["to"] or statement.observed_at
    namespace, path = _placed(statement.subject.name)
    whole = {
        "producer": PRODUCER,
        "schemaURL": f"{CORE}RunEvent",
        "run": {"runId": _uuid(path.removeprefix("runs/"), statement.subject.name)},
        "job": {"namespace": namespace, "name": statement.facts["experiment"]["name"]},
        "inputs": inputs,
    }
    yield {"eventType": "START", "eventTime": start, **whole, "outputs": []}
    if ended := _ENDS.get(statement.facts["status"]):
        yield {"eventType": ended, "eventTime": max(start, end), **whole, "outputs": outputs}


def _uuid(run: str, name: str) -> str:
    # MLflow's ids are UUIDs without hyphens; whatever else names a run gives the same UUID each time.
    return str(uuid.UUID(run) if _HEX.fullmatch(run) else uuid.uuid5(uuid.NAMESPACE_URL, name))


def _placed(name: str) -> tuple[str, str]:
    """Namespace and name of a dataset: ``warehouse://bank/loans`` is ``loans`` in ``warehouse://bank``."""
    scheme, _, rest = name.partition("://")
    place, _, path = rest.partition("/")
    return f"{scheme}://{place}", path


def _dataset(name: str, sha256: str | None) -> Event:
    namespace, path = _placed(name)
    facets = {"version": _facet(VERSION_FACET, datasetVersion=f"sha256:{sha256}")} if sha256 else {}
    return {"namespace": namespace, "name": path, "facets": facets}


def _facet(schema: str, **fields: Any) -> Event:
    return {"_producer": PRODUCER, "_schemaURL": schema, **fields}


def _input(scope: ScopeState, edge: Edge) -> Event:
    validations = scope.validations.get(edge.source.name, ())
    of_state = [each for each in validations if each.fingerprint == edge.source.sha256]
    dataset = _dataset(edge.source.name, edge.source.sha256)
    if of_state:
        assertions = list(_assertions(of_state[-1].entry.statement.facts))
        dataset["inputFacets"] = {"dataQualityAssertions": _facet(ASSERTIONS_FACET, assertions=assertions)}
    return dataset


def _assertions(facts: Mapping[str, Any]) -> Iterator[Event]:
    for tests, success in (("passedTests", True), ("warnedTests", False), ("failedTests", False)):
        for test in facts[tests]:
            kind, _, column = test.partition(":")
            severity = "warn" if tests == "warnedTests" else "error"
            assertion = {"assertion": kind, "success": success, "name": test, "severity": severity}
            yield {**assertion, "column": column} if column else assertion


def _output(scope: ScopeState, graph: Graph, edge: Edge, origin: str) -> Event:
    version = scope.latest(kinds.MODEL_VERSION).get(edge.target.name)
    if version is None:
        logged = edge.entry.statement.facts["outputs"] if edge.relation == LOGGED else ()
        return _dataset(edge.target.name, next((o["digest"] for o in logged if o["name"] == edge.target.name), None))
    model = _model(scope, graph, edge.target, version, origin)
    dataset = _dataset(edge.target.name, model["artifacts"])
    dataset["facets"]["affidavit_mlModel"] = model
    return dataset


def _model(scope: ScopeState, graph: Graph, node: Node, version: Entry, origin: str) -> Event:
    facts = version.statement.facts
    pointing = [edge.target for edge in graph.edges if edge.relation == POINTS_AT and edge.source == node]
    run = scope.latest(kinds.MODEL_RUN).get(facts["run"] or "")
    return _facet(
        MODEL_FACET,
        model=facts["model"],
        version=facts["version"],
        aliases=sorted(alias.name.rpartition("@")[2] for alias in pointing),
        inUse=any(alias in graph.in_use for alias in pointing),
        commit=run.statement.facts["source"]["commit"] if run else None,
        metrics=dict(run.statement.facts["metrics"]) if run else {},
        artifacts=facts["artifacts"]["sha256"] if facts["artifacts"] else None,
        evidence={"log": origin, "entry": version.index, "leaf": version.leaf_hash.hex()},
    )


def _scored(scope: ScopeState, graph: Graph) -> Iterator[Event]:
    # Of the alias alone: it may point elsewhere by now than when the rows were scored, and nothing recorded says so.
    for edge in graph.edges:
        if edge.relation == SCORED:
            states = scope.snapshots.get(edge.target.name, ())
            yield {
                "eventTime": edge.entry.statement.observed_at,
                "producer": PRODUCER,
                "schemaURL": f"{CORE}JobEvent",
                "job": {"namespace": _placed(edge.source.name)[0], "name": f"score {edge.target.name}"},
                "inputs": [_dataset(edge.source.name, None)],
                "outputs": [_dataset(edge.target.name, states[-1].fingerprint if states else None)],
            }
