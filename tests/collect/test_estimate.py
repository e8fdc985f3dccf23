from datetime import timedelta

from affidavit.collect.estimate import estimate_requests
from affidavit.collect.models import look_at_models
from affidavit.collect.resources import look_at_resources
from affidavit.collect.runs import look_at_runs
from tests.collect.conftest import HOUR, NOW_MS

FILES = {"MLmodel": b"flavors: {}"}


def test_entries_expected_are_those_that_come(team, seen):
    runs = [team.run() for _ in range(3)]
    team.alias("champion", team.register(f"models:/{team.logged_model(runs[0], FILES)}", runs[0]))
    system = team.system(registered_models=[team.name])
    expected = estimate_requests(system, team.connection, cursor=None, now=seen.observed_at)
    look = look_at_runs(system, team.connection, cursor=None, seen=seen)
    models = look_at_models(system, team.connection, seen=seen)
    assert expected.runs == look.read == 3
    resources, _ = look_at_resources(system, team.connection, collector="mlflow-models", seen=seen)
    assert expected.entries == len(look.drafts) + len(models.drafts) + len(resources)
    assert expected.requests >= 4


def test_after_a_look_only_what_is_new_or_was_running_is_expected(team, seen):
    team.run()
    running = team.run(finish=False)
    look = look_at_runs(team.system(), team.connection, cursor=None, seen=seen)
    team.finish(running)
    expected = estimate_requests(team.system(), team.connection, cursor=look.cursor, now=seen.observed_at)
    assert (expected.runs, expected.entries) == (2, 1)


def test_what_is_not_there_yet_costs_a_question(team, seen):
    system = team.system(experiments=["absent"], registered_models=["absent"])
    expected = estimate_requests(system, team.connection, cursor=None, now=seen.observed_at)
    assert (expected.requests, expected.runs, expected.entries) == (2, 0, 0)


def test_a_sweep_that_is_due_reads_everything_again(team, seen):
    for days in (10, 20, 30):
        team.run(NOW_MS - days * 24 * HOUR)
    look = look_at_runs(team.system(), team.connection, cursor=None, seen=seen)
    # The next Sunday begins twelve hours later.
    before, after = (seen.observed_at + timedelta(hours=hours) for hours in (11, 12))
    assert estimate_requests(team.system(), team.connection, cursor=look.cursor, now=before).runs == 1
    assert estimate_requests(team.system(), team.connection, cursor=look.cursor, now=after).runs == 3
