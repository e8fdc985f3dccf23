import pytest

from affidavit.collect.models import look_at_models
from affidavit.errors import SourceRefused

SIGNED = b"flavors: {}\nsignature:\n  inputs: '[]'\n"
FILES = {"MLmodel": SIGNED, "requirements.txt": b"scikit-learn\n", "model.pkl": b"\x80\x04never loaded"}


def look(team, seen, **more):
    system = team.system(registered_models=[team.name], allow={"tags": ["stage"]})
    return look_at_models(system, team.connection, seen=seen, **more)


def by_kind(found, kind: str) -> dict:
    return {each.subjects[0].name: each.facts for each in found.drafts if each.kind.name == kind}


@pytest.fixture
def version(team) -> str:
    run = team.run()
    model = team.logged_model(run, FILES)
    return team.register(f"models:/{model}", run)


def test_a_version_says_what_it_is_made_from_and_of(team, seen, tree_digest):
    run = team.run()
    model = team.logged_model(run, FILES)
    tags = [{"key": "stage", "value": "candidate"}, {"key": "owner", "value": "anna@example.org"}]
    version = team.register(f"models:/{model}", run, description="A card.", tags=tags)
    (draft,) = look(team, seen).drafts
    facts = dict(draft.facts)
    assert facts.pop("created_at").startswith("20")
    assert facts == {
        "model": team.name,
        "version": version,
        "status": "READY",
        "run": f"mlflow://tracking/runs/{run}",
        "logged_model": f"mlflow://tracking/models/{model}",
        "described": True,
        "signature": True,
        "environment": True,
        "artifacts": {"files": 3, "bytes": sum(map(len, FILES.values())), "sha256": tree_digest(FILES)},
        "tags": {"stage": "candidate"},
        "withheld": {"params": 0, "tags": 1},
    }
    assert draft.subjects[0].name == f"mlflow://tracking/models/{team.name}/versions/{version}"
    assert draft.subjects[1].name == f"mlflow://tracking/models/{model}"
    assert draft.subjects[1].sha256 == tree_digest(FILES)
    assert (draft.scope, draft.origin) == ("system:loans", "recorded")


def test_a_version_without_run_signature_or_environment_says_so(team, seen):
    model = team.logged_model(None, {"MLmodel": b"flavors: {}"})
    team.register(f"models:/{model}")
    (facts,) = by_kind(look(team, seen), "model-version").values()
    assert (facts["run"], facts["signature"], facts["environment"], facts["described"]) == (None, False, False, False)


@pytest.mark.parametrize(
    "text", [b"signature: [", b"[signature]", b"\xff\xfe", b"a: &a [*a]", b"!!python/object:os.x {}"]
)
def test_an_mlmodel_that_cannot_be_read_is_no_signature(team, seen, text):
    model = team.logged_model(team.run(), {"MLmodel": text})
    team.register(f"models:/{model}")
    (facts,) = by_kind(look(team, seen), "model-version").values()
    assert facts["signature"] is False


def test_artifacts_are_found_below_a_run_and_where_no_store_is_looked_at_are_null(team, seen, tree_digest):
    run = team.run()
    team.artifact(run, "model/MLmodel", SIGNED)
    below = team.register(f"runs:/{run}/model", run)
    elsewhere = team.register("s3://bucket/model")
    facts = {each["version"]: each for each in by_kind(look(team, seen), "model-version").values()}
    assert facts[below]["artifacts"]["sha256"] == tree_digest({"MLmodel": SIGNED})
    assert facts[below]["logged_model"] is None
    assert (facts[elsewhere]["artifacts"], facts[elsewhere]["signature"]) == (None, False)


def test_all_versions_are_read_and_an_alias_moved_or_removed_is_noticed(team, seen, version):
    second = team.register(f"models:/{team.logged_model(team.run(), FILES)}")
    team.alias("champion", version)
    name = f"mlflow://tracking/models/{team.name}@champion"
    found = look(team, seen)
    assert {each["version"] for each in by_kind(found, "model-version").values()} == {version, second}
    assert by_kind(found, "model-alias") == {name: {"model": team.name, "alias": "champion", "version": version}}
    assert (found.enumerated, found.read) == (3, 3)

    team.alias("champion", second)
    assert by_kind(look(team, seen, known_aliases=frozenset({name})), "model-alias")[name]["version"] == second

    team.alias("champion", None)
    gone = look(team, seen, known_aliases=frozenset({name, "mlflow://tracking/models/other@champion"}))
    assert by_kind(gone, "model-alias") == {name: {"model": team.name, "alias": "champion", "version": None}}
    assert by_kind(look(team, seen), "model-alias") == {}


def test_overwritten_artifacts_of_the_version_in_use_are_noticed_at_each_look(team, seen):
    run = team.run()
    model = team.logged_model(run, FILES)
    version = team.register(f"models:/{model}", run)
    name = f"mlflow://tracking/models/{team.name}/versions/{version}"
    known = by_kind(look(team, seen), "model-version")
    team.put(f"{team.experiment_id}/models/{model}/artifacts/model.pkl", b"another")
    assert by_kind(look(team, seen, recorded=known.get), "model-version") == known, "not in use: not hashed again"
    team.alias("champion", version)
    assert by_kind(look(team, seen, recorded=known.get), "model-version")[name]["artifacts"] != known[name]["artifacts"]


def test_a_changed_description_is_read_although_artifacts_are_known(team, seen, version):
    known = by_kind(look(team, seen), "model-version")
    team.call("model-versions/update", method="PATCH", name=team.name, version=version, description="A card.")
    (facts,) = by_kind(look(team, seen, recorded=known.get), "model-version").values()
    assert facts["described"]
    assert facts["artifacts"]["files"] == 3


def test_a_registered_model_that_never_was_is_refused_with_near_names(team, seen, version):
    system = team.system(registered_models=[f"{team.name[:-1]}_"])
    with pytest.raises(SourceRefused, match=rf"mlflow.registered_models.*'{team.name}'"):
        look_at_models(system, team.connection, seen=seen)


def test_a_registered_model_that_went_away_leaves_its_aliases_pointing_nowhere(team, seen, version):
    name = f"mlflow://tracking/models/{team.name}@champion"
    team.call("registered-models/delete", method="DELETE", name=team.name)
    found = look(team, seen, known_aliases=frozenset({name}))
    assert [draft.facts["version"] for draft in found.drafts] == [None]


@pytest.mark.parametrize("quoted", ["it's {}", 'so-called "{}"', "ü {}; --"])
def test_names_with_quotation_marks_are_names(team, seen, quoted):
    team.name = quoted.format(team.name)
    version = team.register("s3://bucket/model")
    other = team.name
    team.name = f"{other}x"
    team.register("s3://bucket/model")
    team.name = other
    assert [draft.facts["version"] for draft in look(team, seen).drafts] == [version]


def test_a_name_with_both_kinds_of_quotation_marks_is_refused(team, seen):
    team.name = f'"it\'s" {team.name}'
    team.register("s3://bucket/model")
    with pytest.raises(SourceRefused, match="both kinds of quotation marks"):
        look(team, seen)
