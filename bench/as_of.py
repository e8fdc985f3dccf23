"""``as-of``: random past dates in a ledger of 1,000,000 entries, against one of 10,000, each in a cold process.

Both ledgers are about one AI system and its organisation, 250 entries a day; the small one is the first 40 days of it.
The figure is what opening the ledger and reading the verdicts takes once Python's imports are done; of one system and
the whole overview the worse. Keeping the view is not part of it: ``kept_seconds`` says what that took.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from affidavit import catalogue
from affidavit.collect.declarations import look_at_organisation, look_at_system
from affidavit.collect.look import Look
from affidavit.evidence import Circumstances, Collector, Draft, Origin, Period, Stage, Subject, kinds, system_scope
from affidavit.inventory import Organisation, System
from affidavit.views import Postures
from bench import ledgers
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 5.0
SMALL, LARGE = 10_000, 1_000_000
DAY = 250
_DAY = timedelta(days=1)
_RUNS = 200
_SYSTEM = System.model_validate(
    {
        "id": "mortgage-approval",
        "title": "Mortgage approval",
        "purpose": "To be measured.",
        "organisation_role": "deployer",
        "risk_level": "high",
        "owner": "ml-lead",
        "schedule": "@daily",
        "mlflow": {"connection": "tracking", "experiments": ["mortgage-approval"]},
        "datasets": [{"id": "train", "connection": "bank", "table": "train", "use": "training", "suite": "s"}],
    }
)
_ORGANISATION = Organisation.model_validate(
    {"id": "bank", "title": "Bank", "roles": {"ml-lead": {"title": "Lead", "holders": ["p-1"]}}}
)
_PROBE = """
import json, sys
from datetime import datetime
from pathlib import Path
from time import perf_counter
import affidavit.pipeline.posture
from affidavit import catalogue
from affidavit.ledger import Ledger
from affidavit.views import Postures
url, blobs, file, scope, at = sys.argv[1:]
begun = perf_counter()
with Ledger.open(url, blobs=blobs) as ledger:
    moment = datetime.fromisoformat(at)
    found = Postures(Path(file), catalogue.load()).read(ledger.head_at(moment), moment, scope=scope or None)
print(json.dumps([perf_counter() - begun, len(found or ())]))
"""


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds, both sizes in turns; of a system and the overview the worse."""
    small, large = (SMALL // 20, LARGE // 250) if quick else (SMALL, LARGE)
    with ledgers.folder() as home:
        places, kept = [], 0.0
        for name, size in (("small", small), ("large", large)):
            place = home / name
            place.mkdir()
            kept = _made(place, size)
            places.append((place, size))
        found = [_compared(places, scope) for scope in (system_scope(_SYSTEM.id), "")]
    small_side, large_side = max(found, key=lambda pair: pair[1] / pair[0])
    ratios = dict(zip(("ratio_system", "ratio_overview"), (b / a for a, b in found), strict=True))
    return Measurement(
        "as-of",
        large_side,
        small_side,
        "seconds",
        BOUND,
        {"small": small, "large": large, "kept_seconds": kept} | ratios,
    )


def _compared(places: list[tuple[Path, int]], scope: str) -> tuple[float, float]:
    chance = random.Random(20261121)
    rounds = [[_asked(place, size, scope, chance) for place, size in places] for _ in range(ROUNDS)]
    small, large = (median(side) for side in zip(*rounds, strict=True))
    return small, large


def _made(place: Path, size: int) -> float:
    """A ledger of about ``size`` entries and its view; how many seconds keeping the view took."""
    with ledgers.create(f"sqlite:///{place}/ledger.db", place) as ledger:
        days = max(2, size // DAY)
        for day in range(days):
            ledger.append(list(_day(day)), now=ledgers.NOW + (day + 1) * _DAY)
        begun = perf_counter()
        Postures(place / "views.db", catalogue.load()).advance(ledger, until=ledgers.NOW + (days + 1) * _DAY)
        return perf_counter() - begun


def _asked(place: Path, size: int, scope: str, chance: random.Random) -> float:
    at = ledgers.NOW + _DAY + chance.random() * max(1, size // DAY - 1) * _DAY
    arguments = [f"sqlite:///{place}/ledger.db", str(place / "blobs"), str(place / "views.db"), scope, at.isoformat()]
    done = subprocess.run([sys.executable, "-c", _PROBE, *arguments], capture_output=True, text=True, check=True)
    seconds, found = json.loads(done.stdout)
    if not found:
        raise NotComparable(f"the view holds nothing of {at.isoformat()}")
    return float(seconds)


def _day(day: int) -> Iterator[Draft]:
    """What one day brings: the same runs changed, the same declarations, and the end of its collection."""
    seen = Circumstances(ledgers.NOW + (day + 1) * _DAY)
    looks: list[Look] = [look_at_system(_SYSTEM, (), seen=seen)]
    looks.append(look_at_organisation(_ORGANISATION, systems={_SYSTEM.id}, seen=seen))
    for look in looks:
        yield from look.drafts
    for number in range(DAY - 4):
        yield ledgers.draft(number % _RUNS, version=day * DAY + number)
    slot = Period(ledgers.NOW + day * _DAY, ledgers.NOW + (day + 1) * _DAY)
    for scope, target in ((system_scope(_SYSTEM.id), _SYSTEM.id), ("organisation", "organisation")):
        facts = {"slot": slot.json(), "gap": None, "collectors": {"declarations": _COUNTS}}
        yield Draft(
            kind=kinds.COLLECTION,
            scope=scope,
            stage=Stage.CROSS,
            origin=Origin.OBSERVED,
            subjects=(Subject.of_facts(f"affidavit://collections/{target}", facts),),
            facts=facts,
            collector=Collector("collection", "0.1.0"),
            seen=seen,
            interval=slot,
        )


_COUNTS = {
    "window": None,
    "enumerated": 1,
    "read": 1,
    "new": 0,
    "unchanged": 1,
    "withheld": 0,
    "notice_delay_seconds": 0,
    "cursor": None,
}
