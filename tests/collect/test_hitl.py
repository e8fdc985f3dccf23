"""Airflow's record of what people were asked, as a server answers it; see also ``tests/test_decisions.py``."""

import json

import pytest

from affidavit.collect import airflow_client, hitl
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable

RUN = "/api/v2/dags/decisions.organisation/dagRuns/judgement-1/taskInstances/answer"
BEGAN = "2026-03-14T12:00:00Z"


@pytest.fixture
def airflow(serve):
    """Makes a connection to a server that answers ``paths`` and knows nothing else."""

    def start(paths: dict[str, object]):
        def answer(handler) -> None:
            found = {"/auth/token": {"access_token": "abc"}} if handler.command == "POST" else paths
            body = json.dumps(found.get(handler.path, {"detail": "not found"})).encode()
            handler.send_response(200 if handler.path in found else 404)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        return serve(answer)

    return start


def instance(number: int, state: str | None) -> dict[str, object]:
    return {"try_number": number, "state": state, "start_date": BEGAN, "end_date": None}


def detail(number: int, state: str, **answer: object) -> dict[str, object]:
    return {"task_instance": instance(number, state), "responded_by_user": None, **answer}


def answered(number: int, account: str, option: str) -> dict[str, object]:
    by = {"id": account, "name": "Lea"}
    given = {"chosen_options": [option], "params_input": {"reasons": "So."}, "responded_at": BEGAN}
    return detail(number, "success", responded_by_user=by, **given)


def ask(connection):
    return hitl.tries(connection, "decisions.organisation", "judgement-1", "answer")


def test_every_try_is_told_oldest_first_and_one_that_was_not_put_is_left_out(airflow):
    tries = ask(
        airflow(
            {
                RUN: instance(3, "awaiting_input"),
                f"{RUN}/-1/hitlDetails/tries/1": answered(1, "lea", "approve"),
                f"{RUN}/-1/hitlDetails/tries/3": detail(3, "awaiting_input"),
            }
        )
    )
    assert [(each.number, each.account, each.options, each.over) for each in tries] == [
        (1, "lea", ("approve",), True),
        (3, None, (), False),
    ]
    assert tries[0].given == {"reasons": "So."}


def test_an_answer_of_nobody_is_what_a_default_leaves(airflow):
    given = detail(1, "success", chosen_options=["approve"], responded_at=BEGAN)
    (found,) = ask(airflow({RUN: instance(1, "success"), f"{RUN}/-1/hitlDetails/tries/1": given}))
    assert found.account is None
    assert found.answered is not None


@pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed", "removed"])
def test_a_question_that_was_never_put_is_over_and_was_not_asked(airflow, state):
    (found,) = ask(airflow({RUN: instance(1, state)}))
    assert (found.asked, found.over, found.account) == (False, True, None)


def test_of_very_many_tries_the_latest_are_read(airflow):
    last = hitl.MAX_TRIES + 7
    paths = {f"{RUN}/-1/hitlDetails/tries/{n}": answered(n, "lea", "reject") for n in range(1, last + 1)}
    tries = ask(airflow({RUN: instance(last, "success"), **paths}))
    assert [each.number for each in tries] == list(range(8, last + 1))


def test_a_run_that_is_not_there_and_answers_that_are_none_are_errors(airflow):
    with pytest.raises(SourceRefused, match="answered 404"):
        ask(airflow({}))
    with pytest.raises(SourceGarbled, match="try_number"):
        ask(airflow({RUN: {"state": "success"}}))
    wrong = answered(1, "lea", "approve") | {"responded_by_user": "lea"}
    with pytest.raises(SourceGarbled, match="responded_by_user"):
        ask(airflow({RUN: instance(1, "success"), f"{RUN}/-1/hitlDetails/tries/1": wrong}))


def test_an_id_is_one_step_of_a_path(serve, reply):
    seen = []

    def answer(handler) -> None:
        seen.append(handler.path)
        reply(200, {"access_token": "abc", **instance(0, None)})(handler)

    hitl.tries(serve(answer), "a/b", "../c?d", "answer")
    assert seen[1] == "/api/v2/dags/a%2Fb/dagRuns/..%2Fc%3Fd/taskInstances/answer"


@pytest.mark.parametrize(
    ("status", "body", "everybody"), [(201, {"access_token": "abc"}, True), (403, {}, False), (200, {}, False)]
)
def test_a_token_for_a_stranger_means_that_everybody_is_an_administrator(serve, reply, status, body, everybody):
    asked = []

    def answer(handler) -> None:
        asked.append((handler.command, handler.headers["Authorization"]))
        reply(status, body)(handler)

    assert airflow_client.all_admins(serve(answer)) is everybody
    assert asked == [("GET", None)]


def test_an_airflow_that_is_down_is_not_taken_for_one_that_refuses(serve, reply):
    with pytest.raises(SourceUnavailable):
        airflow_client.all_admins(serve(reply(503)))
