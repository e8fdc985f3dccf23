import io
import zipfile

import docx
import openpyxl
import pytest

from affidavit.catalogue.markdown import Heading, Item, Paragraph, Table, parse
from affidavit.collect.office import MOST_BLOCKS, read_docx, read_xlsx
from affidavit.errors import SourceRefused
from affidavit.publish.docx import write_docx
from affidavit.warehouse import office

TEXT = "# Policy\n\n## Purpose\n\nWe lend.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
GOOD = write_docx(parse(TEXT), title="Policy", version="1")


def archive(*members, base=GOOD, without=()):
    """``base`` with members added; ``without`` names some that are left out."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(base)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            if member.filename not in without:
                new.writestr(member.filename, old.read(member))
        for name, content in members:
            new.writestr(name, content)
    return packed.getvalue()


def with_body(edit, base=GOOD):
    with zipfile.ZipFile(io.BytesIO(base)) as old:
        body = old.read("word/document.xml").decode()
    assert edit(body) != body
    return archive(("word/document.xml", edit(body)), without={"word/document.xml"})


def refused(data, *, read=read_docx):
    with pytest.raises(SourceRefused) as error:
        read(data, where="file:include/documents/policy.docx")
    assert str(error.value).startswith("file:include/documents/policy.docx: ")
    assert error.value.fix
    return error.value.problem


def test_what_word_shows_is_read_in_its_order():
    document = docx.Document()
    document.add_heading("Policy", 0)
    document.add_heading("Purpose", 1)
    document.add_paragraph("One")
    document.add_paragraph("two", style="List Number")
    document.add_paragraph("deeper", style="List Bullet 2")
    table = document.add_table(2, 2)
    for n, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"c{n}"
    document.core_properties.version = "2.1"
    saved = io.BytesIO()
    document.save(saved)
    read = read_docx(saved.getvalue(), where="a.docx")
    assert read.version == "2.1"
    assert read.blocks == (
        Heading(1, "Policy"),
        Heading(2, "Purpose"),
        Paragraph("One"),
        Item("two", ordered=True),
        Item("deeper", depth=1),
        Table((("c0", "c1"), ("c2", "c3"))),
    )


@pytest.mark.parametrize(
    ("run", "seen"),
    [
        ('<w:ins w:id="1"><w:r><w:t>We lend.</w:t></w:r></w:ins>', "We lend."),
        ('<w:del w:id="1"><w:r><w:delText>We stole.</w:delText></w:r></w:del><w:r><w:t>We</w:t></w:r>', "We"),
        ('<w:del w:id="1"><w:r><w:t>We stole.</w:t></w:r></w:del><w:r><w:t>We</w:t></w:r>', "We"),
        ("<w:sdt><w:sdtContent><w:r><w:t>We lend.</w:t></w:r></w:sdtContent></w:sdt>", "We lend."),
        ("<w:hyperlink><w:r><w:t>We</w:t><w:br/><w:t>lend.</w:t></w:r></w:hyperlink>", "We lend."),
    ],
)
def test_changes_that_are_tracked_and_controls_are_read_as_they_are_shown(run, seen):
    data = with_body(lambda body: body.replace("<w:r><w:t>We lend.</w:t></w:r>", run))
    assert read_docx(data, where="a.docx").blocks[2] == Paragraph(seen)


def test_a_paragraph_inside_a_control_is_no_less_there():
    body = "<w:sdt><w:sdtContent><w:p><w:r><w:t>Hidden?</w:t></w:r></w:p></w:sdtContent></w:sdt><w:sectPr"
    data = with_body(lambda text: text.replace("<w:sectPr", body, 1))
    assert Paragraph("Hidden?") in read_docx(data, where="a.docx").blocks


def test_a_list_that_word_numbers_by_itself_is_told_from_one_with_marks():
    data = write_docx([Item("mark"), Item("number", ordered=True)], title="T", version="1")
    document = docx.Document(io.BytesIO(data))
    for paragraph in document.paragraphs:
        listed = paragraph.style.element.find(f".//{docx.oxml.ns.qn('w:numPr')}")
        paragraph._p.get_or_add_pPr().append(listed)
        paragraph.style = document.styles["List Paragraph"]
    saved = io.BytesIO()
    document.save(saved)
    assert read_docx(saved.getvalue(), where="a.docx").blocks == (Item("mark"), Item("number", ordered=True))


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document '
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>&b;</w:body></w:document>'
)
RELS = '<Relationships><Relationship Type="http://x/attachedTemplate" Target="http://evil" TargetMode="External"/>'


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no archive"),
        (b"%PDF-1.7", "no archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "no archive"),
        (GOOD[: len(GOOD) // 2], "no archive"),
        (archive(("word/vbaProject.bin", b"x")), "macro"),
        (archive(("word/activeX/activeX1.bin", b"x")), "macro"),
        (archive(("word/embeddings/oleObject1.bin", b"x")), "embedded object"),
        (archive(("word/document.xml", LAUGHS), without={"word/document.xml"}), "document type"),
        (archive(("word/document.xml", LAUGHS.encode("utf-16")), without={"word/document.xml"}), "document type"),
        (archive(("word/elsewhere.bin", LAUGHS)), "document type"),
        (archive(("x.xml", '<!DOCTYPE x SYSTEM "http://evil/x.dtd"><x/>')), "document type"),
        (archive(("x.xml", '<?xml version="1.0" encoding="UTF-7"?><x/>')), "encoding"),
        (archive(("word/_rels/settings.xml.rels", RELS)), "from elsewhere"),
        (archive(("word/a.bin", bytes(office.MOST_OF_ONE + 1))), "more than can be read"),
        (archive(*((f"word/{n}.bin", bytes(office.MOST_OF_ONE)) for n in range(5))), "more than can be read"),
        (archive(*((f"word/{n}.xml", "") for n in range(office.MOST_MEMBERS))), "members"),
        (archive(("Word/Document.xml", "<x/>")), "one name"),
        (archive(without={"word/document.xml"}), "cannot be read as DOCX"),
        (with_body(lambda body: body[:-40]), "cannot be read as DOCX"),
        (with_body(lambda body: body.replace("<w:body>", "<w:body>" + "<w:p>" * 300)), "cannot be read as DOCX"),
    ],
)
def test_what_could_do_harm_or_is_none_is_refused(data, what):
    assert what in refused(data)


def test_macros_are_told_by_the_content_type_too():
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old:
        types = old.read("[Content_Types].xml").decode()
    types = types.replace("wordprocessingml.document.main", "wordprocessingml.document.macroEnabled.main")
    assert "macros" in refused(archive(("[Content_Types].xml", types), without={"[Content_Types].xml"}))


def test_a_bomb_that_lies_about_its_size_is_refused():
    data = bytearray(archive(("word/a.bin", bytes(1_234_567))))
    # The size stands in the member's own header and in the directory at the end.
    true, small = (1_234_567).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert data.count(true) == 2
    assert "no archive" in refused(bytes(data.replace(true, small)))


def test_more_paragraphs_than_can_be_read_are_refused():
    paragraph = "<w:p><w:r><w:t>x</w:t></w:r></w:p>"
    data = with_body(lambda body: body.replace("<w:body>", "<w:body>" + paragraph * (MOST_BLOCKS + 1)))
    assert "paragraphs" in refused(data)


def workbook(edit=None):
    book = openpyxl.Workbook()
    book.active.title = "Parties and requirements"
    book.active.append(["Party", "What it requires"])
    book.active.append(["Applicants", 3])
    book.properties.title, book.properties.version = "Interested parties", "4"
    if edit:
        edit(book)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def test_each_visible_sheet_is_a_section_with_a_table():
    def edit(book):
        book.create_sheet("Notes").sheet_state = "hidden"
        book.create_sheet("How they were asked")["B2"] = "By letter"

    read = read_xlsx(workbook(edit), where="a.xlsx")
    assert read.version == "4"
    assert read.blocks == (
        Heading(1, "Interested parties"),
        Heading(2, "Parties and requirements"),
        Table((("Party", "What it requires"), ("Applicants", "3"))),
        Heading(2, "How they were asked"),
        Table((("", "By letter"),)),
    )


def test_a_formula_without_a_saved_value_is_refused():
    assert "formula" in refused(workbook(lambda book: book.active.append(["=1+1"])), read=read_xlsx)


@pytest.mark.parametrize("data", [GOOD, archive(base=workbook(), without={"xl/workbook.xml"}), b"PK"])
def test_what_is_no_workbook_is_refused(data):
    problem = refused(data, read=read_xlsx)
    assert "cannot be read as XLSX" in problem or "no archive" in problem


def test_a_workbook_with_macros_is_refused():
    assert "macro" in refused(archive(("xl/vbaProject.bin", b"x"), base=workbook()), read=read_xlsx)
