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
from affidavit.publish.bundle import Selection
from affidavit.publish.bundle_verification import verify_bundle
from affidavit.tlog.note import Note
from affidavit.tlog.policy import parse_policy
from tests import rotations
from tests.rotations import WITNESSES
from tests.verifier.conftest import NOON, VERIFIER, write
from tests.verifier.mutants import mutants, packed, unpacked
from tests.verifier.test_witnesses import POLICY, Watched

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
        code = module.main([str(path), *sys.argv[3:]])
    verdicts[path.name] = [code, said.getvalue()]
foreign = sorted(name for name in sys.modules if name.partition(".")[0] == "affidavit")
print(json.dumps({"verdicts": verdicts, "foreign": foreign}))
"""


@pytest.mark.parametrize(
    ("count", "seed"), [(330, SEED), pytest.param(1000, SEED + 1, marks=pytest.mark.nightly, id="whole")]
)
def test_every_mutant_is_found_by_both_verifiers_at_the_same_file(count, seed, bundled, tmp_path, oldest_python):
    tried = Tried(tmp_path, oldest_python or sys.executable)
    tried.all(mutants(bundled().read_bytes(), random.Random(seed), count), honest=bundled(), code=1)


@pytest.mark.parametrize(
    ("count", "seed"), [(70, SEED), pytest.param(1000, SEED + 1, marks=pytest.mark.nightly, id="whole")]
)
def test_every_mutant_of_a_bundle_that_proves_what_grew_is_found_by_both(count, seed, grown, tmp_path, oldest_python):
    """Of a log whose key was replaced twice, whose heads witnesses cosigned, and of which a head was noted."""
    path, *brought = grown
    starts = ("grown_",) if count < 100 else ("grown_", "way_")
    tried = Tried(tmp_path, oldest_python or sys.executable, *brought)
    tried.all(mutants(path.read_bytes(), random.Random(seed), count, starts=starts), honest=path, code=0)


@pytest.fixture
def grown(sqlite_place, alias, validation, verifier, tmp_path):
    """The bundle, the policy and the noted head."""
    watched = Watched(sqlite_place, verifier, alias, tmp_path / "policy.txt")
    noted = tmp_path / "noted.txt"
    for number in range(2):
        watched.cosign(*WITNESSES[:2])
        rotations.rotate(sqlite_place)
        watched.append(2)
        noted.write_text(watched.head.note if number == 0 else noted.read_text())
        with sqlite_place.write() as ledger:
            blob = b"details %d" % number
            ledger.append([validation(blob)], now=NOON, blobs=[blob])
    watched.cosign(*WITNESSES[1:])
    watched.append()
    watched.file.write_text(f"log {watched.named}\n{POLICY}quorum two\n")
    path = tmp_path / "grown.zip"
    with sqlite_place.read() as ledger:
        write(path, ledger, Selection.of(scope=None, entries=None), since=Note.parse(noted.read_text()))
    names = set(unpacked(path.read_bytes()))
    assert "since.txt" in names
    assert len([name for name in names if name.startswith("rotations/")]) == 2
    assert len([name for name in names if name.startswith("anchors/")]) > 1
    return path, watched.file, noted


class Tried:
    """Asks both verifiers about doctored bundles, with the policy and the noted head if they are given."""

    def __init__(self, home, python, policy=None, noted=None):
        self.home, self.python, self.words = home / "mutants", python, []
        self.home.mkdir()
        self.policy = parse_policy(policy.read_bytes()) if policy else None
        self.noted = Note.parse(noted.read_text()) if noted else None
        if policy:
            self.words = ["--policy", policy, "--since", noted]

    def all(self, doctored, *, honest, code):
        expected = {}
        for name, data, found in doctored:
            (self.home / name).write_bytes(data)
            expected[name] = found
        (self.home / "honest").write_bytes(honest.read_bytes())
        verdicts = self.theirs()
        assert verdicts.pop("honest")[0] == code
        assert self.ours("honest") == ""
        missed = []
        for name, (code_of, said) in verdicts.items():
            ours, theirs = self.ours(name), said.removeprefix("BROKEN: ")
            if code_of != 3 or not all(re.match(expected[name], text) for text in (theirs, ours)):
                missed.append((name, code_of, theirs, ours))
        assert missed == []
        assert len(verdicts) == len(expected)
        ways = Counter(name.partition("-")[2] for name in expected)
        assert min(ways.values()) >= len(expected) // len(ways)

    def theirs(self):
        command = [self.python, "-I", "-W", "error", "-c", EACH, str(VERIFIER), str(self.home), *map(str, self.words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
        answer = json.loads(done.stdout)
        assert answer["foreign"] == []
        return answer["verdicts"]

    def ours(self, name):
        """What is said against it; empty where nothing is."""
        try:
            verify_bundle(self.home / name, policy=self.policy, since=self.noted)
        except IntegrityError as error:
            return str(error)
        return ""


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
