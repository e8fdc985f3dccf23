"""Ledgers to be attacked: several hundred entries of all kinds, in a file that nothing may change."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from affidavit.anchor.evidence import Anchored
from affidavit.cheat.trial import Outcome, trial
from affidavit.evidence import ORGANISATION_SCOPE, Circumstances, Subject, kinds
from affidavit.ledger import Ledger, LocalSigner
from affidavit.projections import Need
from affidavit.projections.need import OPTIONS
from tests import rotations
from tests.conftest import NOON
from tests.projections import keeping, papers
from tests.projections.story import DAY, TRAIN, Story, decide, digest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "verifier/affidavit_verify.py"
DAYS = 15
DETAILS = {"digest": {"sha256": hashlib.sha256(b"details").hexdigest()}, "media_type": "application/json"}
EXCLUSION = OPTIONS["exclusion"]


class Told(Story):
    """A story that a real ledger records: each statement under a head of its own."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger

    def write(self, draft):
        self.ledger.append([draft], now=self.now, blobs=[b"details"])

    def anchored(self) -> None:
        head = self.ledger.head()
        self.write(Anchored("bucket", "copy", "file:///copies", head, self.now).draft(Circumstances(self.now)))

    def assessed(self, status: str) -> None:
        facts = {
            "controls": {"A.7.4": {"status": status, "origin": "observed"}},
            "rules": digest("rules"),
            "catalogue": digest("catalogue"),
        }
        self.say(kinds.ASSESSMENT, "affidavit://posture/loans", facts)

    def widened(self, column: str) -> None:
        facts = {
            "dataset": "train",
            "table": TRAIN,
            "columns": [{"name": column, "was": None, "is": "INTEGER"}],
            "reordered": False,
            "columns_omitted": 0,
        }
        self.say(kinds.SCHEMA_CHANGE, TRAIN, facts)

    def late(self, rows: int) -> None:
        facts = {"dataset": "train", "table": TRAIN, "column": "seen_at", "until": "2026-03-01", "then": 0, "now": rows}
        self.say(kinds.LATE_DATA, TRAIN, facts)

    def registered(self, rows: int) -> None:
        facts = {
            "register": "served",
            "kind": "requests-served",
            "source": "warehouse://bank/served",
            "upload": False,
            "hidden": {},
            "rows": rows,
            "columns": {"time": {"column": "served_at", "blank": 0}},
            "categories": {},
            "undated": 0,
            "days": [{"day": "2026-03-01", "rows": rows, "categories": {}}],
            "days_omitted": 0,
            "rows_omitted": 0,
            "fingerprint": {"sha256": digest(f"served {rows}"), "method": "rows", "coverage": "all rows"},
            "consistency": "one snapshot",
            "reconciled": None,
        }
        self.say(kinds.REGISTER, "warehouse://bank/served", facts)

    def measured(self, recall: float) -> None:
        results = [{"measure": "recall", "value": recall, "low": None, "high": None, "n": 90, "why": None}]
        facts = {
            "family": "performance",
            "source": "scored",
            "model": "loans",
            "version": "1",
            "rows": 90,
            "left_out": {},
            "fingerprint": {"sha256": digest(f"scored {recall}"), "method": "rows", "coverage": "all rows"},
            "consistency": "one snapshot",
            "settings": {"seed": "0"},
            "thresholds": None,
            "results": [{**each, "about": None, "group": {}} for each in results],
            "results_omitted": 0,
            "canary": False,
            "details": None,
        }
        self.say(kinds.MEASUREMENT, "affidavit://measurements/scored/performance/1", facts)

    def challenged(self, caught: bool) -> None:
        facts = {
            "what": "bad-table",
            "source": "warehouse://bank/train",
            "dataset": "train",
            "check": "suites_passed/1",
            "against": digest("suite"),
            "defect": {"kind": "missing", "column": "amount"},
            "rows": 90,
            "clean": [],
            "failed": ["expect_column_values_to_not_be_null:amount"] if caught else [],
            "status": "failing" if caught else "supported",
            "caught": caught,
            "injected_at": "2026-03-01T12:00:00.000Z",
            "judged_at": "2026-03-01T12:00:01.000Z",
            "canary": True,
        }
        self.say(kinds.CHALLENGE, "affidavit://canaries/train/bad-table/missing/amount", facts)

    def failing(self, rows: int) -> None:
        facts = {
            "dataset": "train",
            "table": TRAIN,
            "suite": "loans",
            "tests": [{"test": "expect", "rows": rows}],
            "details": DETAILS,
        }
        self.say(kinds.FAILING_ROWS, TRAIN, facts)

    def decided(self, round_: int) -> None:
        control = Subject("affidavit://controls/A.2.2", digest("why"))
        texts = {"title": "Leave A.2.2 out", "question": "Does it not apply?"}
        need = Need("exclusion", ORGANISATION_SCOPE, **texts, subjects=(control,), options=EXCLUSION, roles=("board",))
        head = self.ledger.head()
        basis = {"size": head.size, "root": head.root.hex()}
        decide(self, replace(need, round=round_), basis=basis, details=DETAILS)

    def served(self, version: str) -> None:
        facts = {"endpoint": "loans", "model": "loans", "source": "http", "version": version, "unknown": None}
        self.say(kinds.SERVING_VERSION, "affidavit://serving/loans", facts)


@dataclass(frozen=True)
class Place:
    """Where a ledger lies, for whoever only reads it."""

    url: str
    home: Path

    def digest(self) -> str:
        """SHA-256 over every file that holds something: names and bytes."""
        files = sorted(path for path in self.home.rglob("*") if path.is_file() and path.stat().st_size)
        files = [path for path in files if path.suffix != ".db-shm"]  # readers make it, and an empty log
        return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()

    @property
    def blobs(self) -> str:
        return str(self.home / "blobs")

    @property
    def key(self) -> Path:
        return self.home / "ledger.key"

    def read(self) -> Ledger:
        return Ledger.open(self.url, blobs=self.blobs)

    def write(self) -> Ledger:
        return Ledger.open(self.url, blobs=self.blobs, signer=LocalSigner.load(self.key))

    def tell(self, days: range = range(DAYS)) -> None:
        """Fill it: some weeks of one AI system, with every kind of statement there is but a replaced key."""
        with self.write() as ledger:
            story = Told(ledger)
            for day in days:
                story.now = NOON + day * DAY
                story.collect_organisation()
                story.declare(title=f"Loans {day // 5}")
                story.suite()
                for table in ("train", "test", "scored"):
                    story.look_at_table(table, str(day), failed=("expect",) if day % 3 == 0 else ())
                story.widened(f"column_{day}")
                story.late(day + 1)
                story.run(metrics={"roc_auc": 0.5 + day / 100}, trained=story.now)
                story.version(str(day))
                story.alias(str(day))
                story.served(str(day))
                story.registered(day + 1)
                story.measured(0.8 + day / 1000)
                story.challenged(day % 7 > 0)
                story.failing(1 + day % 2)
                papers.look(story, f"policy {day}", str(day))
                keeping.record(story, "risks", "r-1", {**keeping.RISK, "likelihood": 1 + day % 5})
                story.decided(day)
                story.edge("train", str(day))
                story.collection()
                story.assessed("supported" if day % 2 else "failing")
                story.anchored()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A ledger in SQLite of several hundred entries of all kinds."""
    home = tmp_path_factory.mktemp("told")
    place = Place(f"sqlite:///{home}/ledger.db", home)
    rotations.create(place).close()
    place.tell()
    return place


Tries = Callable[..., list[Outcome]]


@pytest.fixture
def tries(tmp_path: Path) -> Tries:
    """Tries attacks on a ledger, as the command does."""

    def run(place, attacks, *, now: datetime = NOON + timedelta(days=40)) -> list[Outcome]:
        home = tmp_path / "trial"
        home.mkdir()
        with place.read() as ledger:
            return list(trial(ledger, attacks, home=home, program=PROGRAM.read_bytes(), now=now))

    return run
