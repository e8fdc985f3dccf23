"""A pause and a deleted file, through the functions that the DAGs call: what never came stays."""

from affidavit.pipeline import posture
from affidavit.pipeline.completeness import calendars, calendars_now, operations
from affidavit.projections import Came, fold


def calendar(project, scope="system:loans"):
    with project.workplace.reader() as ledger:
        return calendars_now(ledger, at=project.now)[scope]


def judged(project):
    with project.workplace.reader() as ledger:
        return posture.judge(ledger, at=project.now)


def test_three_intervals_of_a_paused_dag_are_three_gaps_also_after_it_resumes(project):
    project.collect()
    for _ in range(2):
        project.tomorrow()
        project.collect()
        project.assess()
    first = project.now
    for _ in range(3):  # paused: nobody collects
        project.tomorrow()
    for _ in range(2):
        project.tomorrow()
        project.collect()
        project.assess()
    found = calendar(project)
    assert [due.came.value for due in found.due] == ["came"] * 2 + ["never came"] * 3 + ["came"] * 2
    [gap] = found.gaps()
    midnight = first.replace(hour=0)
    assert (gap.slots, gap.start, gap.lack.index) == (3, midnight, None)
    assert set(gap.lack.steps) == {"declarations", "table:loans-train", "mlflow-runs", "mlflow-models"}
    period = operations(fold(project.entries()), at=project.now, start=first, end=project.now)["system:loans"]
    assert {(each.due, each.kept) for each in period if each.control == "A.7.2"} != {(5, 5)}
    assert all(any(lapse.what == "never came" for lapse in each.lapses) for each in period if each.due)


def test_the_slots_of_a_deleted_system_stay_due_and_say_that_its_file_is_gone(project):
    project.collect("organisation")
    project.collect()
    project.tomorrow()
    (project.root / "include/systems/loans.yaml").unlink()
    for _ in range(3):
        project.collect("organisation")
        project.tomorrow()
    found = calendar(project)
    assert [due.came for due in found.due] == [Came.NEVER] * 3 + [Came.OPEN]
    assert {gap.lack.why for gap in found.gaps()} == {"nothing was recorded; the file of the AI system was gone"}
    assert calendar(project, "organisation").counts()[Came.NEVER] == 0
    loans = [v for v in judged(project).verdicts if v.scope == "system:loans"]
    assert loans
    assert not [v for v in loans if v.status.value == "supported"]


def test_a_backfill_of_the_pause_names_it_and_fills_nothing(project):
    from affidavit.inventory.schedule import slot_at
    from affidavit.pipeline import collection

    project.collect()
    missed = project.now.replace(day=project.now.day + 1)
    project.now = project.now.replace(day=project.now.day + 3)
    visit = collection.Visit("loans", slot_at("@daily", missed), project.now)
    collection.record(project.workplace, visit, [], now=project.now)
    project.collect()
    found = calendar(project)
    assert [due.came for due in found.due] == [Came.NEVER, Came.NEVER, Came.ON_TIME]
    assert "not collected while it could be observed" in found.gaps()[0].lack.why
    assert found.gaps()[0].lack.index is not None


def test_as_of_the_pause_the_calendar_is_that_of_then(project):
    project.collect()
    project.tomorrow()
    project.tomorrow()
    during = project.now
    known = calendar(project).due
    project.tomorrow()
    project.collect()
    with project.workplace.reader() as ledger:
        then = posture.judge_as_of(ledger, at=during)
    assert calendars(then.state, at=during)["system:loans"].due == known
