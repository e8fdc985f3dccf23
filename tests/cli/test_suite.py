"""``affidavit suite draft``, from outside."""

from tests.pipeline.conftest import system


def test_a_draft_says_that_nobody_reviewed_it_and_nothing_is_collected_by_it(run, project):
    project.sql("CREATE TABLE offers AS SELECT i AS id FROM range(20) t(i)")
    offers = {"id": "offers-test", "connection": "bank", "table": "offers", "use": "test", "suite": "offers"}
    project.declare(**system("loans", project.tracking.name, datasets=[offers]))
    done = run("suite", "draft", "loans", "offers-test")
    assert done.returncode == 0, done.stderr
    assert "nobody has reviewed" in done.stdout
    assert (project.root / "expectations" / "offers.yaml").exists()
    assert run("suite", "draft", "loans", "offers-test").returncode == 2
    refused = run("collect", "loans")
    assert refused.returncode == 2
    assert "is a draft" in refused.stderr
