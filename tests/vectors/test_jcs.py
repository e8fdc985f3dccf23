from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.errors import CanonicalError
from affidavit.evidence import dumps, loads

JCS = Path(__file__).parent / "jcs"


@pytest.mark.parametrize("name", sorted(path.name for path in (JCS / "input").iterdir()))
def test_rfc_8785_vectors(name):
    assert dumps(loads((JCS / "input" / name).read_bytes())) == (JCS / "output" / name).read_bytes()


def test_the_vectors_are_there():
    assert len(list((JCS / "output").iterdir())) == 4


TEXT = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["1.0", "1e+5", "x1.0,", "\ue000", "\U0001f600"]
)
NUMBERS = (
    st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.0, 1e-5, 1e-6, 1e-7, 1e15, 1e16, 1e20, 1e21, 123456789012345.6, 0.1234567890123456])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=600, deadline=None)
@given(VALUES)
def test_the_quick_way_writes_the_bytes_of_the_reference(value):
    assert dumps(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        {1: "a"},
        {None: 1},
        {True: 1},
        {1.5: 1},
        {"a": {2: 3}},
        2**53,
        [-(2**53)],
        float("nan"),
        [float("inf")],
        {1, 2},
        b"x",
        "\ud800",
    ],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(CanonicalError):
        dumps(value)


def test_tuples_are_arrays():
    assert dumps({"b": (1, 2), "a": ()}) == b'{"a":[],"b":[1,2]}'
