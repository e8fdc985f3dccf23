"""Suites written short."""

from typing import Any

from affidavit.inventory import Suite


def expects(type_: str, /, **kwargs: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "quality": "validity"}


def suite(*expectations: dict[str, Any], name: str = "applications") -> Suite:
    return Suite.model_validate({"name": name, "description": "A suite", "expectations": list(expectations)})
