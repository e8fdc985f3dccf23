"""``affidavit lineage``."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from affidavit.cli.terminal import now, out, past, print_json, workplace
from affidavit.errors import UsageError
from affidavit.evidence import timestamp

if TYPE_CHECKING:
    from affidavit.pipeline.lineage import Known
    from affidavit.projections import Edge, Graph, Node

System = Annotated[str, typer.Argument(help="Id of an AI system.", metavar="SYSTEM")]
NodeName = Annotated[
    str | None, typer.Option("--node", help="A table, run, model or step by its name; what is in use if left out.")
]
AsOf = Annotated[
    str | None,
    typer.Option(help="What was known then: 2026-03-14 (the end of that day, UTC) or an ISO time.", metavar="TIME"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")]
Events = Annotated[
    Path | None,
    typer.Option("--openlineage", help="Write OpenLineage events to this new file, one a line.", metavar="FILE"),
]


def lineage(
    system: System, node: NodeName = None, as_of: AsOf = None, json: Json = False, openlineage: Events = None
) -> None:
    """Show what a node was made from and what was made from it, with a digest on each edge, and what is missing."""
    from affidavit.pipeline.lineage import lineage_of

    at = past(as_of) if as_of is not None else now()
    with workplace().reader() as ledger:
        known = lineage_of(ledger, system, at=at)
    if openlineage is not None:
        _write(openlineage, known)
        return
    document = {
        "as_of": timestamp(known.at),
        "size": known.head.size,
        **_document(known.graph, _nodes(known.graph, node)),
    }
    if json:
        print_json(document)
    else:
        _print(document)


def _write(file: Path, known: Known) -> None:
    from affidavit.publish.openlineage import events

    told = events(known.scope, known.graph, origin=known.head.origin)
    try:
        with file.open("x", encoding="utf-8") as out_file:
            out_file.writelines(dumps(event, ensure_ascii=False, sort_keys=True) + "\n" for event in told)
    except OSError as error:
        problem = f"cannot be written ({error.strerror or type(error).__name__})"
        raise UsageError(problem, where=str(file), fix="name a new file in a folder that you may write to") from error
    out.print(f"{len(told)} OpenLineage events written to {file}", markup=False)


def _nodes(graph: Graph, name: str | None) -> tuple[Node, ...]:
    if name is None:
        return graph.in_use
    if found := graph.named(name):
        return found
    near = [node.name for node in graph.nodes if name in node.name]
    known = ", ".join(dict.fromkeys(near or [node.name for node in graph.nodes])) or "none yet"
    raise UsageError(f"the lineage has no node {name!r}", where="--node", fix=f"choose one of: {known[:2_000]}")


def _document(graph: Graph, nodes: tuple[Node, ...]) -> dict[str, Any]:
    return {
        "nodes": [_node(node) for node in nodes],
        "upstream": [_edge(edge) for edge in graph.upstream(nodes)],
        "downstream": [_edge(edge) for edge in graph.downstream(nodes)],
        "missing": [
            {
                "edge": missing.words,
                "from": _node(missing.source) if missing.source else None,
                "to": _node(missing.target) if missing.target else None,
            }
            for missing in graph.missing
        ],
    }


def _node(node: Node) -> dict[str, Any]:
    return {"name": node.name, "sha256": node.sha256, "thing": node.thing.value}


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "relation": edge.relation,
        "from": _node(edge.source),
        "to": _node(edge.target),
        "sha256": edge.sha256,
        "entry": edge.entry.index,
        "origin": edge.entry.statement.origin.value,
        "basis": edge.basis,
    }


def _print(document: dict[str, Any]) -> None:
    def say(line: str) -> None:
        out.print(line, markup=False)

    say(f"as of {document['as_of']}, {document['size']} entries")
    for node in document["nodes"]:
        say(f"{node['thing']} {_said(node)}")
    for title, edges in (("made from", document["upstream"]), ("leads to", document["downstream"])):
        say(f"{title}: {'' if edges else 'nothing recorded'}".rstrip())
        for edge in edges:
            ends = f"{_said(edge['from'])} -> {_said(edge['to'])}"
            say(f"  {ends}  {edge['relation']}  sha256 {edge['sha256'][:16]}…  entry {edge['entry']}")
    for missing in document["missing"]:
        say(f"missing: {missing['edge']}")


def _said(node: dict[str, Any]) -> str:
    return f"{node['name']}#{node['sha256'][:12]}" if node["sha256"] else str(node["name"])
