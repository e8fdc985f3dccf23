"""A view read at any moment is the pure fold, judged at that moment."""

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit import catalogue, rules
from affidavit.errors import IntegrityError
from affidavit.evidence import Origin, kinds
from affidavit.projections import Head, fold, needs
from affidavit.rules.horizon import WatchedMoment
from affidavit.views import Postures, postures
from tests.projections.story import DAY, FIRST, PEOPLE, SCOPE, Story, decide, system

WHOLE = catalogue.load()
HOUR = timedelta(hours=1)


@dataclass
class Log:
    """The reader of a story, with the heads that were signed of it."""

    story: Story
    heads: list[Head] = field(default_factory=list)
    origin: str = "affidavit.invalid/views"

    def sign(self, time: datetime | None = None) -> None:
        leaves = [entry.leaf for entry in self.story.entries]
        if self.heads and self.heads[-1].size == len(leaves):
            return  # a ledger signs one head for each size
        root = sha256(b"".join(leaves)).digest()
        at = (time or self.story.now).replace(microsecond=0)
        self.heads.append(Head(self.origin, len(leaves), root, at, ""))

    def head(self) -> Head:
        return self.heads[-1]

    def head_at(self, time: datetime) -> Head | None:
        return max((head for head in self.heads if head.time <= time), key=lambda head: head.size, default=None)

    def entries(self, start=0, stop=None, *, scope=None, kind=None):
        return iter(self.story.entries[start:stop])


def judged(log: Log, at: datetime):
    head = log.head_at(at)
    return rules.judge(fold(log.story.entries[: head.size]), at=at, catalogue=WHOLE)


def read(view: Postures, log: Log, at: datetime, **scope):
    head = log.head_at(at)
    return view.read(head, at, **scope) if head else None


def day(story: Story, n: int) -> None:
    story.declare(schedule=("@daily", "@hourly", "@daily")[n])
    story.collection()


ACTIONS = {
    "day": day,
    "organisation": lambda story, n: story.collect_organisation(systems=("loans",) if n else ()),
    "tables": lambda story, _: story.collect_tables(),
    "model": lambda story, _: story.model(),
    "gap": lambda story, _: story.collection(gap="paused"),
    "alias": lambda story, n: story.alias(str(n)),
    "silence": lambda story, n: setattr(story, "now", story.now + n * DAY),
}
steps = st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 2), st.integers(1, 40)), max_size=4)


def play(log: Log, done) -> None:
    for name, n, hours in done:
        ACTIONS[name](log.story, n)
        log.story.now += hours * HOUR
        if log.story.entries:
            log.sign()


@pytest.fixture
def log() -> Log:
    log = Log(Story())
    log.story.collect_organisation()
    log.story.collect_tables()
    log.story.model()
    log.story.collection()
    log.sign()
    for _ in range(2):
        log.story.now += DAY
        log.story.collection()
        log.sign()
    return log


@pytest.fixture
def view(tmp_path) -> Postures:
    return Postures(tmp_path / "views.db", WHOLE)


@pytest.mark.parametrize("examples", [5, pytest.param(300, marks=pytest.mark.nightly)])
def test_a_view_read_at_any_moment_is_the_pure_fold(tmp_path_factory, examples):
    moments = st.lists(st.integers(0, 30 * 24 * 3600), min_size=3, max_size=3)
    tried = settings(max_examples=examples, deadline=None)(given(steps, steps, moments)(compared))
    tried(tmp_path_factory)


def compared(tmp_path_factory, before, after, seconds):
    log = Log(Story())
    log.story.declare()
    log.sign()
    view = Postures(tmp_path_factory.mktemp("view") / "views.db", WHOLE)
    play(log, before)
    view.advance(log, until=log.story.now + DAY)  # beyond the newest head: the next may come earlier
    play(log, after)
    last = log.story.now + 2 * DAY
    view.advance(log, until=last)
    span = int((last - FIRST).total_seconds())
    moments = [FIRST + timedelta(seconds=each % span) for each in seconds]
    moments += [log.heads[0].time, log.heads[-1].time, last]
    for at in moments:
        assert read(view, log, at) == judged(log, at), at


def test_one_scope_is_its_part_of_the_whole(log, view):
    view.advance(log, until=log.story.now)
    whole = read(view, log, log.story.now)
    assert read(view, log, log.story.now, scope=SCOPE) == tuple(v for v in whole if v.scope == SCOPE)


def test_what_is_recorded_of_one_system_is_judged_of_it_and_of_the_organisation(log, view, monkeypatch):
    asked = []
    judge_scope = rules.judge_scope

    def noting(state, scope, **rest):
        asked.append(scope)
        return judge_scope(state, scope, **rest)

    story = log.story
    cards = {"file": "include/systems/cards.yaml", "system": system(id="cards")}
    story.say(kinds.SYSTEM, "affidavit://systems/cards", cards, scope="system:cards", origin=Origin.DECLARED)
    view.advance(log, until=story.now)
    for change in (
        lambda: story.collect_organisation(systems=("cards", "loans")),
        lambda: story.alias("2"),
        lambda: story.collection(scope="system:cards"),
        lambda: story.collect_organisation(systems=("cards",)),
    ):
        story.now += timedelta(minutes=1)
        change()
        log.sign()
    monkeypatch.setattr(rules, "judge_scope", noting)
    view.advance(log, until=story.now)
    every = ["organisation", "system:cards", SCOPE]
    assert asked == [*every, "organisation", SCOPE, "organisation", "system:cards", *every]
    for head in log.heads[-4:]:
        assert read(view, log, head.time) == judged(log, head.time)


def test_a_system_that_is_retired_is_judged_no_more_until_it_is_back(log, view):
    story = log.story
    story.people = PEOPLE
    story.collect_organisation()
    for systems, there in (((), False), (("loans",), True)):
        story.now += HOUR
        story.collect_organisation(systems=systems)
        if not there:
            story.now += HOUR
            state = fold(story.entries)
            [need] = [each for each in needs(state, (), at=story.now, catalogue=WHOLE) if each.type == "retirement"]
            decide(story, need, by="p-1")
        log.sign()
        view.advance(log, until=story.now)
        assert read(view, log, story.now) == judged(log, story.now)
        assert (SCOPE in {verdict.scope for verdict in read(view, log, story.now)}) is there


def test_controls_of_the_organisations_own_are_kept_in_the_order_of_the_fold(log, view):
    for names in (("zeal", "breaks"), ("breaks", "zeal", "red-team")):
        own = [{"id": name, "title": name, "question": f"Is there {name}?", "owner": "ml-lead"} for name in names]
        log.story.now += HOUR
        log.story.declare_organisation(own_controls=own)
        log.sign()
        view.advance(log, until=log.story.now)
        assert read(view, log, log.story.now) == judged(log, log.story.now)
    assert [v.control for v in judged(log, log.story.now) if "-" in v.control or v.control in names] == sorted(names)


def test_every_tick_at_which_words_change_has_its_row_though_nothing_is_recorded(log, view):
    view.advance(log, until=log.story.now + 5 * DAY)
    for hours in range(0, 5 * 24, 7):
        at = log.story.now + hours * HOUR
        assert read(view, log, at) == judged(log, at)
    assert read(view, log, log.story.now) != read(view, log, log.story.now + 4 * DAY)


def test_no_rule_asks_what_cannot_be_watched(log):
    moment = WatchedMoment.of(log.story.now)
    rules.judge(fold(log.story.entries), at=moment, catalogue=WHOLE)
    assert not moment.unwatched
    assert moment.horizon > log.story.now + timedelta(minutes=1)


def test_what_is_not_held_is_none(log, view, tmp_path, monkeypatch):
    assert read(view, log, log.story.now) is None
    view.advance(log, until=log.story.now)
    assert read(view, log, log.story.now) is not None
    assert read(view, log, log.story.now + 9 * DAY) is None
    other = Log(log.story, origin="affidavit.invalid/other")
    other.sign()
    assert read(view, other, log.story.now) is None
    changed = Log(log.story, [Head(log.origin, 1, bytes(32), FIRST, "")])
    assert read(view, changed, log.story.now) is None
    monkeypatch.setattr(postures, "_code", lambda: "0" * 64)
    assert read(view, log, log.story.now) is None
    view.advance(log, until=log.story.now)
    assert read(view, log, log.story.now) == judged(log, log.story.now)


def test_a_head_that_was_signed_earlier_than_one_before_it_counts_from_then(log, view):
    view.advance(log, until=log.story.now)
    log.story.now += DAY
    log.story.collection()
    log.sign(log.heads[-1].time - HOUR)
    view.advance(log, until=log.story.now)
    for at in (log.heads[-1].time, log.heads[-1].time - HOUR, log.story.now):
        assert read(view, log, at) == judged(log, at)


def test_a_row_that_somebody_changed_is_found(log, view, tmp_path):
    view.advance(log, until=log.story.now)
    assert view.check(log, view.moments([0, 0.3, 0.6, 0.99])) == 4
    with sqlite3.connect(tmp_path / "views.db") as database:
        database.execute("""UPDATE view_verdicts SET body = replace(body, '"missing"', '"supported"')""")
    with pytest.raises(IntegrityError, match="not what the entries come to"):
        view.check(log, view.moments([0.6]))


def test_advancing_again_writes_nothing_new(log, view, tmp_path):
    def rows():
        with sqlite3.connect(tmp_path / "views.db") as database:
            return database.execute("SELECT count(*) FROM view_verdicts").fetchone()

    view.advance(log, until=log.story.now)
    before = rows()
    view.advance(log, until=log.story.now)
    assert rows() == before


@pytest.mark.parametrize(
    "asked",
    [
        lambda at: at.hour,
        lambda at: at - FIRST,
        lambda at: FIRST - at,
        lambda at: at + DAY,
        lambda at: at.isoformat(),
        lambda at: f"{at:%Y}",
        str,
        hash,
        lambda at: at == FIRST,
        lambda at: at.timestamp(),
        lambda at: at.replace(hour=1),
        lambda at: {at: 1},
    ],
)
def test_what_cannot_be_watched_ends_at_once_and_is_answered_right(asked):
    moment = WatchedMoment.of(FIRST)
    assert asked(moment) == asked(FIRST)
    assert moment.unwatched
    assert moment.horizon - FIRST == timedelta(microseconds=1)


@settings(max_examples=200, deadline=None)
@given(st.integers(-3, 3), st.integers(0, 4), st.sampled_from(["<", "<=", ">", ">=", "r<", "r<=", "r>", "r>=", "day"]))
def test_an_answer_stands_until_the_horizon_and_not_longer(offset, later, how):
    other = FIRST + timedelta(microseconds=offset)

    def ask(at):
        return {
            "<": lambda: at < other,
            "<=": lambda: at <= other,
            ">": lambda: at > other,
            ">=": lambda: at >= other,
            "r<": lambda: other < at,
            "r<=": lambda: other <= at,
            "r>": lambda: other > at,
            "r>=": lambda: other >= at,
            "day": at.date,
        }[how]()

    moment = WatchedMoment.of(FIRST)
    answer = ask(moment)
    assert answer == ask(FIRST)
    then = FIRST + timedelta(microseconds=later)
    if then < moment.horizon:
        assert ask(then) == answer
    elif moment.horizon - FIRST <= timedelta(microseconds=4):
        assert ask(moment.horizon) != answer
