"""Collector of controlled documents: what each file is by digest, its version, and which of its sections say something.

A file that is not there, is too large, is none of its kind or could do harm is recorded as such: the rules judge it,
and whatever else is due is collected all the same. Only a place that does not answer keeps the look from being taken.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec
import yaml

from affidavit import __version__
from affidavit.catalogue.documents import held, sections, template
from affidavit.catalogue.markdown import Block, parse, render, split
from affidavit.collect.look import Look
from affidavit.errors import SourceRefused, SourceUnavailable
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Subject, kinds
from affidavit.evidence.salted import salted
from affidavit.inventory import ControlledDocument

NAME = "documents"

MOST_BYTES = 16 * 2**20
MOST_SECTIONS = 200
"""Sections that a statement has room for."""

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,39}")
_MEDIA_TYPES = {
    "md": "text/markdown",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class _Content:
    """What a file says: its version ("" for none), what it covers, and its blocks."""

    version: str
    covers: tuple[str, ...]
    blocks: tuple[Block, ...]


def look_at_documents(
    documents: Iterable[ControlledDocument],
    *,
    scope: str,
    folder: Path,
    models: Collection[str] = (),
    seen: Circumstances,
) -> Look:
    """Look at each document of ``scope``; ``folder`` is the one that paths are named from.

    ``models`` are the registered models whose versions a document may say that it covers; any other is counted as
    withheld. Raises ``SourceUnavailable`` where a place does not answer, ``ConfigurationError`` for a kind without
    template.
    """
    drafts, blobs, withheld = [], [], 0
    for document in documents:
        try:
            data = read_file(document, folder)
            content = read_content(document, data)
            facts, blob = _facts(document, data, content, models)
            withheld += len(content.covers) - len(facts["covers"])
        except SourceRefused as error:
            facts, blob = _none(document, error.text), None
        blobs += [blob] if blob is not None else []
        drafts.append(_draft(document, facts, scope, seen))
    return Look(
        NAME,
        tuple(drafts),
        enumerated=len(drafts),
        read=sum(draft.facts["problem"] is None for draft in drafts),
        withheld=withheld,
        notice_delay_seconds=0,
        blobs=tuple(blobs),
    )


def read_file(document: ControlledDocument, folder: Path) -> bytes:
    """The bytes of a document's file.

    Raises ``SourceRefused`` where it is absent, may not be read, is empty or too large, and ``SourceUnavailable`` where
    its place does not answer.
    """
    where = document.uri
    url = document.file if "://" in document.file else str(folder / document.file)
    try:
        with fsspec.open(url, "rb") as opened:
            data: bytes = opened.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise SourceRefused("there is no such file", where=where, fix="put it there, or correct its place") from error
    except (PermissionError, IsADirectoryError, NotADirectoryError) as error:
        fix = "let this user read it, or correct its place"
        raise SourceRefused("the file may not be read", where=where, fix=fix) from error
    except (ImportError, ValueError) as error:
        # An fsspec URL whose scheme nobody knows here: the package that does is not installed.
        fix = "install the package that fsspec asks for, or name another place"
        raise SourceRefused("nothing here reads files of such a place", where=where, fix=fix) from error
    except OSError as error:
        raise SourceUnavailable(f"cannot be read ({type(error).__name__})", where=where) from error
    if len(data) > MOST_BYTES:
        fix = "split it, or take out pictures and attachments"
        raise SourceRefused(f"the file has more than {MOST_BYTES:,} bytes", where=where, fix=fix)
    if not data:
        raise SourceRefused("the file is empty", where=where, fix="restore it from a copy")
    return data


def read_content(document: ControlledDocument, data: bytes) -> _Content:
    """What the bytes say, by the suffix of the file. Raises ``SourceRefused`` where they are none such."""
    suffix, where = document.file.rpartition(".")[2], document.uri
    if suffix == "md":
        content = _read_markdown(data, where)
    else:
        # Heavy, and only where a document is one.
        from affidavit.collect.office import read_docx, read_xlsx

        read = (read_docx if suffix == "docx" else read_xlsx)(data, where=where)
        content = _Content(read.version, read.covers, read.blocks)
    if content.version and not _VERSION.fullmatch(content.version):
        fix = "write one without blanks, of at most 40 letters, digits, dots and hyphens"
        raise SourceRefused("its version is not one", where=where, fix=fix)
    return content


def _read_markdown(data: bytes, where: str) -> _Content:
    try:
        front, body = split(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        problem = f"it is not UTF-8 text at byte {error.start}"
        raise SourceRefused(problem, where=where, fix="save it as UTF-8") from error
    except yaml.YAMLError as error:
        # YAML's own message quotes the line.
        raise SourceRefused(
            "its front matter is no YAML", where=where, fix="correct what stands between ---"
        ) from error
    version, covers = front.get("version", ""), front.get("covers", [])
    return _Content(
        version if isinstance(version, str) else "",
        tuple(covers) if not isinstance(covers, str) else (covers,),
        parse(body),
    )


def _facts(
    document: ControlledDocument, data: bytes, content: _Content, models: Collection[str]
) -> tuple[dict[str, Any], bytes | None]:
    asked = template(document.kind)
    found, absent = held(asked, sections(content.blocks))
    blob = salted(render(content.blocks).encode()) if document.keep else None
    details = {"digest": {"sha256": hashlib.sha256(blob).hexdigest()}, "media_type": "text/markdown"} if blob else None
    return {
        **_none(document, None),
        "media_type": _MEDIA_TYPES[document.file.rpartition(".")[2]],
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "version": content.version or None,
        "covers": [each for each in content.covers if _covers(each, models)],
        "sections": [
            {"title": section.title, "sha256": section.sha256, "state": section.state}
            for section in found[:MOST_SECTIONS]
        ],
        "sections_omitted": len(found[MOST_SECTIONS:]),
        "absent": list(absent),
        "details": details,
    }, blob


def _none(document: ControlledDocument, problem: str | None) -> dict[str, Any]:
    return {
        "document": document.id,
        "kind": document.kind,
        "source": document.uri,
        "problem": problem,
        "media_type": None,
        "bytes": None,
        "sha256": None,
        "version": None,
        "covers": [],
        "template": template(document.kind).digest,
        "sections": [],
        "sections_omitted": 0,
        "absent": [],
        "details": None,
    }


def _covers(text: str, models: Collection[str]) -> bool:
    model, _, version = text.rpartition(" ")
    return model in models and _VERSION.fullmatch(version) is not None


def _draft(document: ControlledDocument, facts: Mapping[str, Any], scope: str, seen: Circumstances) -> Draft:
    subject = Subject.of_facts(document.name, {**facts, "details": None})
    if facts["sha256"]:
        subject = replace(subject, sha256=facts["sha256"])
    return Draft(
        kind=kinds.DOCUMENT,
        scope=scope,
        stage=document.stage,
        origin=Origin.DECLARED,
        subjects=(subject,),
        facts=facts,
        collector=Collector(NAME, __version__),
        seen=seen,
    )
