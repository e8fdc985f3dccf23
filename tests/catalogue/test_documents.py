from importlib import resources
from typing import get_args

import pytest

from affidavit.catalogue.documents import held, sections, template, template_kinds
from affidavit.catalogue.markdown import Heading, parse, render, split
from affidavit.errors import ConfigurationError
from affidavit.inventory import DocumentKind

POLICY = template("ai-policy")
TITLES = [section.title for section in POLICY.sections]


def states(text):
    found, absent = held(POLICY, sections(parse(text)))
    return {each.title: each.state for each in found}, list(absent)


def test_each_kind_of_document_has_a_template_and_no_other_has():
    assert set(template_kinds()) == set(get_args(DocumentKind))


@pytest.mark.parametrize("kind", template_kinds())
def test_a_start_file_says_nothing_yet(kind):
    start = template(kind)
    front, body = split(start.text)
    assert front["version"] == "0.1"
    blocks = parse(body)
    assert [each.level for each in blocks if isinstance(each, Heading)].count(1) == 1
    assert len({section.title for section in start.sections}) == len(start.sections) >= 2
    found, absent = held(start, start.sections)
    assert {each.state for each in found} == {"template"}
    assert absent == ()


@pytest.mark.parametrize("kind", template_kinds())
def test_a_start_file_is_what_it_would_be_if_written_anew(kind):
    front, body = split(template(kind).text)
    assert parse(render(parse(body), front).split("---\n\n", 1)[1]) == parse(body)


def test_the_templates_are_packaged():
    folder = resources.files("affidavit.catalogue").joinpath("templates")
    assert len([file for file in folder.iterdir() if file.name.endswith(".md")]) == len(get_args(DocumentKind))


def test_a_kind_without_template_is_named():
    with pytest.raises(ConfigurationError, match="no template of 'poem'"):
        template("poem")


def test_what_is_said_beyond_the_template_fills_a_section():
    guidance = POLICY.text.partition("## Purpose\n\n")[2].partition("\n\n## Scope")[0]
    text = POLICY.text.replace("## Purpose\n\n", "## Purpose\n\nWe decide on loans with it.\n\n", 1)
    assert states(text)[0] == dict.fromkeys(TITLES, "template") | {"Purpose": "filled"}
    text = POLICY.text.replace(guidance, "We decide on loans with it.")
    assert states(text)[0]["Purpose"] == "filled"


@pytest.mark.parametrize("body", ["", "---", "<!-- done -->", "…", "| |\n|---|\n| |", "### Later", "- -"])
def test_a_section_without_a_word_is_empty(body):
    assert states(f"## Purpose\n\n{body}\n") == ({"Purpose": "empty"}, TITLES[1:])


@pytest.mark.parametrize("edit", [str.upper, lambda s: s.replace("\n", "\n\n"), lambda s: s.replace("Say", "*Say*")])
def test_guidance_in_another_dress_is_still_guidance(edit):
    section = POLICY.text.partition("## Purpose\n\n")[2].partition("\n\n## Scope")[0]
    assert states(f"## Purpose\n\n{edit(section)}")[0] == {"Purpose": "template"}


def test_a_title_that_the_template_has_not_is_not_repeated():
    assert states("## About Jane Doe\n\nText.\n") == ({None: "filled"}, TITLES)


def test_a_digest_is_that_of_the_section_alone():
    one, two = (sections(parse(f"# T\n\n## A\n\n{a}\n\n## B\n\nsame\n")) for a in ("x", "y"))
    assert one[0].sha256 != two[0].sha256
    assert one[1].sha256 == two[1].sha256
    assert sections(parse("# T\n\n## B\n\n\n\nsame"))[0].sha256 == one[1].sha256
