"""What stands behind a table's name: rows of its own, or a view, and then of what definition."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from affidavit.evidence import dumps
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef


@dataclass(frozen=True)
class Relation:
    """``kind`` is ``table``, or the kind of view.

    ``sha256`` (hexadecimal) is that of a view's definition, as the warehouse keeps it, with those of the views that it
    names in turn; None for a table.
    """

    kind: str
    sha256: str | None


def relation(snapshot: Snapshot, table: TableRef, *, about: str) -> Relation:
    """What ``table`` is in ``snapshot``. Raises as :meth:`affidavit.warehouse.snapshot.Snapshot.query`."""
    rows = snapshot.query(snapshot.dialect.views(), about=about)
    views = {(row[0], row[1]): (str(row[2]), str(row[3])) for row in rows}
    first = (table.schema, table.name)
    if first not in views:
        return Relation("table", None)
    # A view is named by its bare name, in any schema and any case: one view too many in the digest is better than one
    # too few.
    found, named = [first], {first}
    for view in found:
        words = _words(views[view][1])
        more = [other for other in views if other not in named and _words(other[1]) <= words]
        found += more
        named.update(more)
    definitions = sorted([schema or "", name, *views[schema, name]] for schema, name in found)
    return Relation(views[first][0], hashlib.sha256(dumps(definitions)).hexdigest())


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
