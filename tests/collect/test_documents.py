from datetime import UTC, datetime

import fsspec
import pytest

from affidavit.catalogue.documents import template
from affidavit.catalogue.markdown import parse, split
from affidavit.collect.documents import MOST_BYTES, MOST_SECTIONS, look_at_documents
from affidavit.errors import SourceRefused, SourceUnavailable
from affidavit.evidence import ORGANISATION_SCOPE, Circumstances, Origin, Stage, dumps
from affidavit.evidence.salted import payload
from affidavit.inventory import ControlledDocument
from affidavit.publish.docx import write_docx

SEEN = Circumstances(datetime(2026, 3, 2, tzinfo=UTC))
SECRET = "Jane Doe wrote this."


def document(file="documents/policy.md", **changes):
    declared = {
        "id": "policy",
        "kind": "ai-policy",
        "title": "AI policy",
        "owner": "lead",
        "author": "p-1",
        "approver": "board",
        "review_months": 12,
        "file": file,
    }
    return ControlledDocument.model_validate(declared | changes)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "documents").mkdir()
    return tmp_path


def look(folder, *documents, **changes):
    return look_at_documents(documents, scope=ORGANISATION_SCOPE, folder=folder, seen=SEEN, **changes)


def facts(folder, content, file="documents/policy.md", **changes):
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    [draft] = look(folder, document(file, **changes)).drafts
    assert draft.statement.facts == draft.facts, "its kind allows it"
    return draft.facts


def filled(version="1"):
    text = template("ai-policy").text.replace("0.1", version)
    return "\n".join(line + (f"\n\n{SECRET}" if line.startswith("## ") else "") for line in text.split("\n"))


def test_a_start_file_is_read_and_says_nothing(folder):
    found = facts(folder, template("ai-policy").text)
    assert {section["state"] for section in found["sections"]} == {"template"}
    assert (found["version"], found["absent"], found["problem"]) == ("0.1", [], None)
    assert found["template"] == template("ai-policy").digest
    assert found["media_type"] == "text/markdown"


def test_what_it_says_stays_out_of_the_statement(folder):
    (folder / "documents/policy.md").write_text(filled())
    seen = look(folder, document(keep=True))
    [draft], [blob] = seen.drafts, seen.blobs
    assert {section["state"] for section in draft.facts["sections"]} == {"filled"}
    assert b"Jane" not in dumps(draft.facts)
    assert SECRET.encode() in payload(blob)
    assert (draft.origin, draft.stage) == (Origin.DECLARED, Stage.CROSS)
    assert draft.subjects[0].sha256 == draft.facts["sha256"]


def test_the_text_is_kept_only_where_that_is_declared(folder):
    (folder / "documents/policy.md").write_text(filled())
    seen = look(folder, document())
    assert (seen.blobs, seen.drafts[0].facts["details"]) == ((), None)


def test_any_other_byte_is_another_digest(folder):
    one, two = facts(folder, filled()), facts(folder, filled() + "\n")
    assert one["sha256"] != two["sha256"]
    assert one["sections"] == two["sections"]


def test_docx_says_the_same_as_the_markdown_that_it_came_from(folder):
    text = facts(folder, filled("2.0"))
    blocks = parse(split(filled("2.0"))[1])
    office = facts(folder, write_docx(blocks, title="AI policy", version="2.0"), "documents/policy.docx")
    same = ("version", "sections", "absent", "template", "covers")
    assert {name: office[name] for name in same} == {name: text[name] for name in same}
    assert office["media_type"].endswith("wordprocessingml.document")


def test_what_it_covers_is_said_of_the_systems_own_models_only(folder):
    front = "---\nversion: 1\ncovers: [loans 3, 'loans 4', other 1, loans Jane Doe, 'loans ']\n---\n"
    (folder / "documents/policy.md").write_text(front)
    seen = look(folder, document(), models={"loans"})
    assert seen.drafts[0].facts["covers"] == ["loans 3", "loans 4"]
    assert seen.withheld == 3


def test_more_sections_than_a_statement_has_room_for_are_counted(folder):
    found = facts(folder, "\n".join(f"## {n}\n\nx\n" for n in range(MOST_SECTIONS + 7)))
    assert (len(found["sections"]), found["sections_omitted"]) == (MOST_SECTIONS, 7)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"a\xff", "it is not UTF-8 text at byte 1"),
        (b"---\nversion: [Jane\n---\n", "its front matter is no YAML"),
        (b"---\nversion: by Jane Doe\n---\n", "its version is not one"),
        (bytes(MOST_BYTES + 1), "the file has more than"),
    ],
)
def test_what_cannot_be_read_is_recorded_and_nothing_of_it_is_said(folder, content, what):
    found = facts(folder, content)
    assert found["problem"].startswith(f"file:include/documents/policy.md: {what}")
    assert "Jane" not in str(found)
    assert (found["sha256"], found["version"], found["sections"]) == (None, None, [])


def test_a_hundred_megabytes_are_not_read(folder):
    with (folder / "documents/policy.md").open("wb") as file:
        file.truncate(100 * 2**20)
    [draft] = look(folder, document()).drafts
    assert "the file has more than 16,777,216 bytes" in draft.facts["problem"]


def test_one_that_cannot_be_read_keeps_no_other_from_being(folder):
    (folder / "documents/policy.md").write_text(filled())
    (folder / "documents/folder.md").mkdir()
    others = [
        document(f"documents/{name}", id=name.partition(".")[0]) for name in ("gone.md", "folder.md", "policy.md")
    ]
    others.append(document("none-such://x/a.md", id="odd"))
    seen = look(folder, *others)
    problems = {draft.facts["document"]: draft.facts["problem"] for draft in seen.drafts}
    assert problems["policy"] is None
    assert "there is no such file" in problems["gone"]
    assert "may not be read" in problems["folder"]
    assert "nothing here reads files of such a place" in problems["odd"]
    assert (seen.enumerated, seen.read) == (4, 1)


def test_any_place_that_fsspec_knows_is_read(folder):
    with fsspec.open("memory://papers/policy.md", "wb") as file:
        file.write(filled().encode())
    [draft] = look(folder, document("memory://papers/policy.md")).drafts
    assert (draft.facts["source"], draft.facts["version"]) == ("memory://papers/policy.md", "1")


def test_a_place_that_does_not_answer_keeps_the_look_from_being_taken(folder, monkeypatch):
    class Broken(fsspec.implementations.memory.MemoryFileSystem):
        protocol = "broken"

        def _open(self, *args, **kwargs):
            raise TimeoutError

    fsspec.register_implementation("broken", Broken, clobber=True)
    with pytest.raises(SourceUnavailable, match=r"broken://papers/policy\.md: cannot be read") as error:
        look(folder, document("broken://papers/policy.md"))
    assert error.value.retryable
    assert not isinstance(error.value, SourceRefused)
