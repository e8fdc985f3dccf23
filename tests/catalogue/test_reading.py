import functools
import hashlib
import json
import subprocess
import sys
from importlib import resources

import pytest
import yaml

from affidavit import catalogue
from affidavit.errors import ConfigurationError
from affidavit.evidence.canonical import dumps

CONTROLS = [
    f"A.{area}.{number}"
    for area, numbers in {
        "2": (2, 3, 4),
        "3": (2, 3),
        "4": (2, 3, 4, 5, 6),
        "5": (2, 3, 4, 5),
        "6.1": (2, 3),
        "6.2": (2, 3, 4, 5, 6, 7, 8),
        "7": (2, 3, 4, 5, 6),
        "8": (2, 3, 4, 5),
        "9": (2, 3, 4),
        "10": (2, 3, 4),
    }.items()
    for number in numbers
]
CLAUSES = [
    *("4.1", "4.2", "4.3", "4.4", "5.1", "5.2", "5.3", "6.1.1", "6.1.2", "6.1.3", "6.1.4", "6.2", "6.3"),
    *("7.1", "7.2", "7.3", "7.4", "7.5.1", "7.5.2", "7.5.3", "8.1", "8.2", "8.3", "8.4"),
    *("9.1", "9.2.1", "9.2.2", "9.3.1", "9.3.2", "9.3.3", "10.1", "10.2"),
]


@pytest.fixture
def files() -> dict[str, str]:
    folder = resources.files("affidavit.catalogue")
    return {name: folder.joinpath(f"{name}.yaml").read_text("utf-8") for name in ("controls", "clauses", "policy")}


def with_control(files, **changes):
    """The three files, with the first control changed; None takes a key away."""
    first, *others = read(files["controls"])
    first = {k: v for k, v in {**first, **changes}.items() if v is not None}
    return {**files, "controls": json.dumps([first, *others])}  # JSON is YAML


@functools.cache
def read(text):
    """What PyYAML's own reader understands, in Python alone."""
    return yaml.safe_load(text)


def test_the_38_controls_and_32_clauses_in_their_order():
    whole = catalogue.load()
    assert [item.id for item in whole.controls] == CONTROLS
    assert [item.id for item in whole.clauses] == CLAUSES
    assert [item.id for item in whole] == [*CLAUSES, *CONTROLS]
    assert all(item.clause for item in whole.clauses)
    assert not any(item.clause for item in whole.controls)


def test_each_says_everything_that_a_reader_needs():
    for item in catalogue.load():
        for name in ("title", "area", "summary", "check", "question", "lifecycle", "topics", "evidence", "parts"):
            assert getattr(item, name), (item.id, name)
        assert item.id.startswith(item.area.split()[0] + ".")


def test_each_topic_has_at_least_three():
    for topic in catalogue.TOPICS:
        assert len([item for item in catalogue.load() if topic in item.topics]) >= 3, topic


def test_clauses_are_about_the_organisation():
    assert {item.scope for item in catalogue.load().clauses} == {"organisation"}
    assert {item.scope for item in catalogue.load().controls} == {"organisation", "system", "dataset", "supplier"}


def test_a_link_that_nobody_else_supports_is_a_proposal_and_hidden():
    item = catalogue.load().get("7.2")
    links = {(link.framework, link.reference): link for link in item.crosswalks}
    assert links["iso-27001", "A.6.3"].support == ("OWN",)
    assert links["iso-27001", "A.6.3"].proposal
    assert links["iso-9001", "7.2"].support == ()
    assert links["iso-9001", "7.2"].proposal
    assert not links["eu-ai-act", "Art. 4"].proposal
    assert not any(link.proposal for link in item.links())
    assert item.links(proposals=True) == item.crosswalks
    assert len(item.links()) < len(item.crosswalks)


def test_no_supporter_is_unknown():
    known = {"NIST", "ES", "ABK", "FINOS", "HH", "HS", "GEN", "OWN"}
    assert {name for item in catalogue.load() for link in item.crosswalks for name in link.support} == known


def test_a_record_that_nobody_keeps_says_what_and_what_to_do():
    for item in catalogue.load():
        for call in item.parts:
            if call.check == "needs_record/1":
                assert set(call.params) == {"record", "next_action"}
                assert call.params["record"][0].islower() or call.params["record"][:2] in {"AI", "a "}, item.id
                assert call.params["next_action"][0].isupper()


def test_an_unknown_id_is_none():
    assert catalogue.load().get("A.1.1") is None


def test_it_is_read_once_and_frozen():
    assert catalogue.load() is catalogue.load()
    item = catalogue.load().get("A.7.4")
    with pytest.raises(AttributeError):
        item.title = "x"
    with pytest.raises(TypeError):
        item.parts[0].params["uses"] = []


def test_importing_reads_nothing():
    code = (
        "import affidavit.catalogue.reading as r, sys\n"
        "assert r.load.cache_info().currsize == 0\n"
        "import affidavit.rules\n"
        "assert r.load.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_digest_is_of_what_is_said(files):
    assert catalogue.parse(**files).digest == catalogue.digest()
    assert (
        catalogue.parse(**{**files, "controls": "# another comment\n" + files["controls"]}).digest == catalogue.digest()
    )
    for changed in (
        with_control(files, title="Another"),
        {**files, "policy": files["policy"].replace("grace_slots: 1", "grace_slots: 2")},
        {**files, "clauses": files["clauses"].replace("Completeness of the issues", "Another question")},
    ):
        assert catalogue.parse(**changed).digest != catalogue.digest()


def test_it_is_the_same_whichever_of_the_two_readers_of_yaml_is_at_hand(files):
    data = {f"{name}.yaml": read(text) for name, text in files.items()}
    assert hashlib.sha256(dumps(data)).hexdigest() == catalogue.digest()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"title": None}, "'title' is absent"),
        ({"guidance": None}, "'guidance' is absent"),
        ({"title": 3}, "title is not text"),
        ({"summary": " "}, "summary is not text"),
        ({"topics": ["ethics"]}, "unknown topic 'ethics'"),
        ({"topics": "governance"}, "topics is not a list"),
        ({"parts": []}, "parts is not a list"),
        ({"parts": ["needs_record/1"]}, "a part is not an object"),
        ({"parts": [{"check": "a/1", "param": {}}]}, "unknown key 'param'"),
        ({"scope": "world"}, "unknown scope 'world'"),
        ({"automation": "magic"}, "unknown automation 'magic'"),
        ({"crosswalks": ["Art. 4"]}, "crosswalks is not"),
        ({"crosswalks": {"eu-ai-act": ["Art. 4"]}}, "crosswalks is not"),
        ({"id": "A.2.3"}, "appears twice"),
    ],
)
def test_what_is_not_understood_is_refused_and_named(files, changes, words):
    with pytest.raises(ConfigurationError, match=r"controls\.yaml: A\.2") as caught:
        catalogue.parse(**with_control(files, **changes))
    assert words in caught.value.text


PEOPLE = "judgement_months: 12\nanswer_hours: 24\nrollback_approval_hours: 24\ntriage_days: 14"


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("controls", "id: A.2.2", "a list is expected"),
        ("controls", "- title: x", "without an id"),
        ("controls", "- id: 4.1", "without an id in quotes"),
        ("clauses", "- [", "not YAML"),
        ("policy", f"grace_slots: 1\n{PEOPLE}", "'window_slots' is absent"),
        ("policy", f"grace_slots: 1\nwindow_slots: many\n{PEOPLE}", "window_slots is not a count"),
        ("policy", f"grace_slots: true\nwindow_slots: 1\n{PEOPLE}", "grace_slots is not a count"),
        ("policy", "grace_slots: 1\nwindow_slots: 1\nmood: good", "unknown key 'mood'"),
    ],
)
def test_a_file_that_is_none_is_refused_and_named(files, file, text, words):
    with pytest.raises(ConfigurationError, match=f"{file}.yaml") as caught:
        catalogue.parse(**{**files, file: text})
    assert words in caught.value.text
