"""What the fast readers say of a leaf is what the strict reader and RFC 8785 say, or nothing."""

import hashlib
import json
import random
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from affidavit.errors import CanonicalError
from affidavit.evidence import AirflowRun, Circumstances, Period, Statement, kinds, loads
from affidavit.evidence.canonical import glance
from affidavit.evidence.glimpse import glimpse
from affidavit.evidence.statement import NOT_COMPARED

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
MUTANTS = 4_000

NAMES = st.sampled_from(
    ["header", "supersedes", "affidavit", "x", "é", "\ue000", "\U00010000", 'x"header', "\\", "\x00"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2**53, 1 - 2**53, 10**15, 1.0, -0.0, 1e16, 1e-5, 0.1])
    | st.text(max_size=4)
    | NAMES
    | st.sampled_from(["7" * 20, ":1234567890123456789", '"header":{"airflow":null', '"header":0']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def by_the_book(leaf):
    """The derived values as the docstring of ``evidence.statement`` says them, by the strict reader and RFC 8785."""
    document = loads(leaf)
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    predicate = document["predicate"]
    own = predicate if "header" in predicate else predicate["affidavit"]
    header = own["header"]
    for subject in document["subject"]:
        assert {"name", "digest"} <= set(subject)
    kind = kinds.BY_PREDICATE_TYPE[document["predicateType"]].name
    scope, name = header["scope"], document["subject"][0]["name"]
    supersedes = bytes.fromhex(header["supersedes"]) if header["supersedes"] else None
    stream = line("stream", rfc8785.dumps([kind, scope, name, header.get("interval")]))
    own["header"] = {key: value for key, value in header.items() if key not in NOT_COMPARED}
    facts = line("facts", rfc8785.dumps(document))
    identity = line("identity", stream + (supersedes or bytes(32)) + facts)
    return stream, supersedes, facts, identity, kind, scope, name, header["observed_at"], header.get("demonstration")


def line(what, data):
    return hashlib.sha256(f"affidavit {what} v1\n".encode() + data).digest()


def agree(leaf):
    """Check both fast readers; whether the quicker one said anything."""
    found, document = glimpse(leaf), glance(leaf)
    if document is not None:
        assert document == loads(leaf)
        assert rfc8785.dumps(document) == leaf
    if found is not None:
        assert found == by_the_book(leaf)
    try:
        statement = Statement.parse(leaf)
        digests = statement.stream, statement.supersedes, statement.facts_digest, statement.identity
    except (CanonicalError, KeyError, TypeError, ValueError):  # what it supersedes is read late
        assert found is None
    else:
        assert found is None or found[:4] == digests
        strictly = Statement(loads(leaf))
        assert digests == (strictly.stream, strictly.supersedes, strictly.facts_digest, strictly.identity)
        assert statement.document == strictly.document
    return found is not None


@pytest.fixture
def leaves(alias, validation):
    run = AirflowRun("evidence.x", "scheduled__2026", "development.model_runs", 1)
    seen = Circumstances(NOON, run, "scripted")
    drafts = [
        alias(),
        alias(model="modèle", demonstration="staged"),
        replace(alias(), seen=seen, effective=Period(NOON, None), interval=Period(NOON, NOON)),
        replace(
            alias(), kind=kinds.SYSTEM, facts={"file": "f", "system": {"header": {"airflow": None}, "x": [0.5, 1]}}
        ),
        validation(b"0" * 64),
    ]
    return [draft.seal(supersedes) for draft in drafts for supersedes in (None, b"\x12" * 32)]


def test_ordinary_leaves_are_glimpsed_and_those_that_name_a_blob_are_not(leaves):
    spoke = [agree(leaf) for leaf in leaves]
    assert spoke == [True] * 6 + [False] * 4


@given(st.dictionaries(NAMES, VALUES, max_size=3), st.dictionaries(NAMES, VALUES, max_size=2), VALUES, st.booleans())
def test_a_glimpse_says_what_the_book_says_whatever_the_facts_and_the_header_hold(facts, extra, value, foreign):
    header = {"airflow": value, "basis": extra, "collector": value, "interval": value, "supersedes": None}
    header |= {"scope": "s", "observed_at": "now"} | extra
    own = {**facts, "header": header}
    document = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "n", "digest": {"sha256": "0" * 64}}],
        "predicateType": kinds.MODEL_ALIAS.predicate_type,
        "predicate": {"x": value, "affidavit": own} if foreign else own,
    }
    for data in (
        json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(document, ensure_ascii=True, indent=1).encode(),
        written(document),
    ):
        agree(data)


def written(document):
    try:
        return rfc8785.dumps(document)
    except rfc8785.CanonicalizationError:
        return b"{}"


def test_no_mutant_of_a_leaf_is_glimpsed_as_what_it_is_not(leaves):
    chance = random.Random(20261121)
    mutants = [change(chance, chance.choice(leaves)) for change in CHANGES for _ in range(MUTANTS // len(CHANGES))]
    spoke = sum(agree_or_refused(mutant) for mutant in mutants)
    assert 0 < spoke < len(mutants) / 2


def agree_or_refused(leaf):
    try:
        loads(leaf)
    except CanonicalError:
        assert glance(leaf) is None
        assert glimpse(leaf) is None
        return False
    return agree(leaf)


def somewhere(chance, leaf, pattern, put):
    """``leaf`` with what one match of ``pattern`` covers replaced by what ``put`` makes of it."""
    places = list(re.finditer(pattern, leaf))
    place = chance.choice(places)
    return leaf[: place.start()] + put(place.group()) + leaf[place.end() :]


MEMBER = rb'"[a-z_]+":(null|"[^"]*"|[0-9.]+|\{[^{}]*\})'
STRING = rb'"[^"]*"'
NUMBERS = [b"-0", b"1.0", b"01", b"1e5", b"NaN", b"-Infinity", b"9007199254740993", b"0.00001", b"1e999", b"1" * 40]
TEXTS = [b"\\ud800", b"\xed\xa0\x80", b"\\u0061", b"\\/", b"\xff", b"\xc0\xaf", b"\x00", b"\\", b'\\"header\\":{']

CHANGES = [
    lambda chance, leaf: somewhere(chance, leaf, MEMBER, lambda one: one + b"," + one),
    lambda chance, leaf: somewhere(chance, leaf, MEMBER, lambda one: one + b"," + one.replace(b'":', b'":[', 1) + b"]"),
    lambda chance, leaf: somewhere(chance, leaf, MEMBER, lambda one: b'"\\u0061":1,' + one),
    lambda chance, leaf: somewhere(chance, leaf, MEMBER, lambda one: b'"header":{"supersedes":null},' + one),
    lambda chance, leaf: somewhere(chance, leaf, MEMBER, lambda one: one + b',"zz":' + chance.choice(NUMBERS)),
    lambda chance, leaf: somewhere(chance, leaf, MEMBER, lambda one: one + b',"zz":' + b"[" * 40 + b"]" * 40),
    lambda chance, leaf: somewhere(chance, leaf, MEMBER, lambda one: one.partition(b":")[0] + b":null"),
    lambda chance, leaf: somewhere(chance, leaf, MEMBER + b",", lambda _: b""),
    lambda chance, leaf: somewhere(chance, leaf, rb"[:,{}]", lambda one: one + chance.choice([b" ", b"\n", b"\t"])),
    lambda chance, leaf: somewhere(chance, leaf, STRING, lambda one: one[:-1] + chance.choice(TEXTS) + b'"'),
    lambda chance, leaf: somewhere(chance, leaf, rb"null|[0-9]+", lambda _: chance.choice(NUMBERS)),
    lambda chance, leaf: somewhere(chance, leaf, rb"(?s).", lambda _: bytes([chance.randrange(256)])),
    lambda chance, leaf: somewhere(chance, leaf, rb"(?s).", lambda _: b""),
    lambda chance, leaf: json.dumps(json.loads(leaf), indent=chance.randrange(3)).encode(),
    lambda _, leaf: json.dumps(dict(reversed(json.loads(leaf).items())), separators=(",", ":")).encode(),
    lambda chance, leaf: leaf[: chance.randrange(len(leaf))],
    lambda chance, leaf: leaf + chance.choice([b" ", b"\n", b"{}", b"\x00"]),
]
