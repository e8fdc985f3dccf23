"""What a check can come to, what it reads, and who writes that: by the code, over everything that a check may call.

All three are upper bounds. A status that they leave out, no entry can bring about.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import affidavit
from affidavit.evidence import kinds
from affidavit.projections import State, scope
from affidavit.rules.registry import Check
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

_KINDS = {name: kind.name for name, kind in vars(kinds).items() if isinstance(kind, kinds.Kind)}
_IN_MEMORY = ("collect.challenge", kinds.COLLECTION.name)
"""A challenge folds what it saw of a bad copy as if it had been collected, and writes it nowhere."""
_OF_EVERY_KIND = {"name", "streams", "history", "subjects"}


@cache
def can_be(check: Check) -> frozenset[Status]:
    """The statuses that a check names, itself or in whatever it may call."""
    found: set[Status] = set()
    for code, module in _reached(check.function):
        names = _names(code)
        found |= {status for status in Status if status.name in names}
        tables = (vars(module).get(name) for name in names)
        found |= {status for table in tables if isinstance(table, Mapping) for status in _held(table)}
    return frozenset(found)


def _held(table: Mapping[Any, Any]) -> Iterator[Status]:
    for value in table.values():
        yield from (each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Status))


@cache
def reads(check: Check) -> frozenset[str]:
    """The kinds of statement that a check reads, by name."""
    found: set[str] = set()
    for code, _ in _reached(check.function):
        for name in _names(code):
            found |= {_KINDS[name]} if name in _KINDS else _fields().get(name, set())
    return frozenset(found)


@cache
def _fields() -> Mapping[str, set[str]]:
    """Each field of the folded state with the kinds of statement that fill it."""
    found = {"decisions": {kinds.DECISION.name}}
    for kind, read in scope._READS.items():
        for name in set(read.__code__.co_names) & scope.ScopeState.__dataclass_fields__.keys() - _OF_EVERY_KIND:
            found.setdefault(name, set()).add(kind)
    return found


@cache
def writers() -> Mapping[str, frozenset[str]]:
    """Each kind of statement with the modules that draft it for the ledger, as ``collect.tables``."""
    found: dict[str, set[str]] = {}
    home = Path(affidavit.__file__).parent
    for file in (*home.glob("collect/*.py"), *home.glob("pipeline/*.py")):
        module = f"{file.parent.name}.{file.stem}"
        for kind in _drafted(ast.parse(file.read_text("utf-8"))):
            if (module, kind) != _IN_MEMORY:
                found.setdefault(kind, set()).add(module)
    return {kind: frozenset(modules) for kind, modules in found.items()}


def _drafted(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _function(call).lower().endswith(("draft", "declared")):
            for given in (*call.args, *(each.value for each in call.keywords)):
                if isinstance(given, ast.Attribute) and ast.unparse(given.value) == "kinds":
                    yield _KINDS[given.attr]


def _function(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _reached(function: Any) -> Iterator[tuple[CodeType, ModuleType]]:
    """The code of a function and of everything of rules and projections that it may call, each with its module."""
    todo, seen = [function], set()
    while todo:
        one = todo.pop()
        if one in seen or not one.__module__.startswith(("affidavit.rules.", "affidavit.projections.")):
            continue
        seen.add(one)
        module = sys.modules[one.__module__]
        yield one.__code__, module
        classes = [
            each for each in vars(module).values() if isinstance(each, type) and each.__module__ == one.__module__
        ]
        for name in _names(one.__code__):
            todo += _functions(vars(module).get(name))
            for owner in (ScopeView, State, scope.ScopeState, *classes):
                todo += _functions(vars(owner).get(name))


def _functions(found: Any) -> Iterator[FunctionType]:
    if isinstance(found, type):
        return
    found = getattr(found, "__wrapped__", found)
    if isinstance(found, property):
        found = found.fget
    if isinstance(found, cached_property):
        found = found.func
    if isinstance(found, FunctionType):
        yield found


def _names(code: CodeType) -> frozenset[str]:
    """The names that code speaks of, that of functions within it too."""
    inner = (_names(each) for each in code.co_consts if isinstance(each, CodeType))
    return frozenset(code.co_names).union(*inner)
