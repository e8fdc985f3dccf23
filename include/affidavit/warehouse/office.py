"""Office files (DOCX, XLSX) before anything reads them: a ZIP archive of XML, refused where it could do harm.

1. It is a ZIP archive, each of its names stands for one member, and each member comes to what the archive says of it.
2. It has at most :data:`MOST_MEMBERS` members of :data:`MOST_OF_ONE` bytes, which unpack to :data:`MOST_UNPACKED`.
3. It holds no macro, no embedded object, and nothing that is fetched from elsewhere.
4. No XML of it declares a document type, without which there are no entities, or an encoding that hides one.

No library is asked about a file before all four hold; none of these steps keeps more than one member in memory.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib

from affidavit.errors import SourceRefused

MOST_MEMBERS = 2_000
MOST_UNPACKED = 64 * 2**20
MOST_OF_ONE = 16 * 2**20
"""A reader makes a tree of a member, many times as large."""

_ACTIVE = re.compile(r"(?i)(^|/)(vbaproject|vbadata|activex|embeddings|oleobject|macrosheets|dialogsheets|customui)")
_FROM_ELSEWHERE = (b"/attachedtemplate", b"/externallink", b"/oleobject", b"/subdocument")
_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([a-z0-9._-]*)")
_ENCODINGS = {b"utf-8", b"utf-16", b"us-ascii"}


def check_office(data: bytes, *, where: str) -> None:
    """Raise ``SourceRefused``, naming ``where`` and the fix, unless ``data`` may be read as DOCX or XLSX."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, where)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        fix = "save it as DOCX or XLSX, without a password"
        raise SourceRefused("the file is no archive that can be unpacked", where=where, fix=fix) from error


def _check_members(archive: zipfile.ZipFile, where: str) -> None:
    members = archive.infolist()
    if len({member.filename.lower() for member in members}) < len(members):
        raise SourceRefused("two of its members have one name", where=where, fix=_ANEW)
    if len(members) > MOST_MEMBERS:
        raise _too_much(f"it has more than {MOST_MEMBERS:,} members", where)
    left = MOST_UNPACKED
    for member in members:
        if _ACTIVE.search(member.filename):
            fix = "save it without macros and embedded objects"
            raise SourceRefused("it holds a macro or an embedded object", where=where, fix=fix)
        content = _unpacked(archive, member, min(left, MOST_OF_ONE), where)
        left -= len(content)
        # Whatever it is called, and in whichever of the Unicode encodings: the names below are ASCII.
        _check_content(content.replace(b"\0", b"").lower(), member.filename.lower(), where)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int, where: str) -> bytes:
    # What the archive says of a member's size is not believed: it is read, and no further than it may go.
    with archive.open(member) as opened:
        content = opened.read(most + 1)
        if len(content) > most:
            raise _too_much("it unpacks to more than can be read", where)
        return content


def _check_content(content: bytes, name: str, where: str) -> None:
    if b"<!doctype" in content or b"<!entity" in content:
        problem = "its XML declares a document type, which no office program writes"
        raise SourceRefused(problem, where=where, fix=_ANEW)
    encoding = _ENCODING.search(content[:1_000])
    if encoding and encoding[1] not in _ENCODINGS:
        raise SourceRefused("its XML is in an encoding that no office program writes", where=where, fix=_ANEW)
    if name == "[content_types].xml" and b"macroenabled" in content:
        raise SourceRefused("it is made for macros", where=where, fix="save it as .docx or .xlsx, without macros")
    if name.endswith(".rels") and any(mark in content for mark in _FROM_ELSEWHERE):
        fix = "save it without links to other files"
        raise SourceRefused("it takes a template or an object from elsewhere", where=where, fix=fix)


_ANEW = "find out what wrote this file, and make it anew in an office program"


def _too_much(problem: str, where: str) -> SourceRefused:
    return SourceRefused(problem, where=where, fix="split it, or take out pictures and attachments")
