"""What the documents say is what stands: commands, options, targets, links, examples, settings, tables.

`python tests/test_docs.py` writes docs/kinds.md again.
"""

import re
import shlex
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import pytest

from affidavit import cli, errors
from affidavit.evidence import kinds
from affidavit.evidence.shapes import BOOL, COUNT, DAY, DIGEST, NUMBER, OPEN, TEXT, TIME, WORD, Maybe, Shape
from affidavit.inventory.load import load
from affidavit.pages.words import KINDS, STATUS_MEANS
from affidavit.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
EVERY = (*PAGES, *sorted(f"docs/decisions/{p.name}" for p in (ROOT / "docs/decisions").glob("*.md")), "CONTRIBUTING.md")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}(.+)$", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
WORDS = {
    TEXT: "text",
    WORD: "one word",
    NUMBER: "number",
    COUNT: "count",
    BOOL: "true or false",
    DIGEST: "SHA-256",
    DAY: "day",
    TIME: "time",
}


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return [body for name, body in FENCE.findall(text(page)) if name == language]


def code(page: str) -> Iterator[str]:
    """Code spans and the lines of indented blocks: whatever a reader would type or look up."""
    prose = FENCE.sub("", text(page))
    yield from SPAN.findall(prose)
    yield from INDENTED.findall(prose)


def cells(page: str, *header: str) -> list[list[str]]:
    """The rows of the one table with this header."""
    lines = text(page).splitlines()
    start = lines.index(f"| {' | '.join(header)} |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def commands() -> dict:
    import typer

    from affidavit.cli.main import app

    known = {}
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        known |= {f"{name} {each}": found for each, found in inner.items()} if inner else {name: command}
    return known


def split_name(words: list[str]) -> tuple[str, list[str]]:
    """The command's name, of one or two words, and its arguments."""
    length = 2 if " ".join(words[:2]) in commands() else 1
    return " ".join(words[:length]), words[length:]


def shown(page: str) -> Iterator[list[str]]:
    """The arguments of each ``affidavit …`` in a page; brackets around what may be left out are taken off."""
    for line in code(page):
        if line.startswith("affidavit "):
            yield shlex.split(line.replace("[", "").replace("]", ""))[1:]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_shown_exists_with_the_options_shown(page):
    known = commands()
    for name, words in map(split_name, shown(page)):
        assert name in known, f"{page}: affidavit {name}"
        arguments = ["0" if word == "INDEX" else word for word in words]
        known_options = {option for parameter in known[name].params for option in parameter.opts}
        options = {argument for argument in arguments if argument.startswith("--")}
        assert options <= known_options, f"{page}: affidavit {name} {options - known_options}"
        if arguments:
            known[name].make_context(name, arguments)


def test_every_command_and_option_is_in_the_readme():
    listed = [row[0].strip("`") for row in cells("README.md", "command", "what it does")]
    rows = {split_name(row.split()[1:])[0]: row for row in listed}
    known = commands()
    assert set(rows) == set(known)
    for name, command in known.items():
        options = {option for p in command.params for option in p.opts if option.startswith("--")}
        assert set(re.findall(r"--[a-z-]+", rows[name])) == options, name
        words = [(p.metavar or p.name.upper(), p.required) for p in command.params if not p.opts[0].startswith("-")]
        usage = [word if required else f"[{word}]" for word, required in words]
        bare = re.sub(r" \[--[^]]*\]", "", rows[name])
        required = {p.opts[0] for p in command.params if p.required and p.opts[0].startswith("--")}
        assert set(re.findall(r"--[a-z-]+", bare)) == required, name
        assert re.sub(r" --[a-z-]+ [A-Z]+", "", bare).split()[1:] == [*name.split(), *usage], name


def test_the_exit_codes_are_those_of_the_command_line():
    said = " ".join(cli.__doc__.partition("Exit codes: ")[2].replace("``", "`").split()).rstrip(".")
    expected = [part.split(" ", 1) for part in said.split("; ")]
    assert [code for code, _ in expected] == ["0", "1", "2", "3"]
    assert cells("README.md", "exit code", "meaning") == expected


def leaves(tree: type[errors.AffidavitError]) -> Iterator[type[errors.AffidavitError]]:
    for child in tree.__subclasses__():
        if child.retryable or not child.__subclasses__():
            yield child
        yield from leaves(child)


def test_every_error_is_explained_with_its_exit_code_and_whether_it_is_tried_again():
    rows = cells("docs/data-engineer.md", "error", "exit code", "tried again", "what to do")
    listed = {row[0].strip("`"): (row[1], row[2]) for row in rows}
    own = [error for error in leaves(errors.AffidavitError) if error.__module__ == errors.__name__]
    assert listed == {e.__name__: (str(e.exit_code), "yes" if e.retryable else "no") for e in own}


def test_every_status_is_explained_as_the_pages_explain_it():
    rows = cells("docs/governance-lead.md", "status", "meaning")
    assert rows == [[status.value, means] for status, means in STATUS_MEANS.items()]


def test_every_setting_is_documented_with_its_default_and_no_other_is_named():
    from affidavit import settings

    rows = {row[0].strip("`"): row[2] for row in cells("docs/data-engineer.md", "variable", "what it is", "default")}
    assert set(rows) == set(VARIABLES)
    for name, default in re.findall(r"^\| ``(AFFIDAVIT_\w+)`` \| ``(.+)`` \|$", settings.__doc__, re.MULTILINE):
        assert rows[name] == f"`{default}`"
    for page in EVERY:
        assert set(re.findall(r"AFFIDAVIT_\w+", text(page))) <= set(VARIABLES), page


@pytest.mark.parametrize("page", EVERY)
def test_every_make_target_shown_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    assert {"demo", "up", "down", "test", "lint", "bench"} <= targets
    for line in code(page):
        if line.startswith("make "):
            assert line.split()[1] in targets, f"{page}: {line}"


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[`*]", "", heading).lower() for heading in HEADING.findall(FENCE.sub("", text(page))))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", EVERY)
def test_every_relative_link_resolves(page):
    for link in LINK.findall(FENCE.sub("", text(page))):
        if "://" in link:
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(str(target.resolve().relative_to(ROOT))), f"{page}: {link}"


def test_every_page_of_docs_is_linked_from_the_readme():
    linked = {link.partition("#")[0] for link in LINK.findall(text("README.md"))}
    assert {page for page in PAGES if page != "README.md"} <= linked


@pytest.mark.parametrize("page", PAGES)
def test_every_path_named_exists(page):
    places = ("dags/", "docs/", "config/", "demo/", "expectations/", "include/", "plugins/", "tests/")
    for line in SPAN.findall(FENCE.sub("", text(page))):
        if line.startswith(places):
            assert (ROOT / line).exists(), f"{page}: {line}"


def test_every_room_of_the_package_is_in_the_layout():
    layout = text("README.md").partition("## Layout")[2].partition("\nEach room")[0]
    named = set(re.findall(r"^ {6}([a-z_]+)(?:/|\.py) ", layout, re.MULTILINE))
    package = ROOT / "include/affidavit"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    assert named == rooms | {path.stem for path in package.glob("*.py") if path.name != "__init__.py"}


def test_yaml_examples_are_files_that_load(tmp_path):
    """Each example names the file that it is; put into this project, all of them pass its own loader."""
    shutil.copytree(ROOT / "include", tmp_path / "include", ignore=shutil.ignore_patterns("affidavit*"))
    shutil.copytree(ROOT / "expectations", tmp_path / "expectations")
    examples = {}
    for page in PAGES:
        for block in blocks(page, "yaml"):
            examples[block.splitlines()[0].removeprefix("# ")] = block
    systems = [name for name in examples if name.startswith("include/systems/")]
    assert systems
    for name in (name for name in examples if name != "include/organisation.yaml"):
        assert not (ROOT / name).exists(), f"{name} is taken"
        (tmp_path / name).write_text(examples[name], encoding="utf-8")
    inventory = load(tmp_path / "include", tmp_path / "expectations")
    assert {f"include/systems/{name}.yaml" for name in inventory.systems} >= set(systems)
    # The organisation of the example stands alone: the systems of this project name roles that it need not have.
    shutil.rmtree(tmp_path / "include/systems")
    (tmp_path / "include/organisation.yaml").write_text(examples["include/organisation.yaml"], encoding="utf-8")
    load(tmp_path / "include", tmp_path / "expectations")


@pytest.mark.parametrize("page", PAGES)
def test_examples_point_editors_at_schemas_that_exist(page):
    for block in blocks(page, "yaml"):
        lines = block.splitlines()
        file, schema = lines[0].removeprefix("# "), lines[1].partition("$schema=")[2]
        assert schema
        assert ((ROOT / file).parent / schema).resolve().exists(), f"{page}: {schema}"


def test_the_policy_shown_to_auditors_is_one(tmp_path):
    from affidavit.ledger.signer import LocalSigner
    from affidavit.tlog.policy import parse_policy

    key = LocalSigner.generate(tmp_path / "key").vkey
    lines = [line for line in INDENTED.findall(text("docs/auditor.md")) if line.startswith(("log ", "quorum "))]
    policy = parse_policy(re.sub("<.+?>", lambda _: key.text, "\n".join(lines)))
    assert policy.logs == (key,)


@pytest.mark.parametrize("page", [*EVERY, "docs/flow.svg", "CHANGELOG.md"])
def test_no_page_claims_conformity_or_carries_what_does_not_belong(page):
    said = text(page)
    assert "complian" not in said.lower()
    assert not re.search(r"/work\b|/root\b|/farm\b|localhost:\d", said)


def test_the_picture_stands_alone_and_knows_dark_mode():
    picture = ET.fromstring(text("docs/flow.svg"))
    svg = "{http://www.w3.org/2000/svg}"
    assert picture.find(f"{svg}title").text
    assert picture.find(f"{svg}desc").text
    assert "prefers-color-scheme: dark" in picture.find(f"{svg}style").text
    assert not list(picture.iter(f"{svg}script"))
    assert not [name for each in picture.iter() for name in each.attrib if "href" in name or name.startswith("on")]


def render_kinds() -> str:
    """docs/kinds.md, from the kinds themselves."""
    parts = [
        "# Kinds of statement",
        "",
        "**Which facts can stand in an entry?** These and no others: a field that its kind does not list is refused",
        "before anything is signed, at every depth. Each statement is an in-toto Statement v1. Beside its facts it",
        "carries a header: scope, lifecycle stage, origin, period, time of observation, collector, Airflow run, the",
        "leaf that it supersedes, and a demonstration marker where something is scripted.",
        "",
        "A kind lives for ever. A new meaning is a new version of it. An unknown kind is shown and never counts.",
        "",
        "This page is written by `python tests/test_docs.py`.",
    ]
    for kind in kinds.ALL:
        words = KINDS[kind.name]
        parts += ["", f"## {kind.name}", "", f"Predicate type: `{kind.predicate_type}`. {_capital(words.noun)}.", ""]
        parts += [f"Does not show: {_lower(words.not_shown)}", "", "| field | holds |", "|---|---|"]
        parts += [f"| `{path}` | {holds} |" for path, holds in _fields(kind.facts)]
    return "\n".join(parts) + "\n"


def _fields(shape: Mapping[str, Shape], path: str = "") -> Iterator[tuple[str, str]]:
    for name, inner in shape.items():
        place = f"{path}.{name}" if path else name
        yield from _field(inner, place.replace(".*", ".<name>"), "")


def _field(shape: Shape, path: str, note: str) -> Iterator[tuple[str, str]]:
    match shape:
        case Maybe():
            yield from _field(shape.shape, path, ", or null")
        case list():
            yield from _field(shape[0], f"{path}[]", note)
        case Mapping():
            if note:
                yield path, f"an object{note}"
            yield from _fields(shape, path)
        case _:
            yield path, ("any JSON that its own model allows" if shape is OPEN else WORDS[shape]) + note


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def test_the_page_of_kinds_is_current():
    assert text("docs/kinds.md") == render_kinds(), "run: python tests/test_docs.py"


if __name__ == "__main__":
    (ROOT / "docs/kinds.md").write_text(render_kinds(), encoding="utf-8")
