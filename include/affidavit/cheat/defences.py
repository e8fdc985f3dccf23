"""Switching one check off, in this process and for a while: what the cheater would meet if nobody had written it.

Only what a check decides is replaced, by something that accepts; all that it computes stays. Nothing else can switch
a check off: production code has no option for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from affidavit.cheat.attacks import Defence
from affidavit.evidence import canonical
from affidavit.ledger import verification
from affidavit.ledger.erasures import Erasing
from affidavit.projections.reader import Head
from affidavit.tlog.note import VerifierKey
from affidavit.tlog.tree import Frontier

_WALK = verification._Walk  # noqa: SLF001 - the one place that reaches into verification


def without(defence: Defence) -> AbstractContextManager[object]:
    """Verification as it would be without ``defence``; as it is, where that is something that an auditor brings."""
    return _OFF[defence]() if defence in _OFF else ExitStack()


def _nothing(*_: object, **__: object) -> None:
    """Accept."""


@contextmanager
def _strict() -> Iterator[None]:
    with patch.object(canonical, "_unique", dict):
        yield


@contextmanager
def _roots() -> Iterator[None]:
    follows = _WALK._follows  # noqa: SLF001

    def agreeing(walk: Any, head: Head, previous: int, _: Frontier) -> None:
        follows(walk, head, previous, Frontier(head.size, [head.root]))

    with patch.object(_WALK, "_follows", agreeing):
        yield


@contextmanager
def _times() -> Iterator[None]:
    follows = _WALK._follows  # noqa: SLF001

    def patient(walk: Any, head: Head, previous: int, edge: Frontier) -> None:
        if walk.last is not None and head.time < walk.last.time:
            walk.last = replace(walk.last, time=head.time)
        follows(walk, head, previous, edge)

    with patch.object(_WALK, "_follows", patient):
        yield


@contextmanager
def _signatures() -> Iterator[None]:
    with patch.object(VerifierKey, "check", _nothing):
        yield


@contextmanager
def _columns() -> Iterator[None]:
    with patch.object(_WALK, "_columns", _nothing):
        yield


@contextmanager
def _nodes() -> Iterator[None]:
    with patch.object(_WALK, "_nodes", _nothing), patch.object(verification, "_no_extra_nodes", _nothing):
        yield


@contextmanager
def _streams() -> Iterator[None]:
    with patch.object(verification, "_streams_chain", _nothing):
        yield


@contextmanager
def _blobs() -> Iterator[None]:
    with patch.object(_WALK, "_blob", _nothing), patch.object(_WALK, "_gone", _nothing):
        yield


@contextmanager
def _erasures() -> Iterator[None]:
    with patch.object(_WALK, "judge_erasures", lambda *_: Erasing((), ())):
        yield


@contextmanager
def _stamps() -> Iterator[None]:
    from rfc3161_client import decode_timestamp_response

    from affidavit.anchor import timestamp

    def believing(response: bytes, _: str, **__: object) -> object:
        return decode_timestamp_response(response).tst_info.gen_time

    with patch.object(timestamp, "check", believing):
        yield


_OFF: Mapping[Defence, Callable[[], AbstractContextManager[object]]] = {
    Defence.STRICT: _strict,
    Defence.ROOTS: _roots,
    Defence.SIGNATURES: _signatures,
    Defence.TIMES: _times,
    Defence.COLUMNS: _columns,
    Defence.NODES: _nodes,
    Defence.STREAMS: _streams,
    Defence.BLOBS: _blobs,
    Defence.ERASURES: _erasures,
    Defence.STAMPS: _stamps,
}
