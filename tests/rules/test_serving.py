import pytest

from affidavit.evidence import Origin, kinds
from affidavit.rules import Status
from tests.projections.story import DAY, STEPS, Story

LIVE = {"id": "live", "model": "loans", "connection": "scoring", "path": "/v1", "version": "version"}
LOGGED = "mlflow://tracking/models/m-6a3b"


def story_of(said="1", *, endpoints=(LIVE,), alias="1", asked=True, **facts):
    story = Story()
    story.declare(serving=list(endpoints))
    story.run()
    story.version(logged_model=LOGGED)
    story.alias(alias)
    if asked:
        for endpoint in endpoints:
            story.serving(endpoint, said, **facts)
    story.collection(steps=(*STEPS, *(f"serving:{endpoint['id']}" for endpoint in endpoints)))
    return story


def ask(part, story, **rest):
    return part(story, "endpoint_serves/1", **rest)


@pytest.mark.parametrize("said", ["1", "models:/loans/1", "m-6a3b", "models:/m-6a3b"])
def test_an_endpoint_that_serves_what_the_alias_says_rests_on_both(part, said):
    story = story_of(said)
    found = ask(part, story)
    assert (found.status, found.origin) == (Status.SUPPORTED, Origin.RECORDED)
    kinds = {story.entries[index].statement.kind for index in found.entries}
    assert {"serving-version", "model-alias"} <= kinds


def test_an_alias_that_nobody_looks_at_any_more_agrees_with_nothing(part):
    story = story_of()
    story.now += 9 * DAY
    story.collection(steps=("serving:live",))
    found = ask(part, story)
    assert found.status is Status.STALE
    assert "mlflow-models" in found.sentence


def test_of_two_servers_with_a_model_of_that_name_nobody_can_tell_which_one_serves(part):
    story = story_of()
    further = {"connection": "research", "experiments": ["loans"], "registered_models": ["loans"]}
    story.declare(serving=[LIVE], more_mlflow=[further])
    facts = {"model": "loans", "alias": "champion", "version": "1"}
    story.say(kinds.MODEL_ALIAS, "mlflow://research/models/loans@champion", facts, origin=Origin.RECORDED)
    story.collection(steps=(*STEPS, "serving:live", "mlflow-models:research"))
    found = ask(part, story)
    assert found.status is Status.UNDETERMINED
    assert "Several tracking servers have a model loans" in found.sentence


def test_an_endpoint_is_compared_with_the_alias_on_the_server_of_its_model(part):
    cards = LIVE | {"id": "cards", "model": "cards"}
    story = story_of()
    further = {"connection": "research", "experiments": ["cards"], "registered_models": ["cards"]}
    story.declare(serving=[LIVE, cards], more_mlflow=[further])
    facts = {"model": "cards", "alias": "champion", "version": "2"}
    story.say(kinds.MODEL_ALIAS, "mlflow://research/models/cards@champion", facts, origin=Origin.RECORDED)
    steps = (*STEPS, "serving:live", "serving:cards")
    story.serving(cards, "2")
    story.collection(steps=steps)
    assert ask(part, story).status is Status.NOT_YET_DUE, "nobody looked at the further server"
    story.collection(steps=(*steps, "mlflow-models:research"))
    assert ask(part, story).status is Status.SUPPORTED
    story.serving(cards, "1")
    assert ask(part, story).status is Status.FAILING


@pytest.mark.parametrize("said", ["2", "11", "models:/loans/2", "models:/cards/1", "m-6a3c"])
def test_a_disagreement_names_both(part, said):
    story = story_of(said)
    found = ask(part, story)
    assert found.status is Status.FAILING
    assert f"serves version {said} of loans" in found.sentence
    assert "the alias 'champion' points at version 1" in found.sentence
    kinds = {story.entries[index].statement.kind for index in found.entries}
    assert {"serving-version", "model-alias"} <= kinds


def test_an_endpoint_that_serves_although_nothing_is_in_use_fails_it(part):
    found = ask(part, story_of("1", alias=None))
    assert found.status is Status.FAILING
    assert "points at no version" in found.sentence


def test_an_endpoint_that_did_not_say_is_never_taken_for_what_is_declared(part):
    found = ask(part, story_of(None))
    assert found.status is Status.UNDETERMINED
    assert "no answer within 60 s" in found.sentence


def test_an_endpoint_that_names_an_alias_names_no_version(part):
    assert ask(part, story_of("models:/loans@champion")).status is Status.UNDETERMINED


def test_without_an_endpoint_nothing_says_what_serves(part):
    assert ask(part, story_of(endpoints=())).status is Status.MISSING


def test_an_endpoint_that_was_never_asked_shows_nothing(part):
    assert ask(part, story_of(asked=False)).status is Status.MISSING


def test_one_of_two_endpoints_that_disagrees_fails_it(part):
    story = story_of("1", endpoints=(LIVE, LIVE | {"id": "spare"}))
    assert ask(part, story).status is Status.SUPPORTED
    story.serving(LIVE | {"id": "spare"}, "2")
    assert ask(part, story).status is Status.FAILING


def test_an_answer_from_elsewhere_is_stale(part):
    assert ask(part, story_of(source="endpoint://old/v1")).status is Status.STALE
    assert ask(part, story_of(model="cards")).status is Status.STALE


def test_it_turns_stale_when_nobody_asks(part):
    story = story_of()
    until = ask(part, story).valid_until
    assert until is not None
    assert ask(part, story, at=until).status is Status.STALE
