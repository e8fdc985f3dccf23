"""What the stand-alone verifier says about what is honest."""

import zipfile

from affidavit.publish.bundle_verification import verify_bundle


def test_a_whole_ledger(filled, policy, verifier):
    code, said = verifier(filled.home / "ledger.db", "--policy", policy, "--blobs", filled.blobs)
    assert code == 0, said
    assert said.splitlines()[0] == "demonstration: 3 entries: A story told by a test."
    assert "intact: 41 entries under root " in said
    assert "whose key your policy names" in said


def test_a_bundle(bundled, policy, verifier):
    path = bundled(entries="3,7-9,40")
    code, said = verifier(path, "--policy", policy)
    assert code == 0, said
    assert said.splitlines()[0] == "demonstration: 1 entries: A story told by a test."
    assert "intact: 6 entries of 41 under root " in said
    assert "it claims to hold: entries 3,7-9,40" in said
    found = verify_bundle(path)
    assert found.indices == (0, 3, 7, 8, 9, 40)
    assert found.blobs == 1
    with zipfile.ZipFile(path) as zipped:
        assert zipped.testzip() is None
        zipped.extractall(path.with_suffix(""))
    assert verifier(path.with_suffix(""), "--policy", policy)[0] == 0
    assert verify_bundle(path.with_suffix("")) == found
