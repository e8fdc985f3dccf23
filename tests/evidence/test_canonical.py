import json
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from affidavit.errors import CanonicalError
from affidavit.evidence import Statement, dumps, kinds, loads, number
from affidavit.evidence.canonical import glance

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = FLOATS | st.integers(-(2**53) + 1, 2**53 - 1) | st.sampled_from([1.0, -0.0, 1e-5, 1e-7, 1e16, 1e21, 0.1])
TEXT = st.text(max_size=6) | st.sampled_from(["\ue000", "\U00010000", "\x00", "0.1.0", "e-1", "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_what_rfc_8785_writes(value):
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        with pytest.raises(CanonicalError):
            dumps(value)
    else:
        assert dumps(value) == expected


@pytest.mark.parametrize(
    "value",
    [{1: 2}, {None: 1}, {True: 1}, [2**53], -(2**53), float("nan"), [float("inf")], {"a": {1, 2}}, b"x", "\ud800"],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(CanonicalError):
        dumps(value)


@given(VALUES)
def test_a_glance_never_reads_what_the_strict_reader_reads_otherwise(value):
    for data in (dumps(value), json.dumps(value).encode(), json.dumps(value, ensure_ascii=False, indent=1).encode()):
        found = glance(data)
        if found is not None:
            assert loads(data) == found
            assert rfc8785.dumps(found) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a" :1}',
        b'{"b":1,"a":1}',
        b"[1e400]",
        b"[NaN]",
        b"[9007199254740993]",
        b"[9007199254740992]",
        b"[-9007199254740992]",
        b'{"a":9007199254740993}',
        b"[0,9007199254740993]",
        b"[1e16]",
        b"[1e-05]",
        b'{"\xef\xbf\xbf":1,"\xf0\x90\x80\x80":2}',
        b'"\xed\xa0\x80"',
        b'{"\xed\xa0\x80":1}',
        b"null",
        b"[1.0]",
        b"[-0]",
        b'"\\u0041"',
        b'"\\ud800"',
        b"[1]x",
        b" 1",
        b"\xff",
        b"[" * 33 + b"]" * 33,
    ],
)
def test_what_is_not_plainly_canonical_is_left_to_the_strict_reader(data):
    assert glance(data) is None


def document(**facts):
    header = dict.fromkeys(("airflow", "basis", "by", "effective", "interval", "supersedes"))
    header |= {"scope": "s", "stage": "t", "origin": "declared", "observed_at": "now", "collector": {}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "n", "digest": {"sha256": "0" * 64}}],
        "predicateType": "urn:elsewhere:v1",
        "predicate": {"header": header, **facts},
    }


@given(st.dictionaries(TEXT.filter(lambda name: name not in ("header", "affidavit")), VALUES, max_size=4))
def test_a_sealed_statement_is_the_canonical_form_of_its_document(facts):
    statement = Statement(document(**facts))
    try:
        assert statement.sealed(None) == dumps(statement.document)
        leaf = statement.sealed(b"\x01" * 32)
        read = Statement.parse(leaf)
    except CanonicalError:  # no canonical form, or an integer beyond 2**53, which a whole double may become
        return
    assert read.supersedes == b"\x01" * 32
    assert read.document == loads(leaf)
    assert read.facts_digest == statement.facts_digest
    assert read.stream == statement.stream


def test_facts_that_look_like_the_header_are_not_taken_for_it():
    statement = Statement(document(a={"header": 0}, z=[{"header": 1}, {"header": 2.5}, {'x"header': 3}]))
    assert statement.sealed(None) == dumps(statement.document)
    assert Statement.parse(statement.sealed(None)).facts_digest == statement.facts_digest


def test_the_spelling_of_a_leaf_is_no_part_of_its_facts():
    canonical = Statement(document(x=0.5)).sealed(None)
    spaced = json.dumps(json.loads(canonical), indent=1).encode()
    assert Statement.parse(spaced).facts_digest == Statement.parse(canonical).facts_digest


def test_a_key_twice_is_refused_in_a_leaf_that_is_canonical_otherwise():
    leaf = Statement(document(x=1)).sealed(None)
    with pytest.raises(CanonicalError, match="twice"):
        Statement.parse(leaf.replace(b'"x":1', b'"x":1,"x":1'))


@pytest.mark.parametrize("value", [1e16, -(2.0**53), 1e20, 2**53, 1e21, -1.5e300, 7.0])
def test_a_number_of_any_size_can_be_read_again(value):
    read = loads(dumps([number(value)]))[0]
    assert (int(read.removeprefix("int:")) if isinstance(read, str) else read) == value


def test_what_could_not_be_read_again_is_not_sealed(alias):
    facts = {"file": "f", "system": {"large": 1e16}}
    for system in ({"large": 1e16}, nested(40)):
        draft = replace(alias(), kind=kinds.SYSTEM, facts=facts | {"system": system})
        with pytest.raises(CanonicalError):
            draft.seal(None)
    replace(alias(), kind=kinds.SYSTEM, facts=facts | {"system": nested(20)}).seal(None)


@pytest.mark.parametrize("levels", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ('{"a":[', "]}")])
def test_levels_are_counted_whatever_they_are_made_of(levels):
    opening, closing = levels
    times = 32 // (opening.count("[") + opening.count("{"))
    loads(f"{opening * times}1{closing * times}".encode())
    for beyond in (f"[{opening * times}1{closing * times}]", f"{opening * times}{{}}{closing * times}"):
        with pytest.raises(CanonicalError, match="nested more than 32 levels"):
            loads(beyond.encode())


def test_half_of_a_surrogate_pair_is_not_sealed(alias):
    draft = replace(alias(), kind=kinds.SYSTEM, facts={"file": "f", "system": {"name": "\ud800"}})
    with pytest.raises(CanonicalError):
        draft.seal(None)


def nested(depth):
    return {"x": nested(depth - 1)} if depth else {}
