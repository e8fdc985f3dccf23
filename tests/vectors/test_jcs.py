from pathlib import Path

import pytest

from affidavit.evidence import dumps, loads

JCS = Path(__file__).parent / "jcs"


@pytest.mark.parametrize("name", sorted(path.name for path in (JCS / "input").iterdir()))
def test_rfc_8785_vectors(name):
    assert dumps(loads((JCS / "input" / name).read_bytes())) == (JCS / "output" / name).read_bytes()


def test_the_vectors_are_there():
    assert len(list((JCS / "output").iterdir())) == 4
