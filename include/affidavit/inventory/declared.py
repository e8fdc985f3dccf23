"""What every declaration is made of: its base, its kinds of text, and how it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

from affidavit.inventory import schedule as schedules

ID_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
CONNECTION_PATTERN = r"^[A-Za-z0-9_.-]+$"
EXPECTATION_PATTERN = r"^expect_[a-z0-9_]+$"

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN, max_length=60)]
"""Lower-case letters, digits and single hyphens."""

ConnectionId = Annotated[str, StringConstraints(pattern=CONNECTION_PATTERN, max_length=120)]
"""An Airflow connection id."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=250)]

Schedule = Annotated[Name, AfterValidator(schedules.checked)]
"""Five cron fields, or a preset of :mod:`affidavit.inventory.schedule`; times are UTC."""


RESERVED = "organisation"
"""Stands for the organisation wherever a system id is expected, so no AI system may be called that."""

_PATH = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_WITH_REF = ("git://", "github://")


class Declared(BaseModel):
    """Base of every declaration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def refuse(path: tuple[str | int, ...], problem: str, fix: str) -> PydanticCustomError:
    """What a validator raises: ``path`` leads from its own model to the field.

    ``load`` reads path and fix back out, to say them in its own form.
    """
    return PydanticCustomError("declared", "{problem}", {"path": path, "problem": problem, "fix": fix})


def check_address(file: str, *, example: str) -> None:
    """Refuse a ``file`` that is neither a path below include/ nor an fsspec URL without credentials."""
    if "://" not in file:
        if not _PATH.fullmatch(file):
            fix = f"name a file below include/, as {example}, or write an fsspec URL"
            raise refuse(("file",), "not a path below include/", fix)
    elif "?" in file or ("@" in file and not file.startswith(_WITH_REF)):
        # The address stands in the ledger, which cannot unsay a password.
        raise refuse(("file",), "an address with credentials or a query", "write it without them")


def first_again(keys: Iterable[object]) -> int | None:
    """Position of the first item that was there before."""
    seen: set[object] = set()
    return next((n for n, key in enumerate(keys) if key in seen or seen.add(key)), None)  # type: ignore[func-returns-value]


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


def once(field: str, items: Sequence[_Identified]) -> None:
    """Refuse a second item of ``field`` with the same id."""
    if (n := first_again(item.id for item in items)) is not None:
        what = field.removesuffix("s").replace("_", " ")
        raise refuse((field, n, "id"), f"a second {what} has the id {items[n].id!r}", f"give each {what} its own id")
