"""``affidavit adopt``, and what is planned beside what is missing."""

import json

from tests.pipeline.conftest import ORGANISATION


def test_a_plan_orders_the_steps_and_makes_nothing_better(run, project):
    plans = {"A.7": {"state": "planned", "until": "2020-01-31"}, "A.8": {"state": "adopting", "until": "2999-12-31"}}
    project.write("include/organisation.yaml", ORGANISATION | {"adoption": plans})
    project.collect("organisation")
    project.collect()
    found = json.loads(run("adopt", "--json").stdout)
    first = next(step for step in found if step["owner"] == "ml-lead")
    assert (first["control"][:4], first["overdue"], first["until"]) == ("A.7.", True, "2020-01-31")
    shown = run("adopt", "--steps", "2").stdout
    assert "planned until 2020-01-31, overdue" in shown
    assert "more" in shown
    said = run("status", "loans")
    assert "adopting until 2999-12-31" in said.stdout
    controls = json.loads(run("status", "loans", "--json").stdout)["scopes"]["system:loans"]["controls"]
    [user_information] = [each for each in controls if each["control"] == "A.8.2"]
    assert user_information["status"] == "missing"
    assert user_information["adoption"] == {"state": "adopting", "until": "2999-12-31", "overdue": False}
