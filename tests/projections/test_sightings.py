from datetime import timedelta

import pytest

from affidavit.evidence import timestamp
from affidavit.projections import Sighting, fold, sighted
from tests.projections.story import DAY, SCOPE, Story, first_day

HOUR = timedelta(hours=1)


def look(story: Story, version: str | None) -> None:
    """One look at the registry; where the alias stands as before, it adds its collection and nothing else."""
    story.alias(version)
    story.collection(steps=("mlflow-models",), window={"from": None, "to": timestamp(story.now)})


@pytest.fixture
def looked() -> Story:
    """Looks on four days: version 1, 1, 2, 1."""
    story = first_day()
    for version in ("1", "1", "2", "1"):
        story.now += DAY
        look(story, version)
    return story


def seen(story: Story, at):
    [found] = sighted(fold(story.entries).scope(SCOPE), at)
    return found


def test_a_look_that_found_nothing_new_is_a_look(looked):
    second = looked.now - 2 * DAY
    assert seen(looked, second).before == Sighting(second, "1")
    assert seen(looked, second).known


def test_between_two_looks_it_is_unknown_whatever_they_saw(looked):
    for days, before, after in ((3, "1", "1"), (2, "1", "2"), (1, "2", "1")):
        found = seen(looked, looked.now - days * DAY + HOUR)
        assert not found.known
        assert found.words.startswith("Unknown at ")
        assert (found.before.version, found.after.version) == (before, after)


def test_after_the_last_look_and_before_the_first_it_is_unknown(looked):
    late, early = seen(looked, looked.now + HOUR), seen(looked, looked.now - 9 * DAY)
    assert (late.known, late.after) == (False, None)
    assert late.words.endswith("since then it is unknown.")
    assert (early.known, early.before) == (False, None)
    assert "the first look saw version 1" in early.words


def test_an_alias_that_went_away_was_seen_to_point_nowhere(looked):
    looked.now += DAY
    look(looked, None)
    assert seen(looked, looked.now).words.startswith("A look saw no version at ")


def test_a_gap_is_no_look(looked):
    looked.now += DAY
    looked.collection(gap="nobody looked")
    assert seen(looked, looked.now).before.at == looked.now - DAY


def test_an_alias_that_nobody_saw_is_unknown():
    story = first_day()
    assert seen(story, story.now).words == "Unknown: no look saw the alias."
