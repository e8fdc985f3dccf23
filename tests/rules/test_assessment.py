import shutil
import subprocess
import sys
from importlib import resources

import pytest

from affidavit import catalogue
from affidavit.evidence import ORGANISATION_SCOPE, kinds, shapes
from affidavit.rules import assessment, assessment_facts, digest
from tests.projections.story import SCOPE, Story, told


def test_facts_are_those_of_the_kind_and_fit_a_leaf(verdicts):
    for scope in (SCOPE, ORGANISATION_SCOPE):
        mine = [verdict for (where, _), verdict in verdicts(told()).items() if where == scope]
        facts = assessment_facts(mine)
        shapes.check(facts, kinds.ASSESSMENT.facts, where="assessment")
        assert set(facts["controls"]) == {verdict.control for verdict in mine}
        story = Story()
        story.say(kinds.ASSESSMENT, f"affidavit://assessments/{scope}", dict(facts))
    assert facts["catalogue"] == catalogue.digest()
    assert facts["rules"] == digest()


def test_facts_change_with_a_status_and_not_with_words(verdicts):
    story = told()
    before = assessment_facts(verdicts(story).values())
    story.collection()
    assert assessment_facts(verdicts(story).values()) == before
    story.validation("train", failed=("a",))
    after = assessment_facts(verdicts(story).values())
    assert after["controls"]["A.7.4"] == {"status": "failing", "origin": "declared"}
    assert after != before


def test_the_digest_covers_catalogue_checks_and_sources(monkeypatch):
    whole = digest.__wrapped__()
    assert whole == digest()
    monkeypatch.setattr(assessment, "CHECKS", {"suites_passed/2": None})
    assert digest.__wrapped__() != whole
    monkeypatch.undo()
    monkeypatch.setattr(assessment, "_SOURCES", {"affidavit.rules": {"judge.py"}})
    assert digest.__wrapped__() != whole
    monkeypatch.undo()
    monkeypatch.setattr(assessment.catalogue, "digest", lambda: "0" * 64)
    assert digest.__wrapped__() != whole


@pytest.mark.parametrize("name", ["registers.py", "schedule.py", "loosening.py"])
def test_what_is_demanded_due_or_weaker_is_part_of_the_digest(name, monkeypatch, tmp_path):
    files = resources.files
    changed = shutil.copytree(str(files("affidavit.inventory")), tmp_path / "inventory")
    (changed / name).write_text((changed / name).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    monkeypatch.setattr(
        resources, "files", lambda package: changed if package.endswith("inventory") else files(package)
    )
    assert digest.__wrapped__() != digest()


def test_the_digest_is_the_same_in_another_process():
    code = "from affidavit.rules import digest; print(digest())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == digest()
