"""What spans of a trace come to: calls of tools, steps, reasons to finish. Pure; no text of theirs leaves it.

A span comes in one of two forms: as OTLP has it (attributes are a list of typed values), or as MLflow's own files do
(attributes by name, each as JSON text). Attributes are MLflow's, and those of OpenTelemetry's semantic conventions for
generative AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from affidavit.inventory.agents import OTHER
from affidavit.measure.traces import ToolUse

_STEPS = {"TOOL", "LLM", "CHAT_MODEL", "RETRIEVER"}
_MODELS = {"LLM", "CHAT_MODEL"}
_REFUSED = {"refusal", "content_filter"}


@dataclass(frozen=True, slots=True)
class Spans:
    """Of one trace; ``refused`` is None where no model gave a reason why it finished."""

    steps: int
    tools: tuple[ToolUse, ...]
    refused: bool | None


def understood(spans: Sequence[Any], tools: Iterable[str]) -> Spans | None:
    """What the spans come to; calls of other tools than ``tools`` are pooled. None where any is no span at all."""
    allowed = frozenset(tools)
    steps, calls, errors = 0, Counter[str](), Counter[str]()
    alike: dict[str, Counter[bytes]] = {}
    reasons = set[str]()
    for span in spans:
        if not isinstance(span, dict):
            return None
        attributes = _attributes(span.get("attributes"))
        kind = attributes.get("mlflow.spanType")
        steps += kind in _STEPS if isinstance(kind, str) else 0
        if kind == "TOOL":
            told = attributes.get("gen_ai.tool.name", span.get("name"))
            tool = told if isinstance(told, str) and told in allowed else OTHER
            calls[tool] += 1
            errors[tool] += _failed(span)
            alike.setdefault(tool, Counter())[_digest(told, attributes.get("mlflow.spanInputs"))] += 1
        elif isinstance(kind, str) and kind in _MODELS:
            reasons |= _reasons(attributes)
    used = tuple(ToolUse(tool, calls[tool], errors[tool], max(alike[tool].values())) for tool in sorted(calls))
    return Spans(steps, used, bool(reasons & _REFUSED) if reasons else None)


def _failed(span: Mapping[str, Any]) -> bool:
    status = span.get("status")
    return isinstance(status, dict) and status.get("code") in {"STATUS_CODE_ERROR", "ERROR", 2}


def _digest(tool: object, arguments: object) -> bytes:
    """Tells calls apart without keeping what they said."""
    try:
        text = json.dumps([tool, arguments], sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(arguments))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _reasons(attributes: Mapping[str, Any]) -> set[str]:
    found = attributes.get("gen_ai.response.finish_reasons")
    reasons = list(found) if isinstance(found, list) else []
    outputs = attributes.get("mlflow.spanOutputs")
    if isinstance(outputs, dict):  # as the chat interfaces of two vendors answer, which MLflow records as it is
        choices = outputs.get("choices")
        reasons += [each.get("finish_reason") for each in _dicts(choices)]
        reasons.append(outputs.get("stop_reason"))
    return {each for each in reasons if isinstance(each, str)}


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _attributes(value: object) -> dict[str, Any]:
    if isinstance(value, list):
        return {each["key"]: _plain(each.get("value")) for each in _dicts(value) if isinstance(each.get("key"), str)}
    return {key: _text(each) for key, each in value.items()} if isinstance(value, dict) else {}


def _text(value: object) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _plain(value: object) -> Any:
    """A typed value of OTLP's, as JSON has it."""
    if not isinstance(value, dict):
        return None
    if isinstance(many := value.get("array_value"), dict):
        return [_plain(each) for each in _dicts(many.get("values"))]
    if isinstance(many := value.get("kvlist_value"), dict):
        return {
            each["key"]: _plain(each.get("value"))
            for each in _dicts(many.get("values"))
            if isinstance(each.get("key"), str)
        }
    return next((each for key, each in value.items() if key.endswith("_value")), None)
