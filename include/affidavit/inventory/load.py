"""From YAML files to an inventory: each file on its own, so that a bad one never affects another.

    include/organisation.yaml      the organisation
    include/systems/<id>.yaml      one AI system each
    expectations/<name>.yaml       one suite each

Every error names file, line and field, and what to do; of values it repeats only plain ids, since any other might be
a password pasted into the wrong place. Airflow reads all files whenever it parses a DAG file, so this stays fast and
imports nothing heavy.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from affidavit.errors import ConfigurationError, InventoryError, SuiteError
from affidavit.inventory.controlled import DOCUMENT_PATTERN, ROLES_OF_DOCUMENTS
from affidavit.inventory.declared import CONNECTION_PATTERN, EXPECTATION_PATTERN, ID_PATTERN, RESERVED, Declared
from affidavit.inventory.document import Document, PathTo, display_name, dotted, read
from affidavit.inventory.models import Inventory, System
from affidavit.inventory.organisation import Organisation
from affidavit.inventory.records import BOOK_PATTERN
from affidavit.inventory.registers import ANSWER_PATTERN, FILE_PATTERN, PATH_PATTERN
from affidavit.inventory.suite import Suite

T = TypeVar("T", bound=Declared)
MARK = "drafted"
"""Key of an expectation that ``affidavit suite draft`` wrote, until a reviewer has decided on it."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_PATTERNS = {
    ID_PATTERN: "use lower-case letters, digits and single hyphens",
    CONNECTION_PATTERN: "use letters, digits, '_', '.' and '-'; name a connection, and keep its address in Airflow",
    EXPECTATION_PATTERN: "use the expectation's type, as expect_column_values_to_be_unique",
    DOCUMENT_PATTERN: "name a .md, .docx or .xlsx file: a path below include/, or an fsspec URL",
    BOOK_PATTERN: "name a .yaml, .csv or .xlsx file: a path below include/, as records/risks.yaml",
    FILE_PATTERN: "name a CSV file below include/, as registers/suppliers.csv",
    PATH_PATTERN: "begin it with / and leave out any query: credentials belong into the connection",
    ANSWER_PATTERN: "write keys and positions joined by dots, as model.version or versions.0",
}


@dataclass(frozen=True)
class Loaded:
    """What could be read, and what is wrong with the rest.

    ``broken`` maps the id of each AI system that cannot be used to why (``organisation`` where that file is at
    fault); a file whose name is no id stands there under its name, with other characters than ``A-Za-z0-9_.-``
    replaced by ``_``. A broken suite breaks the AI systems that use it; ``broken_suites`` names it by itself.
    """

    organisation: Organisation | None
    systems: Mapping[str, System]
    suites: Mapping[str, Suite]
    broken: Mapping[str, ConfigurationError]
    broken_suites: Mapping[str, ConfigurationError]

    @property
    def inventory(self) -> Inventory:
        """What could be read, as an inventory. Raises the organisation's error where there is none."""
        if self.organisation is None:
            raise self.broken[RESERVED]
        # Already validated, file by file.
        return Inventory.model_construct(
            organisation=self.organisation, systems=dict(self.systems), suites=dict(self.suites)
        )

    @property
    def errors(self) -> tuple[ConfigurationError, ...]:
        """Everything that is wrong, each once."""
        return tuple(dict.fromkeys((*self.broken.values(), *self.broken_suites.values())))


def load(directory: Path, suites: Path) -> Inventory:
    """The inventory under ``directory`` (a project's ``include/``) with the suites of another folder.

    Raises the first ``InventoryError`` or ``SuiteError``.
    """
    loaded = load_lenient(directory, suites)
    for error in loaded.errors:
        raise error
    return loaded.inventory


def load_lenient(directory: Path, suites: Path) -> Loaded:
    """Whatever can be read; never raises because of a file's content."""
    broken: dict[str, ConfigurationError] = {}
    organisation = _kept(RESERVED, lambda: load_organisation(directory / "organisation.yaml"), broken)
    good_suites, broken_suites = _folder(suites, load_suite, SuiteError)
    systems, broken_systems = _folder(directory / "systems", _system_in_place, InventoryError)
    broken.update(broken_systems)
    good: dict[str, System] = {}
    for key, (document, system) in systems.items():
        if _kept(key, lambda: _check(document, organisation, good_suites, broken_suites), broken):  # noqa: B023
            good[system.id] = system
    return Loaded(organisation, good, good_suites, broken, broken_suites)


def load_system(path: Path) -> System:
    """One AI system; whether its owner and suites exist is not looked at. Raises ``InventoryError``."""
    return _system_in_place(path)[1]


def load_organisation(path: Path) -> Organisation:
    """The organisation. Raises ``InventoryError``."""
    return _model(read(path, error=InventoryError), Organisation, error=InventoryError)


def load_suite(path: Path) -> Suite:
    """One expectation suite. Raises ``SuiteError``."""
    document = read(path, error=SuiteError)
    _refuse_draft(document)
    suite = _model(document, Suite, error=SuiteError)
    _named_as_its_file(document, ("name",), path, error=SuiteError)
    return suite


def _refuse_draft(document: Document) -> None:
    """A bound that was taken from the data that it will judge counts for nothing before a person has decided on it."""
    expectations = document.value.get("expectations")
    for position, each in enumerate(expectations if isinstance(expectations, list) else ()):
        if isinstance(each, Mapping) and MARK in each:
            raise SuiteError(
                "this expectation is a draft: its bounds come from the data that it will judge, and nobody reviewed it",
                where=document.where(("expectations", position, MARK)),
                fix=f"decide what must hold, say why, then remove the key {MARK!r}; or remove the expectation",
            )


def did_you_mean(word: object, known: Iterable[str], *, otherwise: str) -> str:
    """``did you mean 'x'?`` where something known is near, else ``otherwise``."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def _system_in_place(path: Path) -> tuple[Document, System]:
    document = read(path, error=InventoryError)
    system = _model(document, System, error=InventoryError)
    _named_as_its_file(document, ("id",), path, error=InventoryError)
    return document, system


def _folder(
    folder: Path, load_one: Callable[[Path], Any], error: type[ConfigurationError]
) -> tuple[dict[str, Any], dict[str, ConfigurationError]]:
    good: dict[str, Any] = {}
    broken: dict[str, ConfigurationError] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.suffix == ".yml":
            broken[_UNSAFE.sub("_", path.name)] = error(
                "this file is not read", where=display_name(path), fix=f"rename it to {path.stem}.yaml"
            )
        elif (value := _kept(_UNSAFE.sub("_", path.stem), lambda: load_one(path), broken)) is not None:  # noqa: B023
            good[path.stem] = value
    return good, broken


def _kept(key: str, make: Callable[[], Any], broken: dict[str, ConfigurationError]) -> Any:
    try:
        return make()
    except ConfigurationError as error:
        broken[key] = error
        return None


def _check(
    document: Document,
    organisation: Organisation | None,
    suites: Mapping[str, Suite],
    broken_suites: Mapping[str, ConfigurationError],
) -> bool:
    """What one file alone cannot say: that who answers is a role, and that each suite is there."""
    if organisation is not None:
        for path, role in _roles_named(document):
            if role not in organisation.roles:
                otherwise = "add it under roles in include/organisation.yaml"
                raise InventoryError(
                    f"there is no role {role!r} in the organisation",
                    where=document.where(path),
                    fix=did_you_mean(role, organisation.roles, otherwise=otherwise),
                )
    for key in ("datasets", "predictions"):
        for position, table in enumerate(document.value.get(key, ())):
            suite = table.get("suite")
            if suite in broken_suites:
                raise broken_suites[suite]
            if suite is not None and suite not in suites:
                raise InventoryError(
                    f"there is no suite {suite!r}",
                    where=document.where((key, position, "suite")),
                    fix=did_you_mean(suite, suites, otherwise=f"write expectations/{suite}.yaml"),
                )
    return True


def _roles_named(document: Document) -> Iterator[tuple[PathTo, str]]:
    yield ("owner",), document.value["owner"]
    for position, each in enumerate(document.value.get("documents", ())):
        for of in ROLES_OF_DOCUMENTS:
            yield ("documents", position, of), each[of]


def _named_as_its_file(document: Document, path: PathTo, file: Path, *, error: type[ConfigurationError]) -> None:
    found = document.value[path[0]]
    if found != file.stem:
        raise error(
            f"{found!r} is not the file's name, so two files could claim it",
            where=document.where(path),
            fix=f"rename the file to {found}.yaml, or write {path[0]}: {file.stem}",
        )


def _model(document: Document, model: type[T], *, error: type[ConfigurationError]) -> T:
    try:
        # Strict, so that "600" is no number and 1 is no text; by way of JSON, in which a list may become a tuple.
        return model.model_validate_json(json.dumps(document.value), strict=True)
    except ValidationError as cause:
        # A misspelt key is also an absent one: say first what is there and should not be.
        problems = sorted(cause.errors(include_url=False), key=lambda p: p["type"] != "extra_forbidden")
        path, problem, fix = _in_words(model, problems[0])
        more = f" (and {len(problems) - 1} more in this file)" if len(problems) > 1 else ""
        # The cause repeats input values, so it is not kept.
        raise error(f"{problem}{more}", where=document.where(path), fix=fix) from None


def _in_words(model: type[BaseModel], problem: Any) -> tuple[PathTo, str, str]:
    """Path, what is wrong, and the fix, of one of pydantic's problems."""
    path: PathTo = tuple(step for step in problem["loc"] if step != "[key]")
    context = problem.get("ctx", {})
    match problem["type"]:
        case "declared":
            path, text, fix = (*path, *context["path"]), context["problem"], context["fix"]
        case "extra_forbidden":
            known = _fields(model, path[:-1])
            text, fix = "unknown key", did_you_mean(path[-1], known, otherwise=f"the keys here are {', '.join(known)}")
        case "missing":
            text, fix = "this key is absent", f"add {dotted(path[-1:])}"
        case "literal_error":
            choices = re.findall(r"'([^']*)'", context["expected"])
            text = "not one of the values that are known here"
            fix = did_you_mean(problem["input"], choices, otherwise=f"choose {context['expected']}")
        case "value_error":
            text, fix = str(context["error"]), "write five cron fields, or @hourly, @daily, @weekly, @monthly"
        case "string_pattern_mismatch":
            text, fix = "not a name that is allowed here", _PATTERNS[context["pattern"]]
        case "string_type":
            text, fix = "not text", "put it in quotes"
        case _:
            text, fix = problem["msg"].removeprefix("Input "), "change it so"
    return path, text, fix


def _fields(model: type[BaseModel], path: PathTo) -> list[str]:
    """The keys that the model knows at ``path``."""
    at: Any = model
    for step in path:
        if isinstance(step, str) and isinstance(at, type) and issubclass(at, BaseModel):
            at = at.model_fields[step].annotation
        at = next((part for part in (at, *get_args(at)) if isinstance(part, type) and issubclass(part, BaseModel)), at)
    return list(at.model_fields) if isinstance(at, type) and issubclass(at, BaseModel) else []
