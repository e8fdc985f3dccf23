"""A team that writes while its runs are collected: random writes between any two requests of a look, from a seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from affidavit.collect.rest import Api
from affidavit.collect.runs import look_at_runs
from affidavit.evidence import Circumstances, Entry, Json
from tests.collect.conftest import HOUR, NOW, NOW_MS, Team
from tests.conftest import Mlflow

LOOKS = 20
"""Looks at one experiment; then it rests, a sweep is due, and a new experiment begins."""


@dataclass
class Writers:
    """One experiment, what was written to it, and what of it is in a ledger."""

    team: Team
    chance: random.Random
    starts: dict[str, int] = field(default_factory=dict)
    destroyed: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    ledger: dict[str, list[Entry]] = field(default_factory=dict)
    cursor: Json = None
    moment: int = 0

    def create(self) -> None:
        back = self.chance.choice([0, 0, 0, 0, 40 * 24 * HOUR])
        start = NOW_MS - HOUR - back + self.chance.randrange(50)
        self.starts[self.team.run(start, finish=self.chance.random() < 0.7)] = start

    def write(self) -> None:
        """One random write."""
        there = sorted(self.starts.keys() - self.destroyed)
        act = self.chance.choice(["create", "create", "create", "metric", "tag", "delete", "restore", "destroy"])
        if act == "create" or len(there) < 4:
            return self.create()
        run = self.chance.choice(there)
        self.touched.add(run)
        if act == "destroy":
            self.team.destroy(run)
            self.destroyed.add(run)
        elif act == "restore" and self.deleted - self.destroyed:
            run = self.chance.choice(sorted(self.deleted - self.destroyed))
            self.team.call("runs/restore", run_id=run)
            self.deleted.discard(run)
        elif act == "delete" and run not in self.deleted:
            self.team.call("runs/delete", run_id=run)
            self.deleted.add(run)
            self.touched.add(run)
        elif run not in self.deleted:
            value = self.chance.random()
            if act == "metric":
                self.team.call("runs/log-metric", run_id=run, key="auc", value=value, timestamp=1)
            else:
                self.team.call("runs/set-tag", run_id=run, key="team", value=str(value))
        return None

    def some_writes(self) -> None:
        """None, or one, before a request."""
        for _ in range(self.chance.randrange(2)):
            self.write()

    def look(self) -> Counter[str]:
        """One look, into the ledger: how often it brought each run."""
        look = look_at_runs(
            self.team.system(allow={"tags": ["team"]}, sweep="@daily"),
            self.team.connection,
            cursor=self.cursor,
            seen=Circumstances(NOW + timedelta(minutes=self.moment)),
            recorded={name: entries[-1] for name, entries in self.ledger.items()},
            page_size=self.chance.choice([1, 2, 3, 5]),
        )
        self.cursor = look.cursor
        self.moment += 1
        for draft in look.drafts:
            entries = self.ledger.setdefault(draft.subjects[0].name, [])
            if not entries or entries[-1].statement.facts_digest != draft.statement.facts_digest:
                entries.append(Entry(0, draft.seal(entries[-1].leaf_hash if entries else None)))
        return Counter(draft.subjects[0].name.rsplit("/", 1)[1] for draft in look.drafts)

    def recorded(self, run: str) -> dict:
        return self.ledger[f"mlflow://tracking/runs/{run}"][-1].statement.facts

    def plain(self) -> Counter[str]:
        """What paging by MLflow's own tokens brings of the active runs, with writes between the pages."""
        found, token = list[str](), ""
        ask = {"experiment_ids": [self.team.experiment_id], "max_results": 3}
        while True:
            page = self.team.call("runs/search", **ask, page_token=token)
            found += [run["info"]["run_id"] for run in page.get("runs", [])]
            if not (token := page.get("next_page_token", "")):
                return Counter(found)
            self.some_writes()


def missed_and_repeated(mlflow: Mlflow, monkeypatch: pytest.MonkeyPatch, *, looks: int, seed: int) -> tuple[int, int]:
    """What plain paging missed and repeated, in as many looks as ours were right in."""
    missed = repeated = 0
    send = Api._send
    for block in range(-(-looks // LOOKS)):
        writers = Writers(Team(mlflow), random.Random(f"{seed} {block}"))
        for _ in range(5):
            writers.create()
        for _ in range(min(LOOKS, looks - block * LOOKS)):
            with monkeypatch.context() as patch:
                patch.setattr(Api, "_send", _interrupted(send, writers.some_writes))
                _look_is_right(writers)
            there = writers.starts.keys() - writers.deleted - writers.destroyed
            writers.touched.clear()
            found = writers.plain()
            missed += len(there - writers.touched - found.keys())
            repeated += sum(times > 1 for times in found.values())
        writers.moment += 24 * 60
        assert max(writers.look().values()) == 1
        _all_is_known(writers)
    return missed, repeated


def _interrupted(send: Callable, write: Callable[[], None]) -> Callable:
    def interrupted(self: Api, method: str, path: str, **more: object) -> object:
        write()
        return send(self, method, path, **more)

    return interrupted


def _look_is_right(writers: Writers) -> None:
    there = dict(writers.starts)
    found = writers.look()
    assert max(found.values()) == 1, "no run twice"
    late = [run for run, start in there.items() if start >= NOW_MS - 2 * HOUR]
    for run in set(late) - writers.destroyed:
        assert found[run] == 1, "none that was there throughout is missed; those dated back wait for the sweep"


def _all_is_known(writers: Writers) -> None:
    """After a sweep that nobody wrote into, the ledger has every run that there is, as it is."""
    for run in writers.starts.keys() - writers.destroyed:
        truth = writers.team.call("runs/get", method="GET", run_id=run)["run"]
        facts = writers.recorded(run)
        metrics = {each["key"]: each["value"] for each in truth["data"].get("metrics", [])}
        tags = {each["key"]: each["value"] for each in truth["data"].get("tags", [])}
        assert facts["lifecycle"] == truth["info"]["lifecycle_stage"]
        assert facts["metrics"] == metrics
        assert facts["tags"].get("team") == tags.get("team")
    for run in writers.destroyed:
        if f"mlflow://tracking/runs/{run}" in writers.ledger:
            assert writers.recorded(run)["lifecycle"] == "gone"
    for entries in writers.ledger.values():
        leaves = [entry.leaf_hash for entry in entries]
        assert [entry.statement.supersedes for entry in entries] == [None, *leaves[:-1]]
