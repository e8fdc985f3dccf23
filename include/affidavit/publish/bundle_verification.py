"""Verification of a bundle by this package; the stand-alone verifier does the same in code of its own.

The steps, whose numbers the code repeats:

1. The archive is one that a bundle's writer writes, to the byte; or a folder that holds files of a bundle and no other.
2. The manifest lists every other file with its SHA-256, and no more.
3. Entry 0 is a genesis statement that pins a key whose name is the origin. That key, or what entries of the bundle put
   in its place one after the other, signed the checkpoint. Each such entry was authorised by whom entry 0 pins
   (:mod:`affidavit.evidence.keychain`), and there is the proof that the checkpoint extends the head it came after.
4. Each entry reads as a statement (strict JSON) and has a proof under that very checkpoint, and each proof an entry.
5. Every blob that an entry names is there under its own SHA-256, and no other blob; or a later entry of the bundle says
   that it was erased, and each such entry is one that may be as far as the bundle shows it: the entries that name the
   blob and the decision before it are there (:mod:`affidavit.projections.erasures`).
6. The checkpoint extends the noted one, if one was given; the bundle then holds the proof.
7. The log key of the policy, if one was given, is one of the log's. Without one the bundle is consistent with itself,
   and its author is unproven.
8. Which head the policy's quorum of witnesses cosigned is judged from the checkpoint and from those anchor entries for
   whose head there is a proof that the checkpoint extends it, as it is judged for a whole ledger
   (:mod:`affidavit.projections.anchoring`). Where none was, nothing is broken, and the bundle is not established.

README, policy template and the copy of the verifier are listed in the manifest, and nothing signs them: whoever changes
one and its digest is not found. None of them is evidence, and none is used here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from affidavit.errors import AffidavitError, ConfigurationError, IntegrityError, NoteError, ProofError
from affidavit.evidence import Entry, kinds, loads
from affidavit.evidence.keychain import Keychain
from affidavit.evidence.naming import named_blobs
from affidavit.projections.anchoring import Anchoring, begun, head_of, standing
from affidavit.projections.erasures import KINDS, Erased, demand_dated, survey
from affidavit.publish.archive import Folder, Zip
from affidavit.publish.bundle import COPY, FORMAT
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.extension import check_extension, parse_extension
from affidavit.tlog.note import Note
from affidavit.tlog.policy import Policy
from affidavit.tlog.proofs import check_consistency
from affidavit.tlog.tlog_proof import TlogProof

ALWAYS = {"README.txt", COPY, "checkpoint.txt", "manifest.json", "policy-template.txt"}
"""Files that every bundle holds, besides entry 0 and its proof."""


@dataclass(frozen=True)
class BundleVerification:
    """What a whole and unchanged bundle was found to hold.

    ``time`` is when the head was signed (POSIX seconds), ``kinds`` counts entries by kind, ``demonstrations`` by the
    text that marks them, to be said first; ``claim`` is what it claims to hold, which nothing proves; ``since`` is the
    size of the noted checkpoint. ``erased`` are blobs that are not there because they were erased; ``anchoring`` is
    what the bundle shows of it, and ``lag_minutes`` how far the head is ahead of outsiders by its own time
    (:meth:`Anchoring.lag`); ``established`` whether a policy was given, and nothing is left open that it asks for.
    """

    checkpoint: Checkpoint
    time: int
    indices: tuple[int, ...]
    kinds: Mapping[str, int]
    demonstrations: Mapping[str, int]
    blobs: int
    erased: tuple[Erased, ...]
    claim: str
    since: int | None
    author: str
    anchoring: Anchoring
    lag_minutes: int
    established: bool


def verify_bundle(path: Path, *, policy: Policy | None = None, since: Note | None = None) -> BundleVerification:
    """Verify the bundle in the file or folder ``path``; see the module's docstring for the steps.

    Raises ``IntegrityError`` that names the first bad file, ``ConfigurationError`` where there is nothing to read.
    """
    files = _opened(path)  # 1
    claim = _manifest(files)  # 2
    note = _text(files, "checkpoint.txt")
    entries = _entries(files, note)  # 4; before 3, which reads entry 0
    keys, started = _keys(entries), _begun(entries)  # 3
    checkpoint, time = _signed(files, keys, note)
    surveyed = survey(entry for entry in entries.values() if entry.statement.kind in KINDS)  # 5
    for each in surveyed.every:
        demand_dated(each, covered=time)
    erased = surveyed.erased
    blobs = _blobs(files, entries, erased)
    if since is not None:  # 6
        _extends(files, since, checkpoint, keys)
    author = _author(note, keys, policy)
    anchoring = _anchored(files, entries, Note.parse(note), policy)
    return BundleVerification(
        checkpoint=checkpoint,
        time=time,
        indices=tuple(entries),
        kinds=Counter(entry.statement.kind for entry in entries.values()),
        demonstrations=Counter(str(e.statement.demonstration) for e in entries.values() if e.statement.demonstration),
        blobs=blobs,
        erased=tuple(erased.values()),
        claim=claim,
        since=Checkpoint.parse(since.text).size if since else None,
        author=author,
        anchoring=anchoring,
        lag_minutes=anchoring.lag(time, begun=started),
        established=policy is not None and not anchoring.doubts,
    )


def _opened(path: Path) -> Zip | Folder:
    try:
        if path.is_dir():
            return Folder(path)
        if path.is_fifo():  # which would be waited for without end
            raise ConfigurationError("a pipe", where=str(path), fix="give the path of a bundle")
        data = path.read_bytes()
        if b"PK\x03\x04" not in data and b"PK\x05\x06" not in data:
            raise ConfigurationError("not a zip", where=str(path), fix="give the path of a bundle")
        return Zip(data)
    except OSError as error:
        problem = f"cannot be read ({error.strerror or type(error).__name__})"
        raise ConfigurationError(problem, where=str(path), fix="give the path of a bundle") from error


def _manifest(files: Zip | Folder) -> str:
    try:
        manifest = loads(files.read("manifest.json"))
        form, claim, listed = manifest["format"], manifest["selection"], manifest["files"]
        if len(manifest) != 3 or form != FORMAT or not isinstance(claim, str) or not isinstance(listed, dict):
            raise IntegrityError(f"not the manifest of an {FORMAT!r}", where="manifest.json")
    except (KeyError, TypeError) as error:
        raise IntegrityError("not a manifest", where="manifest.json") from error
    except AffidavitError as error:
        raise IntegrityError(error.problem, where="manifest.json") from error
    names = set(files)
    for name in sorted((set(listed) | ALWAYS | names) - {"manifest.json"}):
        if name not in names:
            raise IntegrityError("absent", where=name[:200])
        if name not in listed:
            raise IntegrityError("not in the manifest", where=name)
        if sha256(files.read(name)).hexdigest() != listed[name]:
            raise IntegrityError("not the bytes whose SHA-256 the manifest holds", where=name)
    return claim


def _entries(files: Zip | Folder, note: str) -> dict[int, Entry]:
    entries = {}
    numbers = {int(match[1]) for name in files if (match := re.fullmatch(r"(?:entries|proofs)/(\d+)\..*", name))}
    for index in sorted(numbers | {0}):
        where = f"entries/{index}.json"
        entry = Entry(index, files.read(where))
        try:
            _ = entry.statement
            where = f"proofs/{index}.tlog-proof"
            proof = TlogProof.parse(_text(files, where))
            if proof.index != index or proof.note.whole != note:
                raise IntegrityError("a proof of another entry, or under another checkpoint")
            proof.included(entry.leaf_hash)
        except AffidavitError as error:
            raise IntegrityError(error.problem, where=error.where or where, index=index) from error
        entries[index] = entry
    return entries


def _keys(entries: Mapping[int, Entry]) -> Keychain:
    # 3
    index = 0
    try:
        keys = Keychain.start(entries[0].statement)
        for index, entry in entries.items():
            if entry.statement.kind == kinds.KEY_ROTATION.name:
                keys = keys.follow(index, entry.statement)
    except AffidavitError as error:
        raise IntegrityError(error.problem, where=f"entries/{index}.json", index=index) from error
    return keys


def _begun(entries: Mapping[int, Entry]) -> datetime:
    try:
        return begun(entries[0])
    except IntegrityError as error:
        raise IntegrityError(error.problem, where="entries/0.json", index=0) from error


def _signed(files: Zip | Folder, keys: Keychain, note: str) -> tuple[Checkpoint, int]:
    # 3
    try:
        signed = Note.parse(note)
        checkpoint = Checkpoint.parse(signed.text)
        if checkpoint.origin != keys.origin:
            raise NoteError("it is of another log")
        if not any(signed.signed_by(keys.newest)):
            raise NoteError(
                f"not signed with the key that entry {keys.links[-1].index} names, the last one here to do so"
            )
        time = cosignature.verify(signed, keys.newest)
    except NoteError as error:
        raise NoteError(error.problem, where="checkpoint.txt") from error
    proofs = {name for name in files if name.startswith("rotations/")}
    for link in keys.links:
        if link.after is not None:
            name = f"rotations/{link.index}.txt"
            _grew(link.after, checkpoint, _text(files, name), where=name)
            proofs.discard(name)
    for name in sorted(proofs):
        raise IntegrityError("no entry here replaces the log's key there", where=name)
    return checkpoint, time


def _grew(old: Checkpoint, checkpoint: Checkpoint, proof: str, *, where: str) -> None:
    try:
        size, path, _ = parse_extension(proof)
        if size != old.size:
            raise ProofError(f"a proof from size {size}, and the head that the rotation came after has {old.size}")
        check_consistency(size1=size, size2=checkpoint.size, proof=path, root1=old.root, root2=checkpoint.root)
    except ProofError as error:
        raise ProofError(error.problem, where=where) from error


def _blobs(files: Zip | Folder, entries: Mapping[int, Entry], erased: Mapping[str, Erased]) -> int:
    there = {name.removeprefix("blobs/") for name in files if name.startswith("blobs/")}
    named = set()
    for index, entry in entries.items():
        try:
            digests = named_blobs(entry.statement)
        except AffidavitError as error:
            raise IntegrityError(error.problem, where=f"entries/{index}.json", index=index) from error
        for digest in digests:
            if digest not in there:
                if digest in erased and erased[digest].index > index:
                    continue
                raise IntegrityError(f"absent; entry {index} names it", where=f"blobs/{digest}", index=index)
            named.add(digest)
    for digest in sorted(there):
        if sha256(files.read(f"blobs/{digest}")).hexdigest() != digest:
            raise IntegrityError("its bytes were changed", where=f"blobs/{digest}")
        if digest not in named:
            raise IntegrityError("no entry names it", where=f"blobs/{digest}")
    return len(there)


def _extends(files: Zip | Folder, noted: Note, checkpoint: Checkpoint, keys: Keychain) -> None:
    old = Checkpoint.parse(noted.text)
    path: tuple[bytes, ...] = ()
    if 0 < old.size < checkpoint.size and old.origin == checkpoint.origin:
        if "since.txt" not in set(files):
            raise ConfigurationError(
                "this bundle holds no proof that its head extends a noted checkpoint",
                where="since.txt",
                fix="give the noted checkpoint to whoever makes the bundle: affidavit bundle --since FILE",
            )
        path = _since(files, old)
    try:
        check_extension(noted, checkpoint, path=path, key=keys.at(old.size))
    except ProofError as error:
        raise ProofError(
            error.problem, where="since.txt" if 0 < old.size < checkpoint.size else "", fix=error.fix
        ) from error


def _since(files: Zip | Folder, old: Checkpoint) -> tuple[bytes, ...]:
    try:
        size, path, _ = parse_extension(_text(files, "since.txt"))
    except ProofError as error:
        raise ProofError(error.problem, where="since.txt") from error
    if size != old.size:
        raise IntegrityError(f"a proof from size {size}, and {old.size} was noted", where="since.txt")
    return path


def _author(note: str, keys: Keychain, policy: Policy | None) -> str:
    # 7
    if policy is None:
        return "unproven: no policy was given; the bundle is consistent with itself"
    try:
        return keys.author(policy, Note.parse(note))
    except NoteError as error:
        raise NoteError(error.problem, where="checkpoint.txt") from error


def _anchored(files: Zip | Folder, entries: Mapping[int, Entry], head: Note, policy: Policy | None) -> Anchoring:
    # 8
    top = Checkpoint.parse(head.text)
    anchors = {index: entry for index, entry in entries.items() if entry.statement.kind == kinds.ANCHOR.name}
    heads = {index: head_of(entry, origin=top.origin) for index, entry in anchors.items()}
    named = {each.size for each in heads.values() if each is not None}
    paths = {}
    for name in (name for name in files if name.startswith("anchors/")):
        try:
            size, path, _ = parse_extension(_text(files, name))
        except ProofError as error:
            raise ProofError(error.problem, where=name) from error
        if name != f"anchors/{size}.txt" or size not in named:
            raise IntegrityError(f"a proof from size {size}, which is not its name, or no anchor entry's", where=name)
        paths[size] = path
    # What a bundle shows no proof for it may as well have left out; what is beyond its head cannot be of its past.
    shown = [anchors[i] for i, each in heads.items() if each and (each.size in paths or each.size >= top.size)]
    return standing(shown, head=head, policy=policy, prove=lambda size, _: paths.get(size, ()))


def _text(files: Zip | Folder, name: str) -> str:
    try:
        return files.read(name).decode("utf-8")
    except UnicodeError as error:
        raise IntegrityError("not UTF-8 text", where=name) from error
