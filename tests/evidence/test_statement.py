from datetime import UTC, datetime

import pytest

from affidavit.errors import FieldNotAllowed, StatementTooLarge
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Origin,
    Period,
    Stage,
    Statement,
    Subject,
    dumps,
    kinds,
)

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


def alias(version: str | None = "1", *, seen: Circumstances | None = None, scope: str = "system:x") -> Draft:
    facts = {"model": "m", "alias": "champion", "version": version}
    return Draft(
        kind=kinds.MODEL_ALIAS,
        scope=scope,
        stage=Stage.DEPLOYMENT,
        origin=Origin.RECORDED,
        subjects=(Subject.of_facts("mlflow://tracking/models/m@champion", facts),),
        facts=facts,
        collector=Collector("mlflow-models", "0"),
        seen=seen or Circumstances(NOON),
    )


def test_a_sealed_leaf_reads_back_as_the_same_statement():
    draft = alias()
    statement = Statement.parse(draft.seal(None))
    assert statement.facts == draft.facts
    assert statement.identity == draft.statement.identity
    assert statement.supersedes is None


def test_when_and_by_which_code_it_was_seen_is_no_part_of_the_compared_facts():
    later = alias(seen=Circumstances(NOON.replace(hour=13)))
    assert later.statement.facts_digest == alias().statement.facts_digest
    assert later.seal(None) != alias().seal(None)


def test_a_demonstration_is_not_the_same_evidence_as_the_real_thing():
    staged = alias(seen=Circumstances(NOON, demonstration="scripted"))
    assert staged.statement.facts_digest != alias().statement.facts_digest


def test_streams_differ_by_scope_and_by_interval():
    assert alias(scope="system:y").statement.stream != alias().statement.stream
    one = Period(NOON, NOON.replace(hour=13))
    draft = alias()
    slotted = Draft(**{**{k: v for k, v in draft.__dict__.items() if k != "statement"}, "interval": one})
    assert slotted.statement.stream != draft.statement.stream


def test_identity_depends_on_the_superseded_leaf():
    first, again = Statement.parse(alias().seal(None)), Statement.parse(alias().seal(b"\x01" * 32))
    assert first.stream == again.stream
    assert first.facts_digest == again.facts_digest
    assert first.identity != again.identity


def test_a_field_the_kind_does_not_name_never_enters():
    draft = alias()
    with pytest.raises(FieldNotAllowed, match="'applicant'"):
        Draft(**{**draft.__dict__, "facts": {**draft.facts, "applicant": "somebody"}})


def test_the_refusal_does_not_repeat_the_value():
    draft = alias()
    with pytest.raises(FieldNotAllowed) as caught:
        Draft(**{**draft.__dict__, "facts": {**draft.facts, "version": ["hunter2"]}})
    assert "hunter2" not in str(caught.value)


def test_a_leaf_holds_at_most_65535_bytes():
    tags = {f"tag{i}": "x" * 7000 for i in range(10)}
    facts = {
        "model": "m",
        "version": "1",
        "lifecycle": "active",
        "status": "READY",
        "created_at": "2026-03-14T12:00:00.000Z",
        "run": None,
        "logged_model": None,
        "described": False,
        "signature": False,
        "environment": False,
        "artifacts": None,
        "tags": tags,
        "withheld": {"tags": 0},
    }
    draft = Draft(**{**alias().__dict__, "kind": kinds.MODEL_VERSION, "facts": facts})
    with pytest.raises(StatementTooLarge, match="65,535"):
        draft.seal(None)


def test_a_public_predicate_type_keeps_its_own_fields_at_the_top():
    digest = "0" * 64
    facts = {
        "result": "FAILED",
        "configuration": [{"name": "expectations/a.yaml", "digest": {"sha256": digest}}],
        "passedTests": [],
        "warnedTests": [],
        "failedTests": ["t"],
        "dataset": "d",
        "suite": "a",
        "rows": 3,
        "carried": 0,
        "failed": [{"test": "t", "column": "c", "unexpected": 1, "missing": 0, "reason": None}],
        "details": {"digest": {"sha256": digest}, "media_type": "application/json"},
    }
    statement = Statement.parse(Draft(**{**alias().__dict__, "kind": kinds.VALIDATION, "facts": facts}).seal(None))
    assert set(statement.document["predicate"]) == {*kinds.VALIDATION.foreign, "affidavit"}
    assert statement.facts == facts


def test_an_unknown_kind_is_shown_and_not_known():
    document = {**alias().statement.document, "predicateType": "urn:elsewhere:thing:v9"}
    statement = Statement.parse(dumps(document))
    assert not statement.known
    assert statement.kind == "urn:elsewhere:thing:v9"
