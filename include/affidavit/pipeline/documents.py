"""Start files of documents: where they go, and how they are declared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from affidavit.catalogue.documents import template, template_kinds
from affidavit.catalogue.markdown import parse, split
from affidavit.errors import ConfigurationError, UsageError
from affidavit.inventory import STAGES_OF_SYSTEM_DOCUMENTS
from affidavit.inventory.load import did_you_mean
from affidavit.pipeline.workplace import Workplace


@dataclass(frozen=True)
class Started:
    """A start file: where it is, which file is to declare it, and the lines that do."""

    path: Path
    shown: str
    declared_in: str
    declaration: str


def start_document(workplace: Workplace, kind: str, *, system: str | None, docx: bool, now: datetime) -> Started:
    """Write the start file of a document below ``include/documents``, never over another.

    Raises ``UsageError`` for a kind that there is not, an AI system where none belongs, or none where one does;
    ``ConfigurationError`` where the file is there already or cannot be written.
    """
    if kind not in template_kinds():
        fix = did_you_mean(kind, template_kinds(), otherwise="`affidavit document list` shows all kinds")
        raise UsageError(f"there is no kind of document {kind!r}", where="affidavit document new", fix=fix)
    of_system = kind in STAGES_OF_SYSTEM_DOCUMENTS
    if of_system != (system is not None):
        fix = "name it with --system" if of_system else "leave --system out"
        of = "each AI system has one of its own" if of_system else "the organisation has one for all AI systems"
        raise UsageError(of, where=f"affidavit document new {kind}", fix=fix)
    if system is not None:
        workplace.system(system)
    name = f"{system}-{kind}" if system else kind
    file = f"documents/{name}.{'docx' if docx else 'md'}"
    path = workplace.settings.include_dir / file
    _write(path, _content(kind, docx=docx, now=now), shown=f"include/{file}")
    return Started(
        path=path,
        shown=f"include/{file}",
        declared_in=f"include/systems/{system}.yaml" if system else "include/organisation.yaml",
        declaration=_declaration(kind, name, file),
    )


def _content(kind: str, *, docx: bool, now: datetime) -> bytes:
    start = template(kind)
    if not docx:
        return start.text.encode("utf-8")
    from affidavit.publish.docx import write_docx

    front, body = split(start.text)
    return write_docx(parse(body), title=start.title, version=str(front["version"]), now=now)


def _write(path: Path, content: bytes, *, shown: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        fix = "go on with that file, or move it away"
        raise ConfigurationError("there is such a file already", where=shown, fix=fix) from error
    except OSError as error:
        problem = f"cannot be written ({error.strerror or type(error).__name__})"
        raise ConfigurationError(problem, where=shown, fix="let this user write there") from error


def _declaration(kind: str, name: str, file: str) -> str:
    return "\n".join(
        [
            "documents:",
            f"  - id: {name[:60].rstrip('-')}",
            f"    kind: {kind}",
            f"    title: {template(kind).title}",
            "    owner: …           # a role: answers for it",
            "    author: …          # a pseudonym: wrote it, and does not sign it",
            "    approver: …        # a role: signs it",
            "    review_months: 12",
            f"    file: {file}",
        ]
    )
