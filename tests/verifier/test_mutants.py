"""Doctored bundles: both verifiers find each, at the same file. ``make nightly`` tries more of them.

What must be ignored, because nothing can find it: an entry that was left out together with its proof (a bundle never
shows that it is whole), and a README, policy template or copy of the verifier that was changed together with its
digest in the manifest (nothing signs them, and no verdict uses them).
"""

import json
import random
import re
import subprocess
import sys
from collections import Counter

import pytest

from affidavit.errors import IntegrityError
from affidavit.publish.bundle_verification import verify_bundle
from tests.verifier.conftest import VERIFIER
from tests.verifier.mutants import mutants, packed, unpacked

SEED = 2026
EACH = """
import contextlib, importlib.util, io, json, pathlib, sys
spec = importlib.util.spec_from_file_location("verifier", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
verdicts = {}
for path in sorted(pathlib.Path(sys.argv[2]).iterdir()):
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = module.main([str(path)])
    verdicts[path.name] = [code, said.getvalue()]
foreign = sorted(name for name in sys.modules if name.partition(".")[0] == "affidavit")
print(json.dumps({"verdicts": verdicts, "foreign": foreign}))
"""


@pytest.mark.parametrize(
    ("count", "seed"), [(330, SEED), pytest.param(1000, SEED + 1, marks=pytest.mark.nightly, id="whole")]
)
def test_every_mutant_is_found_by_both_verifiers_at_the_same_file(count, seed, bundled, tmp_path, oldest_python):
    honest = bundled().read_bytes()
    folder = tmp_path / "mutants"
    folder.mkdir()
    expected = {}
    for name, data, found in mutants(honest, random.Random(seed), count):
        (folder / name).write_bytes(data)
        expected[name] = found
    (folder / "honest").write_bytes(honest)
    command = [oldest_python or sys.executable, "-I", "-W", "error", "-c", EACH, str(VERIFIER), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    answer = json.loads(done.stdout)
    assert answer["foreign"] == []
    assert answer["verdicts"].pop("honest")[0] == 1
    assert verify_bundle(folder / "honest").checkpoint.size == 41
    missed = []
    for name, (code, said) in answer["verdicts"].items():
        ours = said_by_us(folder / name)
        theirs = said.removeprefix("BROKEN: ")
        if code != 3 or not all(re.match(expected[name], text) for text in (theirs, ours)):
            missed.append((name, code, theirs, ours))
    assert missed == []
    assert len(answer["verdicts"]) == count
    ways = Counter(name.partition("-")[2] for name in expected)
    assert min(ways.values()) >= count // len(ways)


def said_by_us(path):
    with pytest.raises(IntegrityError) as caught:
        verify_bundle(path)
    return str(caught.value)


def test_what_nothing_can_find_is_ignored_by_both(bundled, tmp_path, verifier):
    files = unpacked(bundled().read_bytes())
    left_out = {name: data for name, data in files.items() if not re.search(r"/40\.", name)}
    doctored = [left_out]
    doctored += [files | {name: b"x"} for name in ("README.txt", "policy-template.txt", "copy_of_affidavit_verify.py")]
    for number, changed in enumerate(doctored):
        path = tmp_path / f"ignored-{number}.zip"
        path.write_bytes(packed(changed))
        code, said = verifier(path)
        assert code == 1, said
        assert verify_bundle(path).checkpoint.size == 41
    assert "copy_of_affidavit_verify.py in it is not this program, byte for byte" in said
