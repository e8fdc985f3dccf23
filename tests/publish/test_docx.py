from datetime import UTC, datetime

from hypothesis import given, settings

from affidavit.catalogue.markdown import parse, render
from affidavit.collect.office import read_docx
from affidavit.publish.docx import write_docx
from tests.catalogue.test_markdown import BLOCKS

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@settings(max_examples=12, deadline=None)
@given(BLOCKS)
def test_markdown_comes_back_from_docx_as_it_was(blocks):
    text = render(blocks)
    written = write_docx(parse(text), title="T", version="1.10", covers=["a 1", "b 2"], now=NOW)
    read = read_docx(written, where="a.docx")
    assert render(read.blocks) == text
    assert (read.version, read.covers) == ("1.10", ("a 1", "b 2"))
