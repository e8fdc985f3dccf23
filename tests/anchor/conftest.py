"""A real ledger, real witnesses, and a time stamp authority made with openssl."""

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from affidavit.inventory import from_environment
from affidavit.inventory.connection import variable
from affidavit.pipeline import anchoring
from affidavit.pipeline.workplace import Workplace
from affidavit.settings import Settings
from affidavit.tlog.note import COSIGNATURE, SigningKey
from affidavit.tlog.policy import parse_policy
from tests.conftest import NOON
from tests.witness.conftest import Clock, Home

CONFIG = """
[ req ]
distinguished_name = name
[ name ]
[ root ]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[ tsa_certificate ]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[ tsa ]
default_tsa = here
[ here ]
serial = {home}/serial
signer_cert = {home}/tsa.pem
signer_key = {home}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


@dataclass
class Authority:
    """A time stamp authority in a folder: its root, its certificate, its key; answers on a loopback port."""

    home: Path
    spoil: object = None

    @classmethod
    def make(cls, home: Path) -> "Authority":
        home.mkdir()
        config = home / "openssl.cnf"
        config.write_text(CONFIG.format(home=home))
        (home / "serial").write_text("01\n")
        curve = ("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out")
        for name in ("root", "tsa"):
            openssl(*curve, f"{home}/{name}.key")
        root = ("-x509", "-days", "3650", "-extensions", "root", "-out", f"{home}/root.pem")
        openssl(
            "req", "-new", "-config", str(config), "-key", f"{home}/root.key", "-subj", f"/CN={home.name} root", *root
        )
        request = ("-subj", f"/CN={home.name}", "-out", f"{home}/tsa.csr")
        openssl("req", "-new", "-config", str(config), "-key", f"{home}/tsa.key", *request)
        signed = ("-CA", f"{home}/root.pem", "-CAkey", f"{home}/root.key", "-CAcreateserial", "-days", "3650")
        extensions = ("-extfile", str(config), "-extensions", "tsa_certificate", "-out", f"{home}/tsa.pem")
        openssl("x509", "-req", "-in", f"{home}/tsa.csr", *signed, *extensions)
        return cls(home)

    @property
    def pem(self) -> bytes:
        return (self.home / "root.pem").read_bytes()

    def answer(self, query: bytes) -> bytes:
        asked, said = self.home / "query", self.home / "reply"
        asked.write_bytes(query)
        files = ("-queryfile", str(asked), "-out", str(said))
        openssl("ts", "-reply", "-config", str(self.home / "openssl.cnf"), *files)
        return said.read_bytes()

    @contextmanager
    def serving(self) -> Iterator[str]:
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                reply = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                reply = authority.spoil(reply) if authority.spoil else reply
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture(scope="session")
def authorities(tmp_path_factory) -> tuple[Authority, Authority]:
    """Two of them, that do not know each other."""
    home = tmp_path_factory.mktemp("authorities")
    return Authority.make(home / "one"), Authority.make(home / "two")


@pytest.fixture
def authority(authorities) -> Iterator[Authority]:
    yield authorities[0]
    authorities[0].spoil = None


@dataclass
class Project:
    """A project with a ledger and declared anchors, driven by a clock that the test sets."""

    root: Path
    make: object
    connections: dict
    now: object = NOON
    version: int = 0

    @property
    def workplace(self) -> Workplace:
        resolve = from_environment({variable(name): text for name, text in self.connections.items()})
        return Workplace(Settings.read({}, self.root), resolve)

    def declare(self, *anchors: dict) -> None:
        document = {"id": "harbour", "title": "Harbour", "roles": {}, "anchors": list(anchors)}
        (self.root / "include").mkdir(exist_ok=True)
        (self.root / "include/organisation.yaml").write_text(yaml.safe_dump(document))

    def append(self, count: int = 1) -> None:
        with self.workplace.writer() as ledger:
            for _ in range(count):
                self.version += 1
                ledger.append([self.make(str(self.version))], now=self.now)

    def later(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def anchor(self) -> anchoring.Round:
        return anchoring.anchor(self.workplace, now=self.now)

    def known(self, policy=None, authorities=None):
        with self.workplace.reader() as ledger:
            return anchoring.known_outside(ledger, head=ledger.head(), policy=policy, authorities=authorities)

    @property
    def log_key(self):
        with self.workplace.reader() as ledger:
            return ledger.key

    def policy(self, homes, quorum: str = "g", rule: str = "all"):
        names = [f"w{number}" for number in range(len(homes))]
        lines = [f"log {self.log_key.text}"]
        lines += [f"witness {name} {home.key.public.text}" for name, home in zip(names, homes, strict=True)]
        if quorum != "none":
            lines.append(f"group {quorum} {rule} {' '.join(names)}")
        return parse_policy("\n".join([*lines, f"quorum {quorum}"]))


@pytest.fixture
def project(tmp_path, alias) -> Project:
    """A ledger with its genesis entry and nothing declared."""
    made = Project(tmp_path, alias, {})
    made.declare()
    made.workplace.create_ledger(now=NOON).close()
    return made


@pytest.fixture
def witnesses(tmp_path) -> list[Home]:
    """Three witnesses, each with its own key and clock; nothing runs yet."""
    homes = []
    for number in range(3):
        key = SigningKey(f"witness.example/{number}", COSIGNATURE, bytes([number + 1]) * 32)
        homes.append(Home(tmp_path / f"witness-{number}", key=key, clock=Clock(int(NOON.timestamp()) + number)))
    return homes
