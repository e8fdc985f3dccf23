"""What really serves: a scoring endpoint is asked which version of its model that is.

An endpoint that is down, answers with an error or names no version is recorded as just that: it says nothing of what
serves, and must not keep the rest of a collection from being recorded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

import affidavit
from affidavit.collect.look import Look
from affidavit.collect.rest import Answer, Api
from affidavit.errors import SourceError
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Stage, Subject, kinds, system_scope
from affidavit.inventory import Connection, Endpoint, System

_VERSION = re.compile(r"[A-Za-z0-9._:/@-]{1,200}")


class _Document(Answer):
    """Any JSON object."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)


def look_at_endpoint(system: System, endpoint: Endpoint, *, connection: Connection, seen: Circumstances) -> Look:
    """Ask one endpoint of an AI system, once. Raises ``ConfigurationError`` for a connection that is no address."""
    version, unknown = ask(endpoint, connection)
    facts = {
        "endpoint": endpoint.id,
        "model": endpoint.model,
        "source": endpoint.uri,
        "version": version,
        "unknown": unknown,
    }
    name = f"serving:{endpoint.id}"
    draft = Draft(
        kind=kinds.SERVING_VERSION,
        scope=system_scope(system.id),
        stage=Stage.DEPLOYMENT,
        origin=Origin.OBSERVED,
        subjects=(Subject.of_facts(endpoint.name, facts),),
        facts=facts,
        collector=Collector(name, affidavit.__version__),
        seen=seen,
    )
    # What it served between two looks is unknown: no delay could be named within which a change is noticed.
    return Look(name, (draft,), enumerated=1, read=1 if version else 0)


def ask(endpoint: Endpoint, connection: Connection) -> tuple[str | None, str | None]:
    """The version that an endpoint names, or why none is known. Raises ``ConfigurationError`` as above."""
    with Api(connection, product="scoring endpoint") as api:
        try:
            version = _at(endpoint.version, api.get(_Document, endpoint.path).model_extra)
        except SourceError as error:
            return None, error.problem
    return version, None if version else f"its answer names no version at {endpoint.version}"


def _at(path: str, document: Any) -> str | None:
    """The version at ``path``: keys and positions joined by dots; None where no plain name or number stands there."""
    for step in path.split("."):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdecimal() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    if isinstance(document, bool) or not isinstance(document, str | int):
        return None
    return str(document) if _VERSION.fullmatch(str(document)) else None
