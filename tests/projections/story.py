"""A ledger in memory and the statements that fill it: one AI system whose evidence is all there, unless told otherwise.

The system ``loans`` is due daily. Its data is validated on the first day and its model trained in the afternoon; the
second day's collection finds the version in use.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from affidavit.evidence import (
    ORGANISATION_SCOPE,
    Circumstances,
    Collector,
    Draft,
    Entry,
    Kind,
    Origin,
    Period,
    Stage,
    Subject,
    dumps,
    kinds,
    timestamp,
)
from affidavit.evidence.measured import measured_name
from affidavit.inventory import Endpoint, Organisation, Register, Suite, System
from affidavit.projections import Need

DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 2, 0, 5, tzinfo=UTC)
"""Just after the slot of 1 March ended."""
TRAINED = FIRST + timedelta(hours=9)
SCOPE = "system:loans"
RUN = "mlflow://tracking/runs/r1"
TRAIN, TEST, SCORED = (f"warehouse://bank/loans_{name}" for name in ("train", "test", "scored"))
TABLES = {"train": TRAIN, "test": TEST, "scored": SCORED}
STEPS = ("declarations", "table:train", "table:test", "table:scored", "mlflow-runs", "mlflow-models", "lineage")
AGREEING = {
    "consistency": "one snapshot of both",
    "matched": 100,
    "only_here": 0,
    "only_there": 0,
    "repeated_here": 0,
    "repeated_there": 0,
    "blank_here": 0,
    "blank_there": 0,
}
NONE_WITHHELD = {"metrics": 0, "params": 0, "tags": 0, "inputs": 0, "outputs": 0}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


SUITE = Suite.model_validate(
    {
        "name": "loans",
        "description": "What a loan can be.",
        "expectations": [
            {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}, "quality": "completeness"},
            {
                "type": "expect_column_mean_to_be_between",
                "kwargs": {"column": "group", "min_value": 0.1, "max_value": 0.3},
                "quality": "representativeness",
            },
        ],
    }
)


def system(**changes: Any) -> dict[str, Any]:
    declared = {
        "id": "loans",
        "title": "Loans",
        "purpose": "Recommends whether to grant a loan.",
        "organisation_role": "deployer",
        "risk_level": "high",
        "owner": "ml-lead",
        "schedule": "@daily",
        "mlflow": {"connection": "tracking", "experiments": ["loans"], "registered_models": ["loans"]},
        "datasets": [
            {"id": "train", "connection": "bank", "table": "loans_train", "use": "training", "suite": "loans"},
            {"id": "test", "connection": "bank", "table": "loans_test", "use": "test", "suite": "loans"},
        ],
        "predictions": [
            {
                "id": "scored",
                "connection": "bank",
                "table": "loans_scored",
                "suite": "loans",
                "label": "granted",
                "score": "score",
            }
        ],
    }
    return System.model_validate({**declared, **changes}).model_dump(mode="json")


def organisation(**changes: Any) -> dict[str, Any]:
    declared = {
        "id": "bank",
        "title": "Bank",
        "roles": {
            "ml-lead": {"title": "ML lead", "holders": ["p-1"]},
            "data-owner": {"title": "Data owner", "holders": ["p-2"]},
            "governance-lead": {"title": "Governance lead", "holders": ["p-3"]},
        },
        "owners": {"A.7": "data-owner", "A.7.4": "ml-lead", "4": "governance-lead"},
    }
    return Organisation.model_validate({**declared, **changes}).model_dump(mode="json")


TABLE = {"kind": "table", "sha256": None}


def result(measure: str, value: float | None, **changes: Any) -> dict[str, Any]:
    """One result of a measurement, over 100 rows."""
    why = None if value is not None else "too few rows"
    ends = {"low": None, "high": None}
    return {"measure": measure, "about": None, "group": {}, "value": value, **ends, "n": 100, "why": why, **changes}


@dataclass
class Story:
    """A ledger in memory, and what time it is."""

    now: datetime = FIRST
    entries: list[Entry] = field(default_factory=list)
    latest: dict[bytes, Entry] = field(default_factory=dict)
    demonstration: str | None = None
    people: dict[str, Any] = field(default_factory=dict)

    def leaf(self, leaf: bytes) -> Entry:
        entry = Entry(len(self.entries), leaf)
        self.entries.append(entry)
        return entry

    def write(self, draft: Draft) -> Entry:
        """Append as the ledger does: the same facts as the latest of the stream add nothing."""
        before = self.latest.get(draft.statement.stream)
        if before and before.statement.facts_digest == draft.statement.facts_digest:
            return before
        entry = self.leaf(draft.seal(before.leaf_hash if before else None))
        self.latest[draft.statement.stream] = entry
        return entry

    def draft(
        self, kind: Kind, name: str, facts: dict[str, Any], *, scope: str = SCOPE, sha256: str = "", **rest: Any
    ) -> Draft:
        more, collector = rest.pop("more", ()), rest.pop("collector", "test")
        rest = {"stage": Stage.CROSS, "origin": Origin.OBSERVED, **rest}
        return Draft(
            kind=kind,
            scope=scope,
            subjects=(Subject(name, sha256) if sha256 else Subject.of_facts(name, facts), *more),
            facts=facts,
            collector=Collector(collector, "0"),
            seen=Circumstances(self.now, demonstration=self.demonstration),
            **rest,
        )

    def say(self, kind: Kind, name: str, facts: dict[str, Any], **rest: Any) -> Entry:
        return self.write(self.draft(kind, name, facts, **rest))

    def declare(self, **changes: Any) -> Entry:
        facts = {"file": "include/systems/loans.yaml", "system": system(**changes)}
        return self.say(kinds.SYSTEM, "affidavit://systems/loans", facts, origin=Origin.DECLARED)

    def declare_organisation(self, *, systems: tuple[str, ...] = ("loans",), **changes: Any) -> Entry:
        facts = {
            "file": "include/organisation.yaml",
            "organisation": organisation(**{"people": self.people, **changes}),
            "systems": list(systems),
        }
        name = "affidavit://organisations/bank"
        return self.say(kinds.ORGANISATION, name, facts, scope=ORGANISATION_SCOPE, origin=Origin.DECLARED)

    def suite(self, suite: Suite = SUITE, **rest: Any) -> Entry:
        facts = {"file": f"expectations/{suite.name}.yaml", "suite": suite.model_dump(mode="json")}
        return self.say(kinds.SUITE, f"affidavit://suites/{suite.name}", facts, origin=Origin.DECLARED, **rest)

    def snapshot(
        self,
        table: str,
        state: str = "1",
        *,
        rows: int = 100,
        relation: Any = TABLE,
        consistency: str = "one transaction",
        coverage: str = "all rows",
        **rest: Any,
    ) -> Entry:
        fingerprint = digest(f"{table} {state}")
        facts = {
            "dataset": table,
            "table": f"loans_{table}",
            "use": "training",
            "columns": [{"name": "id", "type": "BIGINT", "nulls": 0}],
            "columns_omitted": 0,
            "rows": rows,
            "time": None,
            "fingerprint": {"sha256": fingerprint, "method": "test/1", "coverage": coverage},
            "consistency": consistency,
            "relation": relation,
            "details": None,
        }
        return self.say(kinds.DATASET_SNAPSHOT, TABLES[table], facts, sha256=fingerprint, **rest)

    def validation(
        self,
        table: str,
        state: str = "1",
        *,
        failed: tuple[str, ...] = (),
        warned: tuple[str, ...] = (),
        suite: str = SUITE.digest,
        carried: int = 0,
        **rest: Any,
    ) -> Entry:
        facts = {
            "result": "FAILED" if failed else "WARNED" if warned else "PASSED",
            "configuration": [{"name": "expectations/loans.yaml", "digest": {"sha256": suite}}],
            "passedTests": [each.test for each in SUITE.expectations if each.test not in {*failed, *warned}],
            "warnedTests": list(warned),
            "failedTests": list(failed),
            "dataset": table,
            "suite": "loans",
            "rows": 100,
            "carried": carried,
            "failed": [],
            "details": {"digest": {"sha256": digest("details")}, "media_type": "application/json"},
        }
        return self.say(kinds.VALIDATION, TABLES[table], facts, sha256=digest(f"{table} {state}"), **rest)

    def look_at_table(self, table: str, state: str = "1", *, failed: tuple[str, ...] = ()) -> None:
        self.snapshot(table, state)
        self.validation(table, state, failed=failed)

    def run(self, *, trained: datetime | None = TRAINED, **changes: Any) -> Entry:
        facts = {
            "status": "FINISHED",
            "lifecycle": "active",
            "experiment": {"id": "1", "name": "loans"},
            "parent": None,
            "source": {"commit": "9c1e", "dirty": False},
            "metrics": {"roc_auc": 0.8},
            "params": {"C": "0.5"},
            "tags": {},
            "inputs": [
                {"name": "train", "context": "training", "source_digest": "abc", "fingerprint": None, "rows": 100},
                {"name": "test", "context": "evaluation", "source_digest": "def", "fingerprint": None, "rows": 100},
            ],
            "outputs": [],
            "artifacts": None,
            "withheld": NONE_WITHHELD,
            **changes,
        }
        period = Period(trained, trained + timedelta(minutes=1)) if trained else None
        more = tuple(Subject(each["name"], each["digest"]) for each in facts["outputs"])
        return self.say(kinds.MODEL_RUN, RUN, facts, origin=Origin.RECORDED, effective=period, more=more)

    def version(self, name: str = "1", **changes: Any) -> Entry:
        facts = {
            "model": "loans",
            "version": name,
            "lifecycle": "active",
            "status": "READY",
            "created_at": timestamp(TRAINED),
            "run": RUN,
            "logged_model": None,
            "described": True,
            "signature": True,
            "environment": True,
            "artifacts": None,
            "tags": {},
            "withheld": {"tags": 0},
            **changes,
        }
        subject = f"mlflow://tracking/models/loans/versions/{name}"
        tree = facts["artifacts"]
        more = (
            (Subject(facts["logged_model"] or f"{subject}/artifacts", tree["sha256"]),)
            if tree and tree["sha256"]
            else ()
        )
        return self.say(kinds.MODEL_VERSION, subject, facts, origin=Origin.RECORDED, more=more)

    def alias(self, version: str | None = "1", **rest: Any) -> Entry:
        facts = {"model": "loans", "alias": "champion", "version": version}
        subject = "mlflow://tracking/models/loans@champion"
        return self.say(kinds.MODEL_ALIAS, subject, facts, **{"origin": Origin.RECORDED, **rest})

    def edge(self, table: str, state: str = "1", *, relation: str = "trained on", **rest: Any) -> Entry:
        facts = {
            "relation": relation,
            "from": {"name": TABLES[table], "digest": digest(f"{table} {state}")},
            "to": {"name": RUN, "digest": digest("run")},
            "basis": "matched by name",
        }
        name = f"affidavit://lineage/{TABLES[table]}->{RUN}"
        return self.say(kinds.LINEAGE_EDGE, name, facts, **{"origin": Origin.RECORDED, **rest})

    def model(self) -> None:
        """A version in use, traced to its tables."""
        self.run()
        self.version()
        self.alias()
        self.edge("train")
        self.edge("test", relation="evaluated on")

    def register(self, declared: dict[str, Any], *, scope: str = SCOPE, **changes: Any) -> Entry:
        """A look at a register (as declared) that finds 100 rows of yesterday, all of them in its second source."""
        register = Register.model_validate(declared)
        rows = changes.get("rows", 100)
        second = register.reconcile
        facts = {
            "register": register.id,
            "kind": register.kind,
            "source": register.uri,
            "upload": register.file is not None,
            "hidden": changes.get("hidden", {}),
            "rows": rows,
            "columns": {role: {"column": column, "blank": 0} for role, column in register.columns.items()},
            "categories": {},
            "undated": 0,
            "days": [{"day": (self.now - DAY).date().isoformat(), "rows": rows, "categories": {}}] if rows else [],
            "days_omitted": 0,
            "rows_omitted": 0,
            "fingerprint": {"sha256": digest(f"{register.id} {rows}"), "method": "test/1", "coverage": "all rows"},
            "consistency": "one transaction",
            "reconciled": {"with": second.uri, **AGREEING} if second else None,
            **changes,
        }
        origin = Origin.DECLARED if register.file else Origin.OBSERVED
        return self.say(kinds.REGISTER, register.name, facts, scope=scope, origin=origin)

    def serving(self, declared: dict[str, str], version: str | None = "1", **changes: Any) -> Entry:
        """What an endpoint (as declared) said."""
        endpoint = Endpoint.model_validate(declared)
        facts = {
            "endpoint": endpoint.id,
            "model": endpoint.model,
            "source": endpoint.uri,
            "version": version,
            "unknown": None if version else "no answer within 60 s",
            **changes,
        }
        return self.say(kinds.SERVING_VERSION, endpoint.name, facts)

    def measured(self, family: str = "performance", state: str = "1", *, results: Any = None, **changes: Any) -> Entry:
        """What was measured of the scored table, of version 1; ``results`` are (measure, value) or whole results."""
        origin, stream = changes.pop("origin", Origin.RECORDED), changes.pop("stream", None)
        digests = {"sha256": digest(f"scored {state}"), "method": "test/1", "coverage": "all rows"}
        facts = {
            "family": family,
            "source": "scored",
            "model": "loans",
            "version": "1",
            "rows": 100,
            "left_out": {},
            "fingerprint": digests,
            "consistency": "one transaction",
            "settings": {},
            "thresholds": None,
            "results": [
                one if isinstance(one, dict) else result(*one)
                for one in ([("recall", 0.8)] if results is None else results)
            ],
            "results_omitted": 0,
            "canary": False,
            "details": None,
            **changes,
        }
        name = measured_name(facts["source"], family, version=stream, canary=facts["canary"])
        return self.say(kinds.MEASUREMENT, name, facts, origin=origin)

    def unreconciled(self, server: str = "tracking", **found: list[str]) -> Entry:
        facts = {"experiments": [], "registered_models": [], "dags": [], "not_looked_at": [], **found}
        return self.say(kinds.UNRECONCILED, f"affidavit://unreconciled/{server}", facts, scope=ORGANISATION_SCOPE)

    def collection(
        self,
        *,
        steps: tuple[str, ...] = STEPS,
        scope: str = SCOPE,
        gap: str | None = None,
        slot: Period | None = None,
        **counts: Any,
    ) -> Entry:
        """The end of the slot that is over now, or of another."""
        midnight = self.now.replace(hour=0, minute=0)
        slot = slot or Period(midnight - DAY, midnight)
        collectors = {
            step: {
                "window": None,
                "enumerated": 1,
                "read": 1,
                "new": 0,
                "unchanged": 1,
                "withheld": 0,
                "notice_delay_seconds": 0,
                "cursor": {"at": timestamp(self.now)},
                **counts,
            }
            for step in steps
        }
        facts = {"slot": slot.json(), "gap": gap, "collectors": {} if gap else collectors}
        return self.say(kinds.COLLECTION, f"affidavit://collections/{scope}", facts, scope=scope, interval=slot)

    def collect_organisation(self, *, systems: tuple[str, ...] = ("loans",)) -> None:
        self.declare_organisation(systems=systems)
        self.unreconciled()
        self.collection(scope=ORGANISATION_SCOPE, steps=("declarations", "unreconciled"))

    def collect_tables(self) -> None:
        self.declare()
        self.suite()
        for table in TABLES:
            self.look_at_table(table)

    def unknown(self, *, predicate_type: str = "urn:elsewhere:thing:v9", like: Draft | None = None) -> Entry:
        """An entry of a kind that nobody here knows, however much it looks like evidence."""
        draft = like or self.draft(kinds.MODEL_ALIAS, "x", {"model": "m", "alias": "champion", "version": "1"})
        return self.leaf(dumps({**draft.statement.document, "predicateType": predicate_type}))

    def forged(self, draft: Draft, **facts: Any) -> Entry:
        """An entry whose facts are not what its kind allows."""
        document = dict(draft.statement.document)
        document["predicate"] = {**document["predicate"], **facts}
        return self.leaf(dumps(document))


def first_day(**told: Any) -> Story:
    """Declared, validated and collected; nothing trained yet."""
    story = Story(**told)
    story.collect_organisation()
    story.collect_tables()
    story.collection()
    return story


def second_day(story: Story) -> Story:
    """The next day's collection finds the same tables, and the version in use where there is one."""
    story.now = FIRST + DAY
    story.collect_organisation()
    story.collect_tables()
    story.collection()
    return story


def told(**rest: Any) -> Story:
    """Everything as it should be: collected on two days, with a model trained in between."""
    story = first_day(**rest)
    story.now = FIRST + DAY
    story.model()
    return second_day(story)


PEOPLE: dict[str, Any] = {
    "p-1": {"competence": ["A.6"], "deputy": "p-4"},
    "p-2": {"competence": ["A.7", "A.6", "6.3"]},
    "p-3": {"competence": ["6"]},
    "p-4": {},
    "bot": {"service": True},
}


def decide(story: Story, need: Need, by: str | None = "p-1", option: str | None = None, **changes: Any) -> Entry:
    """An answer to a need, asked for an hour ago with the ledger as it is now; approval unless told otherwise."""
    basis = changes.pop("basis", {"size": len(story.entries), "root": digest("root")})
    facts = {
        **need.facts(),
        "option": option or need.options[0],
        "held": [],
        "state": "answered",
        "responder": "person",
        "authentication": {"manager": "SimpleAuthManager", "all_admins": False},
        "asked_at": timestamp(story.now - timedelta(hours=1)),
        "answered_at": timestamp(story.now),
        "try": 1,
        "dag_run": need.id,
        "details": {"digest": {"sha256": digest("reasons")}, "media_type": "text/markdown"},
        **changes,
    }
    return story.say(kinds.DECISION, need.subject, facts, scope=need.scope, origin=Origin.DECLARED, by=by, basis=basis)
