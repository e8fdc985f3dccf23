"""The site in a real browser, opened from the disk."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from affidavit import catalogue
from affidavit.publish.site import build_site
from affidavit.rules.verdict import Status
from tests.pages import examples
from tests.pages.examples import NOTHING_DUE, Log, verdict
from tests.pages.markup import Markup

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

NOW = datetime.now(UTC)


def opened(page: Path, profile: Path) -> Markup:
    """The page after its script ran."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    return Markup(done.stdout)


def no_docs(details: bytes, *, where: str) -> str:
    raise AssertionError("nothing was validated")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    log = Log()
    log.write(examples.snapshot())
    ended, lasting = NOW - timedelta(hours=1), NOW + timedelta(days=365)
    verdicts = (
        verdict("A.7.2", Status.SUPPORTED, entries=(0,), valid_until=ended),
        verdict("A.7.3", Status.SUPPORTED, entries=(0,), valid_until=lasting),
        verdict("A.7.4", Status.FAILING, entries=(0,), valid_until=ended),
        verdict("A.7.5", Status.NOT_YET_DUE, valid_until=ended, scope="organisation"),
    )
    build_site(
        tmp_path / "site",
        reader=log,
        head=log.head(),
        verdicts=verdicts,
        catalogue=catalogue.load(),
        demonstrations=(),
        lineages={},
        completeness=NOTHING_DUE,
        at=NOW - timedelta(days=1),
        render_docs=no_docs,
    )
    return tmp_path / "site"


def test_a_verdict_that_outlived_its_evidence_turns_stale(site: Path, tmp_path: Path):
    page = opened(site / "index.html", tmp_path / "profile")
    rows = {a["id"].rsplit("--")[-1]: a["data-status"] for t, a in page.elements if t == "tr" and "data-status" in a}
    assert rows == {"A.7.2": "stale", "A.7.3": "supported", "A.7.4": "failing", "A.7.5": "stale"}
    banner = next(a for _, a in page.elements if a.get("id") == "outdated")
    assert "hidden" not in banner
    assert "2 verdicts on this page outlived the evidence" in page.text
    assert "was supported until" in page.text
    total = {a["data-count"]: a.get("class") for a in page.all("td") if a.get("data-scope") == ""}
    assert (total["stale"], total["supported"], total["not yet due"]) == ("n", "n", "n zero")
    assert any("outdated" in a.get("class", "") for a in page.all("h1"))


def test_a_verdict_that_still_holds_is_left_alone(site: Path, tmp_path: Path):
    page = opened(site / "controls" / "A.7.3.html", tmp_path / "profile")
    assert "hidden" in next(a for _, a in page.elements if a.get("id") == "outdated")
    assert "was supported" not in page.text
