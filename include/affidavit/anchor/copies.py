"""Copies of the head where somebody may look: they prove nothing by themselves.

A copy is worth what its keeper is worth: a bucket whose retention rule not even its owner can shorten keeps what it was
given; a file, or a tag, can be changed by whoever may write it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import fsspec

from affidavit.errors import (
    ConfigurationError,
    LedgerRolledBack,
    SourceGarbled,
    SourceRefused,
    SourceUnavailable,
)
from affidavit.projections.reader import Head
from affidavit.witness.exchange import Answer, Place, exchange

TAG = "affidavit.head"
"""The experiment tag that holds the newest head's note; our own tags are never evidence."""

_API = "/api/2.0/mlflow/experiments"


def store(url: str, head: Head) -> None:
    """Put the head's note into a folder of any store that fsspec knows, as ``<size>.checkpoint``, never over another.

    Retention is the store's own rule for new objects: set it there, where we cannot lift it. Raises
    ``LedgerRolledBack`` where another head of that size is kept, ``SourceUnavailable``, ``ConfigurationError``.
    """
    try:
        files, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        fix = str(error) if isinstance(error, ImportError) else "write a path or an fsspec URL"
        raise ConfigurationError("no store", where=url, fix=fix) from error
    path = f"{root}/{head.size:012d}.checkpoint"
    try:
        files.makedirs(root, exist_ok=True)
        files.pipe_file(path, head.note.encode(), mode="create")
    except FileExistsError:
        _same(files, path, head, url)
    except PermissionError as error:
        raise SourceRefused("may not be written", where=url, fix="grant the right to create objects") from error
    except OSError as error:
        raise SourceUnavailable(f"cannot be written ({type(error).__name__})", where=url, fix="try again") from error


def _same(files: Any, path: str, head: Head, url: str) -> None:
    try:
        kept = files.cat_file(path)
    except OSError as error:
        raise SourceUnavailable(f"cannot be read ({type(error).__name__})", where=url, fix="try again") from error
    # A head may have been signed twice (a signer is asked again): the log is the same if the text is.
    if kept.partition(b"\n\n")[0] != head.note.encode().partition(b"\n\n")[0]:
        raise LedgerRolledBack(
            f"it keeps another head of {head.size} entries",
            where=url,
            fix="find out which history is the ledger's: compare with what a witness cosigned",
        )


def tag(url: str, experiment: str, head: Head, *, headers: Mapping[str, str], timeout: float = 20.0) -> None:
    """Write the head's note into the tag :data:`TAG` of an MLflow experiment.

    ``headers`` carry the credentials. Raises ``SourceError``.
    """
    place = Place.parse(url)
    path = f"{_API}/get-by-name?experiment_name={quote(experiment, safe='')}"
    found = _document(place, exchange(place, "GET", path, headers=headers, timeout=timeout))
    try:
        key = str(found["experiment"]["experiment_id"])
    except (KeyError, TypeError) as error:
        raise SourceGarbled("its answer names no experiment", where=place.shown) from error
    body = json.dumps({"experiment_id": key, "key": TAG, "value": head.note}).encode()
    path, headers = f"{_API}/set-experiment-tag", {**headers, "Content-Type": "application/json"}
    _document(place, exchange(place, "POST", path, body=body, headers=headers, timeout=timeout))


def _document(place: Place, answer: Answer) -> Any:
    if answer.status >= 500:
        raise SourceUnavailable(f"answered {answer.status}", where=place.shown, fix="try again")
    if answer.status != 200:
        fix = "name an experiment that is there, and grant the right to tag it"
        raise SourceRefused(f"answered {answer.status}", where=place.shown, fix=fix)
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise SourceGarbled("its answer is not JSON", where=place.shown) from error
