"""Reading the catalogue's files. Nothing is read at import; everything that is not understood is refused."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any, get_args

import yaml

from affidavit.catalogue.requirement import TOPICS, Automation, Catalogue, CheckCall, Link, Policy, Requirement, Scope
from affidavit.errors import ConfigurationError
from affidavit.evidence.canonical import dumps

_LISTS = ("lifecycle", "topics", "evidence", "parts")
_TEXTS = ("id", "title", "area", "scope", "automation", "summary", "check", "question")
_KEYS = {*_TEXTS, *_LISTS, "crosswalks"}
_MORE = {"controls.yaml": {"guidance"}, "clauses.yaml": {"record_expected"}}
_OPTIONAL = {"group"}
_PLACE = "affidavit/catalogue"

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where there is one: 0.04 s of CPU and not 0.3, in each process and each Airflow task."""


@functools.cache
def load() -> Catalogue:
    """The packaged catalogue, read once."""
    folder = resources.files("affidavit.catalogue")
    return parse(
        controls=folder.joinpath("controls.yaml").read_text("utf-8"),
        clauses=folder.joinpath("clauses.yaml").read_text("utf-8"),
        policy=folder.joinpath("policy.yaml").read_text("utf-8"),
    )


def digest() -> str:
    """SHA-256, in hexadecimal, of the packaged catalogue."""
    return load().digest


def parse(*, controls: str, clauses: str, policy: str) -> Catalogue:
    """Read a catalogue from the text of its three files.

    Raises ``ConfigurationError`` naming file, id and field for an unknown or absent key, a wrong type, a duplicate id,
    an unknown topic, scope or automation, or a requirement without parts.
    """
    data = {
        "clauses.yaml": _document(clauses, "clauses.yaml", list),
        "controls.yaml": _document(controls, "controls.yaml", list),
        "policy.yaml": _document(policy, "policy.yaml", dict),
    }
    seen: set[str] = set()
    return Catalogue(
        clauses=tuple(_requirement(item, "clauses.yaml", seen) for item in data["clauses.yaml"]),
        controls=tuple(_requirement(item, "controls.yaml", seen) for item in data["controls.yaml"]),
        policy=_policy(data["policy.yaml"]),
        digest=hashlib.sha256(dumps(data)).hexdigest(),
    )


def _document(text: str, file: str, kind: type) -> Any:
    try:
        data = yaml.load(text, Loader=_LOADER)  # noqa: S506  a safe one
    except yaml.YAMLError as error:
        raise _wrong(f"not YAML ({error})", file) from error
    if not isinstance(data, kind):
        raise _wrong(f"a {kind.__name__} is expected at the top", file)
    return data


def _requirement(item: Any, file: str, seen: set[str]) -> Requirement:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str):
        raise _wrong("a requirement without an id in quotes", file)
    where = f"{file}: {item['id']}"
    _check_keys(item, where, required=_KEYS | _MORE[file], optional=_OPTIONAL)
    for name in _TEXTS:
        if not isinstance(item[name], str) or not item[name].strip():
            raise _wrong(f"{name} is not text", where)
    for name in _LISTS:
        if not isinstance(item[name], list) or not item[name]:
            raise _wrong(f"{name} is not a list with something in it", where)
    if item["id"] in seen:
        raise _wrong("this id appears twice", where, "give each requirement one entry")
    seen.add(item["id"])
    _one_of(item["scope"], get_args(Scope), "scope", where)
    _one_of(item["automation"], get_args(Automation), "automation", where)
    for topic in item["topics"]:
        _one_of(topic, TOPICS, "topic", where)
    return Requirement(
        clause=file == "clauses.yaml",
        group=item.get("group", ""),
        crosswalks=_links(item["crosswalks"], where),
        parts=tuple(_call(part, where) for part in item["parts"]),
        **{name: item[name] for name in _TEXTS},
        lifecycle=tuple(item["lifecycle"]),
        topics=tuple(item["topics"]),
        evidence=tuple(item["evidence"]),
    )


def _links(data: Any, where: str) -> tuple[Link, ...]:
    if not isinstance(data, dict) or not all(isinstance(links, dict) for links in data.values()):
        raise _wrong("crosswalks is not framework -> reference -> supporters", where)
    return tuple(
        Link(framework, reference, tuple(support))
        for framework, links in data.items()
        for reference, support in links.items()
    )


def _call(part: Any, where: str) -> CheckCall:
    if not isinstance(part, dict):
        raise _wrong("a part is not an object with the name of its check", where)
    _check_keys(part, f"{where}: parts", required={"check"}, optional={"params"})
    return CheckCall(part["check"], MappingProxyType(dict(part.get("params", {}))))


def _policy(data: Mapping[str, Any]) -> Policy:
    _check_keys(data, "policy.yaml", required=set(Policy.__dataclass_fields__), optional=set())
    for name, value in data.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise _wrong(f"{name} is not a count", "policy.yaml")
    return Policy(**data)


def _check_keys(data: Mapping[str, Any], where: str, *, required: set[str], optional: set[str]) -> None:
    if unknown := sorted(set(data) - required - optional):
        raise _wrong(f"unknown key {unknown[0]!r}", where, "remove it, or name it in affidavit.catalogue.reading")
    if absent := sorted(required - set(data)):
        raise _wrong(f"the key {absent[0]!r} is absent", where)


def _one_of(value: object, allowed: tuple[str, ...], what: str, where: str) -> None:
    if value not in allowed:
        raise _wrong(f"unknown {what} {value!r}", where, f"use one of {', '.join(allowed)}")


def _wrong(problem: str, where: str, fix: str = "") -> ConfigurationError:
    return ConfigurationError(problem, where=f"{_PLACE}/{where}", fix=fix)
