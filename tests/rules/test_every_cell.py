"""Every requirement at every status that it can take; what it cannot take, for a reason that the code bears out.

`python -m tests.rules.test_every_cell` writes docs/controls.md again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from affidavit.catalogue import Requirement
from affidavit.rules import Status
from affidavit.rules.checks import CHECKS, find
from affidavit.rules.registry import Check
from tests.rules import reach, situations
from tests.rules.situations import CATALOGUE, SITUATIONS

PAGE = Path(__file__).resolve().parents[2] / "docs/controls.md"
REASONS = {
    "a": "A clause always applies: only a control of Annex A can be left out.",
    "b": "No rule gives it: by the code of its checks, and of all that they call, no part can be it.",
    "c": "No collector yet (issue 7): nothing records one of its parts, which stays missing, and a total is no better.",
    "d": "No collector yet (issue 7): only a person's answer could lead there, and nobody is asked while a part is "
    "missing.",
    "e": "Only what fails can be accepted, and nothing in it can fail.",
}
QUESTION = "question_answered/2"


def checks(item: Requirement) -> list[Check]:
    """The checks that the parts of a requirement are."""
    names = [call.check for call in item.parts]
    return [find(name) for name in (*names, *((QUESTION,) if item.automation != "machine" else ()))]


def why_never(item: Requirement, status: Status) -> str | None:
    """The letter of the reason why a requirement never has a status; None where none is known."""
    machine = [each for each in checks(item) if each.name != QUESTION]
    unrecorded = any(Status.SUPPORTED not in reach.can_be(each) for each in machine)
    failing = any(Status.FAILING in reach.can_be(each) for each in machine)
    if status is Status.NOT_APPLICABLE:
        return "a" if item.clause else None
    if status is Status.ACCEPTED:
        return "e" if why_never(item, Status.FAILING) else None
    if not any(status in reach.can_be(each) for each in checks(item)):
        return "b"
    if status is Status.FAILING:
        return "d" if unrecorded and not failing else None
    return "c" if unrecorded and status is not Status.MISSING else None


@pytest.mark.parametrize("name", SITUATIONS)
def test_it_is_reached(name):
    """Where a situation leads, no reason says that nothing leads there, and no part is what its code never says."""
    found = situations.judged_in(name)
    assert {each.control for each in found} == {item.id for item in CATALOGUE}
    for verdict in found:
        item = CATALOGUE.get(verdict.control)
        assert why_never(item, verdict.status) is None, (verdict.control, verdict.status)
        for part in verdict.parts:
            assert part.status in reach.can_be(find(part.check)), (verdict.control, part)


def test_no_cell_is_empty_and_the_page_shows_them_all():
    assert PAGE.read_text("utf-8") == render(), "run: python -m tests.rules.test_every_cell"


def test_every_check_but_one_reads_what_somebody_writes():
    for check in CHECKS.values():
        if not check.name.startswith(("needs_record/", "question_answered/1")):
            assert reach.reads(check), check.name
            assert reach.reads(check) <= reach.writers().keys(), check.name


def cell(item: Requirement, status: Status) -> str:
    """The first situation that leads there, or the letter of the reason why none does."""
    for name in SITUATIONS:
        if any((each.control, each.status) == (item.id, status) for each in situations.judged_in(name)):
            return name
    reason = why_never(item, status)
    assert reason, f"{item.id} is never {status}: write the situation, or the reason"
    return f"({reason})"


def render() -> str:
    """docs/controls.md."""
    lines = [
        "# Controls and clauses: what reaches each status, and what feeds each part",
        "",
        f"**How can each of the {len(CATALOGUE.controls)} controls and {len(CATALOGUE.clauses)} clauses stand, and",
        "where is that tried?** A cell names a situation of `tests/rules/situations.py`: a whole ledger, in which the",
        "requirement stands so. Its test is `test_it_is_reached[<situation>]` of `tests/rules/test_every_cell.py`. A",
        "letter says why no ledger leads there.",
        "",
        "This page is written by `python -m tests.rules.test_every_cell`.",
        "",
        *(f"- ({letter}) {words}" for letter, words in REASONS.items()),
        "",
        "## Statuses",
        "",
        f"| requirement | {' | '.join(Status)} |",
        f"|---|{'---|' * len(Status)}",
    ]
    lines += (f"| {item.id} | {' | '.join(cell(item, status) for status in Status)} |" for item in CATALOGUE)
    lines += [
        "",
        "## Parts",
        "",
        "Which modules write what each part of a requirement reads. A part that nothing feeds is missing, and names",
        "what is absent.",
        "",
        "| requirement | part | fed by |",
        "|---|---|---|",
    ]
    for item in CATALOGUE:
        lines += (f"| {item.id} | {part} | {fed} |" for part, fed in parts(item))
    lines += [
        "",
        "## Checks",
        "",
        "| check | reads | can be, by its code |",
        "|---|---|---|",
    ]
    for check in CHECKS.values():
        can = ", ".join(status for status in Status if status in reach.can_be(check))
        lines.append(f"| `{check.name}` | {', '.join(sorted(reach.reads(check))) or 'nothing'} | {can} |")
    return "\n".join(lines) + "\n"


def parts(item: Requirement) -> Iterator[tuple[str, str]]:
    """Each part of a requirement with the modules that feed it."""
    calls = [(call.check, call.params) for call in item.parts]
    if item.automation != "machine":
        calls.append((QUESTION, {}))
    for name, params in calls:
        said = "; ".join(f"{each if isinstance(each, str) else ', '.join(each)}" for each in params.values())
        if name.startswith("needs_record/"):
            yield f"`{name}`: {params['record']}", "no collector yet (issue 7)"
            continue
        modules = {module for kind in reach.reads(find(name)) for module in reach.writers()[kind]}
        yield f"`{name}`" + (f": {said}" if said else ""), ", ".join(f"`{module}`" for module in sorted(modules))


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
