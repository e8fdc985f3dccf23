"""JSON Schema of the inventory's files, so that editors complete and check them."""

from __future__ import annotations

import json
from pathlib import Path

from affidavit.inventory.declared import Declared
from affidavit.inventory.models import System
from affidavit.inventory.organisation import Organisation
from affidavit.inventory.suite import Suite

MODELS: dict[str, type[Declared]] = {"organisation": Organisation, "suite": Suite, "system": System}


def schemas() -> dict[str, str]:
    """File name to text, for each kind of file (JSON Schema 2020-12)."""
    texts = {}
    for name, model in MODELS.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | model.model_json_schema()
        texts[f"{name}.schema.json"] = json.dumps(schema, indent=2, sort_keys=True) + "\n"
    return texts


def write(directory: Path) -> None:
    """Write all of them into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (directory / name).write_text(text, encoding="utf-8")
