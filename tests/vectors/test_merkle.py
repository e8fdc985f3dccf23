import json
from base64 import b64decode
from pathlib import Path

import pytest

from affidavit.errors import ProofError
from affidavit.tlog.proofs import check_consistency, check_inclusion

MERKLE = Path(__file__).parent / "merkle"


def vectors(kind):
    paths = sorted((MERKLE / kind).rglob("*.json"))
    return [pytest.param(json.loads(path.read_text()), id=str(path.relative_to(MERKLE))) for path in paths]


def expected(vector, check, **arguments):
    proof = [b64decode(part) for part in vector["proof"] or ()]
    if vector["wantErr"]:
        with pytest.raises(ProofError):
            check(proof=proof, **arguments)
    else:
        check(proof=proof, **arguments)


@pytest.mark.parametrize("vector", vectors("inclusion"))
def test_inclusion(vector):
    expected(
        vector,
        check_inclusion,
        index=vector["leafIdx"],
        size=vector["treeSize"],
        leaf=b64decode(vector["leafHash"]),
        root=b64decode(vector["root"]),
    )


@pytest.mark.parametrize("vector", vectors("consistency"))
def test_consistency(vector):
    expected(
        vector,
        check_consistency,
        size1=vector["size1"],
        size2=vector["size2"],
        root1=b64decode(vector["root1"]),
        root2=b64decode(vector["root2"]),
    )


def test_the_vectors_are_there_and_some_must_hold():
    every = [param.values[0] for kind in ("inclusion", "consistency") for param in vectors(kind)]
    assert len(every) == 92
    assert sum(not vector["wantErr"] for vector in every) == 6
