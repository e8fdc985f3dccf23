import pytest

from affidavit.collect.models import look_at_models
from affidavit.errors import SourceGarbled, SourceRefused

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
        "lifecycle": "active",
        "status": "READY",
        "run": f"mlflow://tracking/runs/{run}",
        "logged_model": f"mlflow://tracking/models/{model}",
        "described": True,
        "signature": True,
        "environment": True,
        "artifacts": {"files": 3, "bytes": sum(map(len, FILES.values())), "moved": 0, "sha256": tree_digest(FILES)},
        "tags": {"stage": "candidate"},
        "withheld": {"tags": 1},
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


def test_all_versions_are_read_and_an_alias_moved_or_removed_is_noticed(team, seen, ledger, version):
    second = team.register(f"models:/{team.logged_model(team.run(), FILES)}")
    team.alias("champion", version)
    name = f"mlflow://tracking/models/{team.name}@champion"
    found = look(team, seen)
    assert {each["version"] for each in by_kind(found, "model-version").values()} == {version, second}
    assert by_kind(found, "model-alias") == {name: {"model": team.name, "alias": "champion", "version": version}}
    assert (found.enumerated, found.read) == (3, 3)

    team.alias("champion", second)
    known = ledger(found, kind="model-alias")
    assert by_kind(look(team, seen, aliases=known), "model-alias")[name]["version"] == second

    team.alias("champion", None)
    gone = look(team, seen, aliases=known)
    assert by_kind(gone, "model-alias") == {name: {"model": team.name, "alias": "champion", "version": None}}
    assert by_kind(look(team, seen), "model-alias") == {}


def test_overwritten_artifacts_of_the_version_in_use_are_noticed_at_each_look(team, seen, ledger, monkeypatch):
    monkeypatch.setattr("affidavit.collect.rotation.REREAD_BYTES", 0)
    models = [team.logged_model(team.run(), FILES) for _ in range(3)]
    versions = [team.register(f"models:/{model}") for model in models]
    before = look(team, seen)
    for model in models:
        team.put(f"{team.experiment_id}/models/{model}/artifacts/model.pkl", b"another")

    def changed(cursor) -> list[str]:
        found = by_kind(look(team, seen, versions=ledger(before), cursor=cursor), "model-version")
        known = by_kind(before, "model-version")
        return [facts["version"] for name, facts in found.items() if facts["artifacts"] != known[name]["artifacts"]]

    last = f"mlflow://tracking/models/{team.name}/versions/{versions[0]}"
    assert changed({"reread": last}) == [versions[1]], "one has its turn"
    team.alias("champion", versions[0])
    assert changed({"reread": last}) == [versions[0], versions[1]]


def test_every_version_has_its_turn_and_the_look_says_how_long_that_takes(team, seen, ledger, monkeypatch):
    monkeypatch.setattr("affidavit.collect.rotation.REREAD_BYTES", 0)
    model = team.logged_model(team.run(), FILES)
    for _ in range(3):
        team.register(f"models:/{model}")
    first = look(team, seen)
    known, cursor, turns = ledger(first), first.cursor, []
    for _ in range(4):
        found = look(team, seen, versions=known, cursor=cursor)
        cursor = found.cursor
        turns.append(cursor["reread"].rsplit("/", 1)[1])
    assert turns == ["1", "2", "3", "1"]
    assert first.notice_delay_seconds == 86_400
    assert found.notice_delay_seconds == 4 * 86_400


def test_a_changed_description_is_read_although_artifacts_are_known(team, seen, ledger, version):
    known = ledger(look(team, seen))
    team.call("model-versions/update", method="PATCH", name=team.name, version=version, description="A card.")
    (facts,) = by_kind(look(team, seen, versions=known), "model-version").values()
    assert facts["described"]
    assert facts["artifacts"]["files"] == 3


def test_a_version_that_was_deleted_is_said_to_be_gone_once(team, seen, ledger, version):
    first = look(team, seen)
    (before,) = first.drafts
    team.call("model-versions/delete", method="DELETE", name=team.name, version=version)
    gone = look(team, seen, versions=ledger(first))
    (draft,) = gone.drafts
    assert draft.facts == {**before.facts, "lifecycle": "gone"}
    assert draft.effective == before.effective
    assert look(team, seen, versions=ledger(first, gone)).drafts == ()


def test_a_version_of_another_model_or_server_is_never_called_gone(team, seen, ledger, version):
    first = look(team, seen)
    elsewhere = ledger(first)
    other = {name.replace("//tracking/", "//other/"): entry for name, entry in elsewhere.items()}
    system = team.system(registered_models=[team.name, f"{team.name}-other"])
    name, team.name = team.name, f"{team.name}-other"
    team.register("s3://bucket/model")
    team.name = name
    team.call("model-versions/delete", method="DELETE", name=team.name, version=version)
    found = look_at_models(system, team.connection, seen=seen, versions=other)
    assert {facts["lifecycle"] for facts in by_kind(found, "model-version").values()} == {"active"}


def test_a_registered_model_that_never_was_is_refused_with_near_names(team, seen, version):
    system = team.system(registered_models=[f"{team.name[:-1]}_"])
    with pytest.raises(SourceRefused, match=rf"mlflow.registered_models.*'{team.name}'"):
        look_at_models(system, team.connection, seen=seen)


def test_a_registered_model_that_went_away_leaves_its_aliases_pointing_nowhere(team, seen, ledger, version):
    team.alias("champion", version)
    first = look(team, seen)
    team.call("registered-models/delete", method="DELETE", name=team.name)
    known = {
        "versions": ledger(first, kind="model-version"),
        "aliases": ledger(first, kind="model-alias"),
    }
    gone, alias = look(team, seen, **known).drafts
    assert (gone.facts["lifecycle"], alias.facts["version"]) == ("gone", None)


def test_an_at_sign_in_the_name_of_a_model_mixes_no_aliases(team, seen, ledger):
    plain, team.name = team.name, f"{team.name}@x"
    team.alias("champion", team.register("s3://bucket/model"))
    signed, team.name = team.name, plain
    team.alias("champion", team.register("s3://bucket/model"))
    system = team.system(registered_models=[plain, signed])
    first = look_at_models(system, team.connection, seen=seen)
    names = {name: facts["model"] for name, facts in by_kind(first, "model-alias").items()}
    assert names == {f"mlflow://tracking/models/{each}@champion": each for each in (plain, signed)}
    known = ledger(first, kind="model-alias")
    # Of the plain model alone, whose name the other's begins with: no alias of it is "x@champion".
    found = look_at_models(team.system(registered_models=[plain]), team.connection, seen=seen, aliases=known)
    assert {facts["alias"] for facts in by_kind(found, "model-alias").values()} == {"champion"}


def test_an_alias_that_could_be_read_as_another_models_is_garbled(serve, reply, a_system, seen):
    model = {"name": "loans", "aliases": [{"alias": "x@champion", "version": "1"}]}
    with pytest.raises(SourceGarbled, match="alias"):
        look_at_models(a_system, serve(reply(200, {"registered_model": model})), seen=seen)


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
