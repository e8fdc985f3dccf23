"""The page that stands where a validation's Data Docs stood, once these were erased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from affidavit.pages.frame import Frame
from affidavit.pages.links import Links
from affidavit.pages.text import Name, name
from affidavit.projections.erasures import Erased
from affidavit.projections.state import Demonstration


@dataclass(frozen=True)
class ErasedPage:
    """What was erased, and the entries (index, words) to read about it."""

    frame: Frame
    words: str
    digest: Name
    entries: tuple[tuple[int, str], ...]


def erased_page(erased: Erased, *, origin: str, demonstrations: Iterable[Demonstration]) -> ErasedPage:
    """The page about one erased blob of the log ``origin``."""
    entries = [(naming.index, "names it") for naming in erased.named_by]
    entries += [(erased.decided, "decides that it may be erased"), (erased.index, "says that it was")]
    return ErasedPage(
        frame=Frame("Erased details", Links(depth=1), origin, tuple(demonstrations)),
        words=erased.words,
        digest=name(erased.blob),
        entries=tuple(entries),
    )
