"""A bundle: chosen entries in one archive, each with the proof that it is in the log.

    README.txt            what this is, and what it does not show
    anchors/N.txt         where witnesses cosigned a head of N entries: the proof that the head extends it
    blobs/D               the blob with SHA-256 D, for each that an entry names and that was not erased
    checkpoint.txt        the signed head that every proof leads to
    copy_of_affidavit_verify.py   the stand-alone verifier; as a copy, its name says so, and so it does when it runs
    entries/N.json        the leaf of entry N, byte for byte; those that name the log's keys, or hold
                          the newest cosignature by each witness, are always there
    manifest.json         the SHA-256 of every other file
    policy-template.txt   the log's key as the log itself names it, commented out: to be compared, not to be trusted
    proofs/N.tlog-proof   its proof (C2SP tlog-proof)
    rotations/N.txt       where entry N replaced the log's key: the proof that the head extends the one it came after
    since.txt             where a noted checkpoint was given: the proof that the head extends it

The same prefix of the same ledger and the same selection give the same bytes. A bundle shows that what it holds is in
the log; it cannot show that nothing was left out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from affidavit.errors import AffidavitError, ConfigurationError, IntegrityError, UsageError
from affidavit.evidence import Entry, dumps
from affidavit.evidence.kinds import ANCHOR, FAILING_ROWS
from affidavit.evidence.naming import named_blobs
from affidavit.projections import erasures
from affidavit.projections.anchoring import newest_cosigned
from affidavit.projections.erasures import Erasures
from affidavit.projections.reader import Head, Reader
from affidavit.publish import archive
from affidavit.publish.since import Prover, prove_extension
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.extension import extension_text
from affidavit.tlog.note import Note
from affidavit.tlog.tlog_proof import TlogProof

FORMAT = "affidavit bundle 1"
"""What the manifest of every bundle begins with; another layout is another number."""

COPY = "copy_of_affidavit_verify.py"
"""Name of the verifier's copy: the same bytes, so that its SHA-256 can be compared with the published one."""

_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


@dataclass(frozen=True)
class Selection:
    """Which entries: those of ``scope`` and those in ``ranges`` (first and last index); every one where both are empty.

    Of failing rows only entries in ``ranges``: their blobs hold values of rows, and go out where somebody asked.
    ``words`` is how somebody asked for them.
    """

    scope: str | None = None
    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, *, scope: str | None, entries: str | None) -> Selection:
        """A selection from ``3,7-9`` and the name of a scope. Raises ``UsageError`` for what cannot be meant."""
        ranges = []
        for part in entries.split(",") if entries is not None else ():
            match = _RANGE.fullmatch(part.strip())
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
            if first > last:
                raise UsageError(f"{part[:40]!r} names no entries", where="--entries", fix="write 3,7-9")
            ranges.append((first, last))
        return cls(scope, tuple(sorted(ranges)))

    @property
    def _listed(self) -> bool:
        """Whether every entry was chosen by its number."""
        return self.scope is None and bool(self.ranges)

    @property
    def words(self) -> str:
        """The selection as it is written into the manifest."""
        entries = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ranges)
        parts = [f"scope {self.scope}" if self.scope else "", f"entries {entries}" if entries else ""]
        chosen = " and ".join(filter(None, parts)) or "every entry"
        return chosen if self._listed else f"{chosen}, but no examples of failing rows that are not listed"

    def choose(self, reader: Reader, size: int, *, always: Iterable[int]) -> list[Entry]:
        """The entries under the head of ``size``, in order, ``always`` among them. Raises ``UsageError`` for none."""
        chosen = {index: reader.entry(index) for index in always}
        if not self._listed:
            found = {entry.index: entry for entry in reader.entries(0, size, scope=self.scope)}
            for entry in reader.entries(0, size, scope=self.scope, kind=FAILING_ROWS.name):
                del found[entry.index]
            if not found:
                raise UsageError(f"no entry is about {self.scope!r}", where="--scope", fix="see 'affidavit status'")
            chosen |= found
        for first, last in self.ranges:
            if last >= size:
                raise UsageError(f"there is no entry {last}", where="--entries", fix=f"the last one is {size - 1}")
            chosen |= {entry.index: entry for entry in reader.entries(first, last + 1)}
        return [chosen[index] for index in sorted(chosen)]


@dataclass(frozen=True)
class Bundle:
    """What was written: under which head, how many entries and blobs, and the SHA-256 of the archive."""

    head: Head
    entries: int
    blobs: int
    sha256: str


def write_bundle(
    path: Path,
    *,
    reader: Reader,
    prover: Prover,
    selection: Selection,
    verifier: bytes,
    since: Note | None = None,
) -> Bundle:
    """Write the bundle to ``path``: whole, or not at all.

    ``verifier`` is the program to put a copy of into it. ``since`` is a checkpoint that somebody noted. Raises
    ``UsageError`` for a selection of nothing, ``ConfigurationError`` where the file cannot be written,
    ``IntegrityError`` for an entry or a blob that is not what was recorded, or a head that does not extend ``since``.
    """
    head = reader.head()
    small, digests = _files(selection, head, reader=reader, prover=prover, verifier=verifier)
    if since is not None:
        path_from = prove_extension(since, head, prover)
        small["since.txt"] = extension_text(Checkpoint.parse(since.text).size, path_from, head.note).encode()
    listed = {name: sha256(data).hexdigest() for name, data in small.items()}
    listed |= {f"blobs/{digest}": digest for digest in digests}
    small["manifest.json"] = dumps({"format": FORMAT, "selection": selection.words, "files": listed}) + b"\n"

    def contents() -> Iterator[tuple[str, bytes]]:
        for name in sorted([*listed, "manifest.json"]):
            yield name, small[name] if name in small else reader.blob(listed[name])

    entries = sum(name.startswith("entries/") for name in small)
    return Bundle(head, entries, len(digests), _write(path, contents()))


def _files(
    selection: Selection, head: Head, *, reader: Reader, prover: Prover, verifier: bytes
) -> tuple[dict[str, bytes], set[str]]:
    """Every file but the manifest and the blobs, and the digests of the blobs."""
    note = Note.parse(head.note)
    keys = prover.keys.under(head.size)
    files = {
        "README.txt": _readme(head, selection).encode(),
        COPY: verifier,
        "checkpoint.txt": head.note.encode(),
        "policy-template.txt": _POLICY.format(vkey=keys.newest.text).encode(),
    }
    for link in keys.links:
        if link.after is not None:
            path = prover.prove_consistency(link.after.size, head.size)
            files[f"rotations/{link.index}.txt"] = extension_text(link.after.size, path, head.note).encode()
    anchors = newest_cosigned(reader.entries(0, head.size, kind=ANCHOR.name), origin=head.origin)
    # A head that is not of the past has no proof: the verifier says whose signature is under it.
    for size in sorted(size for size in set(anchors.values()) if size < head.size):
        path = prover.prove_consistency(size, head.size)
        files[f"anchors/{size}.txt"] = extension_text(size, path, head.note).encode()
    digests: set[str] = set()
    always = {*(link.index for link in keys.links), *anchors}
    known = erasures.read(reader, size=head.size)
    for entry in _whole(selection.choose(reader, head.size, always=always), known, reader):
        proof = TlogProof(entry.index, tuple(prover.prove_inclusion(entry.index, head.size)), note)
        try:
            proof.included(entry.leaf_hash)
            digests.update(digest for digest in named_blobs(entry.statement) if digest not in known.erased)
        except AffidavitError as error:
            raise IntegrityError(
                error.problem, where=f"entry {entry.index}", fix="run affidavit verify", index=entry.index
            ) from error
        files[f"entries/{entry.index}.json"] = entry.leaf
        files[f"proofs/{entry.index}.tlog-proof"] = proof.text.encode()
    return files, digests


def _whole(chosen: list[Entry], known: Erasures, reader: Reader) -> list[Entry]:
    """The chosen entries, and with what concerns an erased blob all that shows why it is not there."""
    entries = {entry.index: entry for entry in chosen}
    for erased in known.every:
        concerned = {erased.index, *(naming.index for naming in erased.named_by)}
        if concerned & entries.keys():
            entries |= {index: reader.entry(index) for index in erased.entries - entries.keys()}
    return [entries[index] for index in sorted(entries)]


def _write(path: Path, contents: Iterator[tuple[str, bytes]]) -> str:
    part = path.parent / f".{path.name}.part"
    try:
        with part.open("wb") as file:
            archive.write(file, contents)
        with part.open("rb") as file:
            digest = sha256()
            while block := file.read(1 << 20):
                digest.update(block)
        part.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"the bundle cannot be written ({error.strerror or type(error).__name__})",
            where=str(path),
            fix="name a file in a folder that may be written to, with space left",
        ) from error
    finally:
        with suppress(OSError):  # where it could not be written it may not even be looked for
            part.unlink()
    return digest.hexdigest()


def _readme(head: Head, selection: Selection) -> str:
    return _README.format(selection=selection.words, origin=head.origin, size=head.size, root=head.root.hex())


_POLICY = """# A TEMPLATE, not a policy: whoever made this bundle wrote it, so it proves nothing as it stands.
# Get the log's key from elsewhere (a contract, a letter, a meeting). Only if it is the one below, take away the '#'.
# log {vkey}
quorum none
"""

_README = """A bundle of evidence from an Affidavit ledger.

It claims to hold: {selection}
Log:  {origin}
Head: {size} entries under root {root}

Check it with a verifier and a policy that you got elsewhere than here:

    python3 affidavit_verify.py BUNDLE.zip --policy POLICY

The verifier needs Python 3.9 or newer, and for signatures the package 'cryptography'. copy_of_affidavit_verify.py is
a copy: whoever could doctor the bundle could doctor that too. Compare its SHA-256 with the published one, or run one
that you got elsewhere. policy-template.txt shows which key the log itself names.

entries/N.json       entry N as it was recorded, byte for byte
proofs/N.tlog-proof  the proof that it is in the log (c2sp.org/tlog-proof)
checkpoint.txt       the signed head that the proofs lead to (c2sp.org/tlog-checkpoint)
anchors/N.txt        if there: the head extends one of N entries that witnesses cosigned; the anchor entries say which
rotations/N.txt      if there: entry N replaced the log's key, and the head extends the one that it came after
blobs/               what entries name by SHA-256
since.txt            if there: the proof that the head extends a checkpoint that was noted before
manifest.json        the SHA-256 of every other file; it finds damage, and nothing signs it

It shows that these entries are in the log and were not changed since. It does not show that what they say is true,
nor that no other entry belongs here: only the whole ledger shows what was left out.
"""
