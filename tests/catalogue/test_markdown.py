import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.catalogue.markdown import Heading, Item, Paragraph, Table, parse, plain, render, settled, split, table

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

TEXT = st.text(st.sampled_from("ab1 .)#-*+|`~_\\<!->\t\n\r\x00é語&="), max_size=12) | st.text(max_size=12)
WORDS = TEXT.map(plain).filter(bool)
ROWS = st.lists(st.lists(TEXT, max_size=3), min_size=1, max_size=4)
BLOCKS = st.lists(
    st.one_of(
        st.builds(Heading, st.integers(1, 6), WORDS),
        st.builds(Paragraph, WORDS),
        st.builds(Item, WORDS, st.booleans(), st.integers(0, 2)),
        ROWS.map(table).filter(bool),
    ),
    max_size=8,
).map(settled)


@given(BLOCKS)
def test_what_is_rendered_is_read_back_whole(blocks):
    assert parse(render(blocks)) == blocks


@given(st.text())
def test_whatever_is_read_is_rendered_and_read_the_same(text):
    blocks = parse(text)
    assert parse(render(blocks)) == blocks


@given(BLOCKS, st.text(max_size=20).map(plain), st.lists(WORDS, max_size=3))
def test_front_matter_is_read_back(blocks, version, covers):
    front, body = split(render(blocks, {"version": version, "covers": covers}))
    assert (front, parse(body)) == ({"version": version, "covers": covers}, blocks)


def test_markdown_as_people_write_it():
    text = """\
Not a front matter
---
# Title

A paragraph over
two lines. <!-- a remark
of the author -->

- one
  going on
  1. deeper
     1. deepest
        - no deeper
* other mark

| a | b \\| c |
|:--|--:|
| 1 |
```
# no heading
| no table |
```
"""
    assert parse(text) == (
        Paragraph("Not a front matter"),
        Heading(1, "Title"),
        Paragraph("A paragraph over two lines."),
        Item("one going on"),
        Item("deeper", ordered=True, depth=1),
        Item("deepest", ordered=True, depth=2),
        Item("no deeper", depth=2),
        Item("other mark"),
        Table((("a", "b | c"), ("1", ""))),
        Paragraph("# no heading | no table |"),
    )


@pytest.mark.parametrize(
    ("text", "front"),
    [
        ("---\nversion: 1.10\nowner: {a: b}\n---\nx", {"version": "1.10"}),
        ("\ufeff---\r\nversion: '2'\r\n---\r\nx", {"version": "2"}),
        ("---\n- a\n---\nx", {}),
        ("\n---\nversion: 1\n---\nx", {}),
    ],
)
def test_front_matter_as_people_write_it(text, front):
    assert split(text)[0] == front


def test_front_matter_that_is_no_yaml_is_an_error():
    with pytest.raises(yaml.YAMLError):
        split("---\nversion: [1\n---\nx")
