"""The posture of every date, as interval rows: built by the pure fold, read by date, and checked against it.

A verdict depends on the entries under a head and on the moment it is asked about. It is judged where a head begins to
be the newest, and again at each moment at which an answer turns into another (:mod:`affidavit.rules.horizon`). So the
rows hold every moment, and not only those at which somebody looked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import zip_longest
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from affidavit import rules
from affidavit.catalogue import Catalogue
from affidavit.errors import AffidavitError, IntegrityError
from affidavit.evidence import ORGANISATION_SCOPE, Entry, Origin
from affidavit.ledger import engine as database
from affidavit.projections import Head, Reader, State, fold
from affidavit.rules import Part, Status, Verdict
from affidavit.rules.horizon import WatchedMoment
from affidavit.views.tables import OPEN, items, judged, made, metadata, verdicts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PARTS = tuple(field.name for field in fields(Part))
_FIELDS = tuple(field.name for field in fields(Verdict) if field.name not in ("scope", "control"))


class Postures:
    """Verdicts by date, in an SQLite file of their own that :meth:`advance` makes; safe for many processes."""

    def __init__(self, file: Path, catalogue: Catalogue) -> None:
        """The view in ``file`` of verdicts by ``catalogue``."""
        self._file = file
        self._catalogue = catalogue

    def read(self, head: Head, at: datetime, *, scope: str | None = None) -> tuple[Verdict, ...] | None:
        """The verdicts at ``at``, when ``head`` was the newest; those of one scope, or in the order of ``judge``.

        None where no row was made for that moment, that head, or by this code: then only the fold knows.
        """
        if not self._file.exists():
            return None
        time = _micros(at)
        with self._reading() as connection:
            if not _is_ours(connection, head.origin):
                return None
            last = sa.select(judged).where(judged.c.since <= time).order_by(judged.c.since.desc()).limit(1)
            row = connection.execute(last).first()
            if row is None or row.until <= time or (row.size, row.root) != (head.size, head.root.hex()):
                return None
            return tuple(self._at(connection, time, scope))

    def advance(self, reader: Reader, *, until: datetime) -> None:
        """Make the rows of every moment up to ``until`` that has none.

        Rows by other code, or of what the ledger no longer holds, are made anew. Each look folds all entries.
        """
        engine = database.connect(f"sqlite:///{self._file}", access="create")
        try:
            with database.writing(engine) as connection:
                metadata.create_all(connection)
                heads = _heads(connection, reader)
                writer = _Writer(connection, self._catalogue)
                state = State()
                for head, after in zip_longest(heads, heads[1:]):
                    writer.touched(_take_in(state, reader.entries(state.size, head.size)))
                    writer.judge(state, head, after=after.time if after else None, until=until)
        finally:
            engine.dispose()

    def check(self, reader: Reader, moments: Sequence[datetime]) -> int:
        """How many of ``moments`` the view holds, each the same as the fold; ``IntegrityError`` where one is not."""
        held = 0
        for at in moments:
            head = reader.head_at(at)
            found = self.read(head, at) if head else None
            if head is None or found is None:
                continue
            held += 1
            if found != rules.judge(fold(reader.entries(0, head.size)), at=at, catalogue=self._catalogue):
                raise IntegrityError(
                    f"what it keeps of {at.isoformat()} is not what the entries come to",
                    where=f"the view {self._file.name}",
                    fix="delete the file, which the next assessment makes again, and find out who wrote to it",
                )
        return held

    def moments(self, shares: Sequence[float]) -> list[datetime]:
        """Moments that the view holds, at these shares (0 to before 1) of its rows."""
        if not self._file.exists():
            return []
        with self._reading() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(judged)).scalar() or 0
            query = sa.select(judged.c.since).order_by(judged.c.since).limit(1)
            places = [int(share * count) for share in shares] if count else []
            found = [connection.execute(query.offset(place)).scalar_one() for place in places]
        return [_EPOCH + timedelta(microseconds=since) for since in found]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        engine = database.connect(f"sqlite:///{self._file}", access="read")
        try:
            with database.reading(engine) as connection:
                yield connection
        finally:
            engine.dispose()

    def _at(self, connection: Connection, time: int, scope: str | None) -> Iterator[Verdict]:
        # The organisation's own controls stand behind the catalogue's, by id.
        order = {requirement.id: place for place, requirement in enumerate(self._catalogue)}
        latest = sa.select(verdicts.c.body).where(verdicts.c.item == items.c.id, verdicts.c.since <= time)
        body = latest.order_by(verdicts.c.since.desc()).limit(1).scalar_subquery()
        query = sa.select(items.c.scope, items.c.control, body.label("body"))
        if scope is not None:
            query = query.where(items.c.scope == scope)
        rows = [row for row in connection.execute(query) if row.body is not None]
        rows.sort(
            key=lambda row: (
                row.scope != ORGANISATION_SCOPE,
                row.scope,
                order.get(row.control, len(order)),
                row.control,
            )
        )
        return (_verdict(row.scope, row.control, json.loads(row.body)) for row in rows)


def _is_ours(connection: Connection, origin: str) -> bool:
    row = connection.execute(sa.select(made)).first()
    return row is not None and tuple(row) == (_code(), origin)


def _heads(connection: Connection, reader: Reader) -> list[Head]:
    """The heads that were ever the newest, from the last that was judged on; what was judged beyond it is dropped."""
    heads = [reader.head()]
    last = connection.execute(sa.select(judged).order_by(judged.c.since.desc()).limit(1)).first()
    if last is None or not _is_ours(connection, heads[0].origin):
        _clear(connection, heads[0].origin)
        last = None
    while heads[-1].size > (last.size if last else 0):
        # Of two heads of one second, and of one whose clock was ahead, only the later was ever the newest.
        head = reader.head_at(heads[-1].time - timedelta(seconds=1))
        if head is None:
            break
        heads.append(head)
    heads.reverse()
    if last and (heads[0].size, heads[0].root.hex()) != (last.size, last.root):
        _clear(connection, heads[0].origin)
        return _heads(connection, reader)
    if last and len(heads) > 1:
        _cut(connection, _micros(heads[1].time))
    return heads


def _take_in(state: State, entries: Iterable[Entry]) -> set[str]:
    """Apply ``entries`` to ``state``: the scopes that they are of."""
    scopes = set()
    for entry in entries:
        state.apply(entry)
        with suppress(AffidavitError):  # kept aside, and of no scope
            scopes.add(entry.statement.scope)
    return scopes


@dataclass(frozen=True, slots=True)
class _Stands:
    """Until when, in microseconds, what was judged of a scope stands, if nothing is recorded that it rests on."""

    horizon: int
    unwatched: bool


class _Writer:
    """Judges one head after another, and writes what changed.

    A scope is judged again where something was recorded of it or of the organisation, and where its time is over; the
    organisation is judged by what is recorded of any.
    """

    def __init__(self, connection: Connection, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._stands: dict[str, _Stands] = {}
        self._items: dict[str, dict[str, int]] = {}
        for item, scope, control in connection.execute(sa.select(items.c.id, items.c.scope, items.c.control)):
            self._items.setdefault(scope, {})[control] = item
        self._count = sum(len(controls) for controls in self._items.values())
        still = sa.select(verdicts.c.item, verdicts.c.since, verdicts.c.body).where(verdicts.c.until == OPEN)
        self._open: dict[int, tuple[int, str | None]] = {
            row.item: (row.since, row.body) for row in connection.execute(still)
        }
        self._judged = int(connection.execute(sa.select(sa.func.max(judged.c.until))).scalar() or 0)

    def touched(self, scopes: Collection[str]) -> None:
        """Something was recorded of ``scopes`` since they were judged."""
        if ORGANISATION_SCOPE in scopes:
            self._stands.clear()
        elif scopes:
            for scope in (ORGANISATION_SCOPE, *scopes):
                self._stands.pop(scope, None)

    def judge(self, state: State, head: Head, *, after: datetime | None, until: datetime) -> None:
        """Write the rows while ``head`` was the newest: up to ``after``, or without one up to ``until``."""
        time = max(_micros(head.time), self._judged)
        end = _micros(after) if after else None
        while time < end if end is not None else time <= _micros(until):
            for scope, found in self._judge(state, time).items():
                self._write(scope, found, time, head)
            horizon = min(OPEN if end is None else end, *(each.horizon for each in self._stands.values()))
            row = {"since": time, "until": horizon, "size": head.size, "root": head.root.hex()}
            self._connection.execute(judged.insert(), row)
            if any(each.unwatched for each in self._stands.values()):
                break  # other moments are left to the fold
            time = self._judged = horizon

    def _judge(self, state: State, time: int) -> Mapping[str, Sequence[Verdict]]:
        """The verdicts of each scope that has to be judged again at ``time``; none of one that is judged no more."""
        due = rules.scopes_judged(state)
        found: dict[str, Sequence[Verdict]] = dict.fromkeys(self._items.keys() - set(due), ())
        for scope in self._stands.keys() - set(due):
            del self._stands[scope]
        for scope in due:
            stands = self._stands.get(scope)
            if stands is None or stands.unwatched or stands.horizon <= time:
                moment = WatchedMoment.of(_EPOCH + timedelta(microseconds=time))
                found[scope] = rules.judge_scope(state, scope, at=moment, catalogue=self._catalogue)
                self._stands[scope] = _Stands(_micros(moment.horizon), moment.unwatched)
        return found

    def _write(self, scope: str, found: Sequence[Verdict], time: int, head: Head) -> None:
        bodies = {self._item(verdict): _body(verdict) for verdict in found}
        none = (0, None)
        changed = [item for item in self._items[scope].values() if self._open.get(item, none)[1] != bodies.get(item)]
        if ended := [{"of": item, "from": self._open[item][0]} for item in changed if item in self._open]:
            row = (verdicts.c.item == sa.bindparam("of"), verdicts.c.since == sa.bindparam("from"))
            self._connection.execute(verdicts.update().where(*row).values(until=time), ended)
        if changed:
            new = {"since": time, "until": OPEN, "from_index": head.size}
            self._connection.execute(verdicts.insert(), [{**new, "item": i, "body": bodies.get(i)} for i in changed])
        self._open.update((item, (time, bodies.get(item))) for item in changed)

    def _item(self, verdict: Verdict) -> int:
        controls = self._items.setdefault(verdict.scope, {})
        if verdict.control not in controls:
            row = {"id": self._count, "scope": verdict.scope, "control": verdict.control}
            self._connection.execute(items.insert(), row)
            controls[verdict.control] = self._count
            self._count += 1
        return controls[verdict.control]


def _clear(connection: Connection, origin: str) -> None:
    for table in (verdicts, items, judged, made):
        connection.execute(table.delete())
    connection.execute(made.insert(), {"code": _code(), "origin": origin})


def _cut(connection: Connection, time: int) -> None:
    """Forget what was judged from ``time`` on: another head was the newest then."""
    for table in (judged, verdicts):
        connection.execute(table.delete().where(table.c.since >= time))
    connection.execute(judged.update().where(judged.c.until > time).values(until=time))
    connection.execute(verdicts.update().where(verdicts.c.until >= time).values(until=OPEN))


def _body(verdict: Verdict) -> str:
    body = {name: getattr(verdict, name) for name in _FIELDS}
    body["parts"] = [{name: getattr(part, name) for name in _PARTS} for part in verdict.parts]
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


def _verdict(scope: str, control: str, body: dict[str, Any]) -> Verdict:
    parts = tuple(Part(**_typed(part)) for part in body.pop("parts"))
    return Verdict(scope=scope, control=control, parts=parts, **_typed(body))


def _typed(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {
        "status": Status(fields["status"]),
        "entries": tuple(fields["entries"]),
        "origin": Origin(fields["origin"]) if fields["origin"] else None,
        "valid_until": datetime.fromisoformat(fields["valid_until"]) if fields["valid_until"] else None,
    }


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


@cache
def _code() -> str:
    """SHA-256 over all that a verdict depends on beside the entries, and over what makes and reads the rows."""
    digest = hashlib.sha256(rules.digest().encode())
    for package in ("affidavit.evidence", "affidavit.projections", "affidavit.views"):
        files = (file for file in resources.files(package).iterdir() if file.name.endswith(".py"))
        for file in sorted(files, key=lambda file: file.name):
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
