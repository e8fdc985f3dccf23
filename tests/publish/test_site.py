import dataclasses
import hashlib
import html
import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urldefrag

import pytest

from affidavit import catalogue
from affidavit.errors import ConfigurationError, IntegrityError
from affidavit.evidence import Entry
from affidavit.evidence.salted import payload, salted
from affidavit.pages.links import LOG_BLOCK
from affidavit.projections import graph
from affidavit.projections.state import Demonstration, fold
from affidavit.publish import site as site_module
from affidavit.publish.files import Files
from affidavit.publish.site import SiteReport, build_site
from affidavit.rules.verdict import Status, Verdict
from tests.pages import examples
from tests.pages.examples import NOON, NOTHING_DUE, Log, verdict
from tests.pages.markup import Markup

WHOLE = catalogue.load()
FEW = dataclasses.replace(WHOLE, clauses=(), controls=tuple(r for r in WHOLE.controls if r.id.startswith("A.7.")))
PASSED, FAILED = salted(b'{"outcome":"passed"}'), salted(b'{"outcome":"failed"}')


class Docs:
    """Stands where Great Expectations' renderer stands, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, details: bytes, *, where: str) -> str:
        self.calls += 1
        return f"<p>{html.escape(details.decode(), quote=False)}</p>"


@pytest.fixture
def docs() -> Docs:
    return Docs()


@pytest.fixture
def log() -> Log:
    log = Log()
    log.write(examples.system("Mortgage approval"))
    log.write(examples.run())
    log.write(examples.snapshot())
    log.write(examples.validation(log.keep(PASSED)))
    log.write(examples.validation(log.keep(FAILED), failed=("expect_column_values_to_be_between:dir",)))
    return log


def build(
    site: Path,
    log: Log,
    docs: Docs,
    *,
    verdicts: Sequence[Verdict] = (),
    demonstrations: Sequence[Demonstration] | None = None,
    wanted: catalogue.Catalogue = FEW,
) -> SiteReport:
    staged = fold(log.entries()).demonstrations if demonstrations is None else demonstrations
    return build_site(
        site,
        reader=log,
        head=log.head(),
        verdicts=verdicts or (verdict("A.7.4", Status.FAILING, entries=(2, 3, 4)),),
        catalogue=wanted,
        demonstrations=staged,
        lineages={scope.name: graph(scope) for scope in fold(log.entries()).systems},
        completeness=NOTHING_DUE,
        at=NOON,
        render_docs=docs,
    )


def pages(site: Path) -> dict[str, Markup]:
    return {p.relative_to(site).as_posix(): Markup(p.read_text()) for p in sorted(site.rglob("*.html"))}


def ours(site: Path) -> dict[str, Markup]:
    return {path: page for path, page in pages(site).items() if not path.startswith("data-docs/")}


def contents(site: Path) -> dict[str, str]:
    files = [p for p in site.rglob("*") if p.is_file()]
    return {p.relative_to(site).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def follow(site: Path, path: str, href: str) -> tuple[Path, str]:
    target, fragment = urldefrag(href)
    return ((site / path).parent / target).resolve() if target else (site / path), fragment


def test_every_page_is_well_made(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs, wanted=WHOLE)
    built = ours(tmp_path)
    assert {path: page.faults() for path, page in built.items() if page.faults()} == {}
    assert {path for path, page in built.items() if "Demonstration." not in page.text.split("Skip to")[0]} == set()
    assert {"index.html", "ledger.html", "log/0.html", "entries/4.html", "controls/A.7.4.html"} <= set(built)
    assert len([p for p in built if p.startswith("controls/")]) == 70


def test_every_link_leads_somewhere_within_the_site(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs)
    built, broken = pages(tmp_path), []
    for path, page in built.items():
        for href in page.addresses:
            target, fragment = follow(tmp_path, path, href)
            there = target.is_file() and tmp_path in target.parents
            anchors = built[target.relative_to(tmp_path).as_posix()].attribute("id") if there and fragment else ()
            if not there or (fragment and fragment not in anchors):
                broken.append((path, href))
    assert broken == []


def test_two_clicks_from_a_control_to_its_data_docs(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs)
    first = next(h for h in Markup((tmp_path / "index.html").read_text()).addresses if h == "entries/4.html")
    entry = Markup((tmp_path / first).read_text())
    second = next(h for h in entry.addresses if "data-docs" in h)
    report, _ = follow(tmp_path, first, second)
    assert payload(FAILED).decode() in report.read_text()
    assert "../entries/4.html" in Markup(report.read_text()).addresses
    assert examples.SIMULATED in report.read_text()


def test_each_data_quality_entry_is_on_the_index_with_its_report(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs)
    index = Markup((tmp_path / "index.html").read_text())
    for blob in (PASSED, FAILED):
        assert f"data-docs/{hashlib.sha256(blob).hexdigest()}.html" in index.addresses


def test_scopes_carry_their_declared_titles(tmp_path: Path, log: Log, docs: Docs):
    log.write(examples.system("Mortgage approval, renamed"))
    build(tmp_path, log, docs)
    assert "Mortgage approval, renamed" in Markup((tmp_path / "index.html").read_text()).text


def test_a_validation_that_a_verdict_rests_on_stays_on_the_index(
    tmp_path: Path, log: Log, docs: Docs, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(site_module, "RECENT", 3)
    for version in range(4):
        log.write(examples.alias(str(version)))
    build(tmp_path, log, docs)
    index = Markup((tmp_path / "index.html").read_text())
    assert f"data-docs/{hashlib.sha256(FAILED).hexdigest()}.html" in index.addresses
    build(tmp_path, log, docs, verdicts=[verdict("A.7.4", Status.MISSING)])
    index = Markup((tmp_path / "index.html").read_text())
    assert f"data-docs/{hashlib.sha256(FAILED).hexdigest()}.html" not in index.addresses


def test_building_twice_writes_no_entry_twice(tmp_path: Path, log: Log, docs: Docs):
    first = build(tmp_path, log, docs)
    before = contents(tmp_path)
    again = build(tmp_path, log, docs)
    assert contents(tmp_path) == before
    assert (first.entries, first.data_docs, docs.calls) == (5, 2, 2)
    assert (again.entries, again.data_docs) == (0, 0)
    assert again.index == tmp_path / "index.html"


def test_one_more_entry_costs_one_more_page(tmp_path: Path, log: Log, docs: Docs):
    for version in range(LOG_BLOCK + 10):
        log.write(examples.alias(str(version)))
    build(tmp_path, log, docs, verdicts=(verdict("A.7.4", Status.MISSING),))
    old = {p: (tmp_path / p).stat().st_ino for p in contents(tmp_path) if p.startswith(("entries/", "log/"))}
    newest = log.write(examples.validation(log.keep(salted(b"new"))))
    report = build(
        tmp_path,
        log,
        docs,
        verdicts=(verdict("A.7.4", Status.MISSING),),
        demonstrations=fold(log.entries()).demonstrations,
    )
    assert (report.entries, report.data_docs) == (1, 1)
    rewritten = {p for p, inode in old.items() if (tmp_path / p).stat().st_ino != inode}
    assert rewritten == {"log/1.html"}
    # It supersedes an entry of a block that this build did not read.
    assert "../entries/4.html" in Markup((tmp_path / f"entries/{newest}.html").read_text()).addresses


def test_one_more_validation_touches_as_many_files_at_10_000_stored_as_at_100(tmp_path: Path, docs: Docs):
    few, many = (cost_of_one_more(tmp_path / str(stored), docs, stored=stored) for stored in (100, 10_000))
    assert few["files"] == many["files"]
    assert few["blobs"] == many["blobs"] == 1
    assert 0 < many["entries of its kind"] <= 2 * LOG_BLOCK


def store(site: Path, log: Log, count: int) -> None:
    """As many validations, and their pages, as if they had been built; what stands in an old page is not looked at."""
    (site / "data-docs").mkdir()
    for number in range(count):
        digest = log.keep(salted(b"%d" % number))
        index = log.write(examples.validation(digest))
        for page in (f"entries/{index}.html", f"data-docs/{digest}.html", f"log/{index // LOG_BLOCK}.html"):
            (site / page).touch()
    for version in range(LOG_BLOCK + 1):
        log.write(examples.alias(str(version)))  # so that what is superseded next stands in another block
    built, size = json.loads((site / "built.json").read_bytes()), log.head().size
    last = log.entry(size - 1).leaf_hash.hex()
    (site / "built.json").write_text(json.dumps({**built, "size": size, "leaf_hash": last}))


def cost_of_one_more(site: Path, docs: Docs, *, stored: int) -> dict[str, object]:
    """What a build opens, lists and reads to add one validation to a site that shows ``stored`` already."""
    log = Log()
    log.write(examples.system("Mortgage approval"))
    build(site, log, docs, verdicts=(verdict("A.7.4", Status.MISSING),), demonstrations=())
    store(site, log, stored)
    log.write(examples.validation(log.keep(salted(b"one more"))))
    opened: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in {"open", "os.listdir", "os.scandir"} and watching and str(site) in str(arguments[0]):
            opened.append(re.sub(r"[0-9a-f]{64}|\d+(?=\.html)", "N", str(arguments[0]).removeprefix(str(site))))

    read = Counter[str]()
    log.blob = lambda digest: (read.update(["blobs"]), log.blobs[digest])[1]  # type: ignore[method-assign]
    whole = log.entries

    def entries(start: int = 0, stop: int | None = None, **named: str) -> Iterator[Entry]:
        for entry in whole(start, stop, **named):
            read.update(["entries of its kind"] if "scope" in named else [])
            yield entry

    log.entries = entries  # type: ignore[method-assign]
    watching = [True]
    sys.addaudithook(watch)  # it cannot be taken away again, only told not to listen
    report = build(site, log, docs, verdicts=(verdict("A.7.4", Status.MISSING),), demonstrations=())
    watching.clear()
    assert (report.entries, report.data_docs) == (1, 1)
    return {"files": sorted(opened), **read}


def test_the_same_result_again_shares_one_report(tmp_path: Path, log: Log, docs: Docs):
    again = log.write(examples.validation(log.keep(PASSED), scope="system:other"))
    report = build(tmp_path, log, docs)
    assert (report.data_docs, docs.calls) == (2, 2)
    path = f"data-docs/{hashlib.sha256(PASSED).hexdigest()}.html"
    assert f"../{path}" in Markup((tmp_path / f"entries/{again}.html").read_text()).addresses
    assert "Entry 3, the first with this result" in Markup((tmp_path / path).read_text()).text


def test_a_new_demonstration_reaches_the_pages_that_were_written_before(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs, demonstrations=())
    assert "Demonstration." not in (tmp_path / "entries/0.html").read_text()
    report = build(tmp_path, log, docs)
    assert report.entries == 5
    assert "Demonstration." in (tmp_path / "entries/0.html").read_text()


def test_the_site_of_another_ledger_is_left_alone(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs)
    before = contents(tmp_path)
    with pytest.raises(ConfigurationError, match="directory of its own"):
        build(tmp_path, dataclasses.replace(log, origin="affidavit.invalid/other"), docs)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("how", ["shorter", "changed"])
def test_a_ledger_that_lost_what_the_site_shows_is_refused(tmp_path: Path, log: Log, docs: Docs, how: str):
    build(tmp_path, log, docs)
    before = (tmp_path / "index.html").read_bytes()
    last = log.leaves.pop()
    if how == "changed":
        log.leaves.append(last.replace(b"2381", b"2382"))
    with pytest.raises(IntegrityError, match="no longer holds the entry 4") as caught:
        build(tmp_path, log, docs)
    assert caught.value.index == 4
    assert (tmp_path / "index.html").read_bytes() == before


def test_an_unreadable_entry_is_named_and_the_last_site_stands(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs)
    before = (tmp_path / "index.html").read_bytes()
    log.leaves.append(b"no statement")
    with pytest.raises(IntegrityError, match="entry 5: its bytes are no statement"):
        build(tmp_path, log, docs, demonstrations=())
    assert (tmp_path / "index.html").read_bytes() == before


def test_an_absent_blob_stops_the_build_before_the_index(tmp_path: Path, log: Log, docs: Docs):
    log.blobs.clear()
    with pytest.raises(IntegrityError, match="absent"):
        build(tmp_path, log, docs)
    assert not (tmp_path / "index.html").exists()


def test_a_build_that_broke_off_is_completed_by_the_next(tmp_path: Path, log: Log, docs: Docs):
    failed = log.blobs.pop(hashlib.sha256(FAILED).hexdigest())
    with pytest.raises(IntegrityError):
        build(tmp_path, log, docs)
    log.keep(failed)
    build(tmp_path, log, docs)
    fresh = tmp_path / "fresh"
    build(fresh, log, docs)
    assert {p: d for p, d in contents(tmp_path).items() if not p.startswith("fresh/")} == contents(fresh)


@pytest.mark.parametrize("damage", [b"", b"{}", b"not json", b'{"origin": 1}', b"[]"])
def test_a_damaged_note_of_what_is_built_builds_everything(tmp_path: Path, log: Log, docs: Docs, damage: bytes):
    build(tmp_path, log, docs)
    (tmp_path / "built.json").write_bytes(damage)
    assert build(tmp_path, log, docs).entries == 5


def test_an_empty_ledger_has_a_site(tmp_path: Path, docs: Docs):
    build(tmp_path, Log(), docs, verdicts=[verdict("A.7.4", Status.MISSING)])
    assert {path: page.faults() for path, page in pages(tmp_path).items() if page.faults()} == {}


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path, log: Log, docs: Docs):
    (tmp_path / "site").write_text("not a directory")
    with pytest.raises(ConfigurationError, match=r"site: the site cannot be written \(.*Fix: "):
        build(tmp_path / "site", log, docs)


def test_a_full_disk_is_a_clear_error_and_the_last_index_stands(tmp_path: Path, log: Log, docs: Docs):
    build(tmp_path, log, docs)
    before = (tmp_path / "index.html").read_bytes()
    # A limit on the size of files is how a process of its own meets a write that fails half-way.
    script = """
import resource, signal, sys
from pathlib import Path
from affidavit.publish.files import Files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
files = Files(Path(sys.argv[1]))
with files.alone():
    files.write("index.html", "x" * 10_000)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the site cannot be written (File too large)" in done.stderr
    assert (tmp_path / "index.html").read_bytes() == before


def test_pages_can_be_read_by_whoever_may_read_the_directory(tmp_path: Path, log: Log, docs: Docs):
    mask = os.umask(0o022)
    try:
        build(tmp_path, log, docs)
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "index.html").stat().st_mode) == 0o644
    assert [p.name for p in tmp_path.rglob("*.part")] == []


def test_builders_take_turns(tmp_path: Path):
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with Files(tmp_path).alone():
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with Files(tmp_path).alone():
        inside.set()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
