"""Collector of lineage edges: which table a run was trained or tried on, and which run made a model version. Pure.

An edge is fixed once it is recorded: an old run did not read what a table became later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from affidavit import __version__
from affidavit.collect.artifacts import stood
from affidavit.collect.look import Look
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage, Subject, kinds, system_scope
from affidavit.inventory import Dataset, PredictionTable, System
from affidavit.projections.lineage import EVALUATED_ON, PRODUCED, TRAINED_ON

NAME = "lineage"

_CONTEXTS = {
    "train": TRAINED_ON,
    "training": TRAINED_ON,
    "eval": EVALUATED_ON,
    "evaluation": EVALUATED_ON,
    "test": EVALUATED_ON,
    "testing": EVALUATED_ON,
    "validation": EVALUATED_ON,
}


def look_at_lineage(
    system: System,
    *,
    drafts: Sequence[Draft],
    snapshots: Mapping[str, Sequence[str]],
    recorded: frozenset[str],
    seen: Circumstances,
) -> Look:
    """The edges that the drafts of one slot show and that are not among ``recorded`` (subject names of edges).

    ``snapshots`` are the fingerprints seen by table URI, the latest last, this slot's included. Edges are
    ``trained on`` or ``evaluated on`` from a table to a finished run, and ``produced`` from a run to a model version.
    An edge from a table carries the fingerprint that the run itself took of it, else the latest of our own. An input
    that matches no declared table, or has no fingerprint from either, makes no edge. ``enumerated`` counts links,
    ``read`` those that could be followed.
    """
    runs = {draft.subjects[0].name: draft for draft in drafts if draft.kind is kinds.MODEL_RUN}
    rows = {
        (draft.subjects[0].name, draft.subjects[0].sha256): draft.facts["rows"]
        for draft in drafts
        if draft.kind is kinds.DATASET_SNAPSHOT
    }
    edges: list[dict[str, Any]] = []
    links = 0
    for run in runs.values():
        if run.facts["status"] == "FINISHED":
            links += len(run.facts["inputs"])
            edges += _trained(system, run, snapshots, rows)
    versions = [draft for draft in drafts if draft.kind is kinds.MODEL_VERSION and draft.facts["run"]]
    edges += [_produced(version, runs) for version in versions]
    named = {_name(edge): edge for edge in edges}
    return Look(
        NAME,
        tuple(_draft(system, name, edge, seen) for name, edge in named.items() if name not in recorded),
        enumerated=links + len(versions),
        read=sum(edge["inputs"] for edge in edges),
        notice_delay_seconds=0,
    )


def _trained(
    system: System, run: Draft, snapshots: Mapping[str, Sequence[str]], rows: Mapping[tuple[str, str], int]
) -> Iterable[dict[str, Any]]:
    inputs: dict[str, list[Mapping[str, Any]]] = {}
    tables: dict[str, Dataset | PredictionTable] = {}
    for each in run.facts["inputs"]:
        table = match(system, each["name"])
        if table is not None and (each["fingerprint"] or snapshots.get(table.uri)):
            tables[table.uri] = table
            inputs.setdefault(table.uri, []).append(each)
    for uri, used in inputs.items():
        relations = {_relation(each["context"], tables[uri]) for each in used}
        seen = snapshots.get(uri, ())
        if own := {each["fingerprint"]["sha256"] for each in used if each["fingerprint"]}:
            fingerprint, basis = _by_fingerprint(own, seen)
        else:
            fingerprint, basis = seen[-1], _by_name(used, rows.get((uri, seen[-1])))
        yield {
            # Training weighs more: data that a model was made from is no independent test of it.
            "relation": TRAINED_ON if TRAINED_ON in relations else EVALUATED_ON,
            "from": {"name": uri, "digest": fingerprint},
            "to": {"name": run.subjects[0].name, "digest": run.subjects[0].sha256},
            "basis": f"the run used the table both to train and to evaluate; {basis}" if len(relations) > 1 else basis,
            "inputs": len(used),
        }


def match(system: System, name: str) -> Dataset | PredictionTable | None:
    """The declared table that a run means by a dataset's name: its id, its URI, or its name where only one has it."""
    for key in ("id", "uri", "table"):
        found = {table.uri: table for table in system.tables if getattr(table, key) == name}
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            return None
    return None


def _relation(context: str | None, table: Dataset | PredictionTable) -> str:
    by_use = TRAINED_ON if table.use == "training" else EVALUATED_ON
    return _CONTEXTS.get((context or "").lower(), by_use)


def _by_fingerprint(own: Set[str], seen: Sequence[str]) -> tuple[str | None, str]:
    """Digest and basis of an edge whose run fingerprinted the table itself."""
    if len(own) > 1:
        return None, f"the run recorded {len(own)} fingerprints of the table. Not shown: which of them it used"
    [sha256] = own
    told = "a snapshot of the table has" if sha256 in seen else "at this look no snapshot of the table has"
    return sha256, (
        f"the run recorded the table's fingerprint itself; {told} the same. Not shown: that the run read the rows that "
        "it fingerprinted"
    )


def _by_name(used: Sequence[Mapping[str, Any]], rows: int | None) -> str:
    """Basis of an edge to the latest snapshot of a table that the run did not fingerprint."""
    names = ", ".join(sorted({repr(each["name"][:200]) for each in used}))
    contexts = ", ".join(sorted({repr(each["context"]) for each in used if each["context"]})) or "none"
    claimed = sorted({each["rows"] for each in used if each["rows"] is not None})
    if not claimed or rows is None:
        count = "row counts were not compared"
    elif claimed == [rows]:
        count = f"both have {rows} rows"
    else:
        count = f"the run says {', '.join(map(str, claimed))} rows, the snapshot has {rows}: not the same rows"
    return (
        f"matched by dataset name {names}, logged context {contexts}; {count}. Not shown: that the run read "
        "exactly this snapshot, since MLflow's dataset digest is no fingerprint"
    )


def _produced(version: Draft, runs: Mapping[str, Draft]) -> dict[str, Any]:
    run, tree = version.facts["run"], version.facts["artifacts"]
    source = runs.get(run)
    what = "its logged model's artifacts as hashed at this look"
    if not stood(tree):
        what = (
            "no artifacts, since they moved while they were read" if tree else "no artifacts, since they were not read"
        )
    return {
        "relation": PRODUCED,
        "from": {"name": run, "digest": source.subjects[0].sha256 if source else None},
        "to": {"name": version.subjects[0].name, "digest": tree["sha256"] if tree else None},
        "basis": f"the registry names the run as the version's source; the digest is of {what}. Not shown: that the "
        "artifacts are as the run left them",
        "inputs": 1,
    }


def _name(edge: Mapping[str, Any]) -> str:
    return f"affidavit://lineage/{edge['from']['name']}->{edge['to']['name']}"


def _draft(system: System, name: str, edge: Mapping[str, Any], seen: Circumstances) -> Draft:
    facts = {key: value for key, value in edge.items() if key != "inputs"}
    return Draft(
        kind=kinds.LINEAGE_EDGE,
        scope=system_scope(system.id),
        stage=Stage.DEVELOPMENT,
        origin=Origin.RECORDED,
        subjects=(Subject.of_facts(name, facts),),
        facts=facts,
        collector=Collector(NAME, __version__),
        seen=seen,
    )
