"""One honest ledger of everything, its owner, and the bundle of it that witnesses cosigned."""

import contextlib
import importlib.util
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from affidavit.errors import AffidavitError
from affidavit.publish.bundle import Selection, write_bundle
from affidavit.publish.bundle_verification import BundleVerification, verify_bundle
from affidavit.tlog.policy import parse_policy
from tests.cheat.conftest import Place
from tests.tampering import signed
from tests.tampering.ground import Owner, build, policy_lines
from tests.verifier.conftest import VERIFIER
from tests.verifier.mutants import packed, unpacked

Verdict = tuple[int, str]


@pytest.fixture(scope="session")
def alone() -> Callable[..., Verdict]:
    """Runs the stand-alone verifier in this process; returns its exit code and what it said."""
    spec = importlib.util.spec_from_file_location("verifier_of_mutants", VERIFIER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run(*words: object) -> Verdict:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = module.main([str(word) for word in words])
        return code, said.getvalue()

    return run


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The honest ledger, in SQLite; nobody changes it."""
    home = tmp_path_factory.mktemp("ground")
    place = Place(f"sqlite:///{home}/ledger.db", home)
    build(place)
    return place


@pytest.fixture
def owner(ground: Place, tmp_path: Path) -> Owner:
    (tmp_path / "owned").mkdir()
    return Owner.of(ground, tmp_path / "owned")


@dataclass
class Cosigned:
    """A bundle of some entries, whose head two of three witnesses cosigned, and who asks for two of them."""

    home: Path
    files: dict[str, bytes]
    policy: str
    alone: Callable[..., Verdict]

    @property
    def note(self) -> str:
        return self.files["checkpoint.txt"].decode()

    @property
    def size(self) -> int:
        return int(self.note.split("\n")[1])

    def write(self, note: str) -> None:
        """The bundle with another note, wherever it stands, so that all agree on it."""
        before, after = self.files["checkpoint.txt"], note.encode()
        spread = ("checkpoint", "proofs/", "rotations/")
        files = {n: d.replace(before, after) if n.startswith(spread) else d for n, d in self.files.items()}
        (self.home / "bundle.zip").write_bytes(packed(files))

    def ours(self, policy: str) -> AffidavitError | BundleVerification:
        try:
            return verify_bundle(self.home / "bundle.zip", policy=parse_policy(policy.encode(), where="policy"))
        except AffidavitError as error:
            return error

    def theirs(self, policy: str) -> Verdict:
        path = self.home / "policy"
        path.write_bytes(policy.encode())
        return self.alone(self.home / "bundle.zip", "--policy", path)


@pytest.fixture
def bundle(ground: Place, tmp_path: Path, alone) -> Cosigned:
    path = tmp_path / "plain.zip"
    with ground.read() as ledger:
        chosen = Selection.of(scope=None, entries="1-4")
        write_bundle(path, reader=ledger, prover=ledger, selection=chosen, verifier=VERIFIER.read_bytes())
        made = Cosigned(tmp_path, unpacked(path.read_bytes()), policy_lines(ledger.key.text), alone)
    made.write(signed.cosigned(made.note))
    made.files = unpacked((tmp_path / "bundle.zip").read_bytes())
    return made
