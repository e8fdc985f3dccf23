#!/usr/bin/env python3
"""Verifies a bundle of evidence, or a whole ledger in an SQLite file, without the program that made it.

    python3 affidavit_verify.py BUNDLE.zip|FOLDER|LEDGER.db [--policy FILE] [--since CHECKPOINT] [--blobs FOLDER]

It needs Python 3.9 or newer and, for signatures, the package 'cryptography'. It writes nothing. What it does, in this
order; the code repeats the numbers:

1. What is read can be read in one way only. A bundle's zip holds stored files of known names, each once, and not one
   byte besides; its manifest lists the SHA-256 of each. A ledger is opened read-only. JSON with a key twice, with NaN,
   or with numbers that two programs would read differently is refused.
2. Every entry is an in-toto Statement. Entry 0 names the log's key, whose name is the log's origin, and who may replace
   it: a recovery key, or a quorum of witnesses. An entry that replaces it carries their signatures, over the old key,
   the new one and a head of this log that the old one signed; it counts from the first head that covers it on.
3. Entries lead to the root of a signed head (RFC 6962). In a bundle each has a proof that leads to the one checkpoint;
   from a ledger the whole tree is grown, and every signed head in it must lie on the way. Entries beyond the newest
   head are counted: nobody vouches for them yet.
4. Every head was signed by the log's key of its time (an Ed25519 cosignature with its time, C2SP tlog-cosignature), and
   the times never decrease.
5. Every blob that an entry names is there, with that SHA-256; or a later entry says that it was erased. Every erasure
   rests on an entry before it: a person's decision that lists the blob, on the same ground, or a declaration of the
   organisation whose retention of such entries stood and had passed, by a date that is not ahead of the head which
   covers the erasure, a day apart. No legal hold that stood covers the blob. A
   shorter retention, or a hold that was taken away, does not count: nobody has approved it. A bundle shows the decision
   and the entries that name the blob; of the holds, only those that are in it.
6. --since: the head only extended the checkpoint that you noted at an earlier audit (RFC 9162, section 2.1.4.2).
7. --policy: the log's key is the one that you trust, or replaced that one by step 2. Witnesses that you trust cosigned
   heads (C2SP tlog-policy): the newest, or those of anchor entries, where what does not hold counts for nothing and is
   named. These must be heads of this log; else two histories were signed. What comes after the largest that your quorum
   cosigned is counted: no outsider knows it. You got that file elsewhere than from the one you audit. Without it
   whatever is here is consistent with itself, and anybody could have made it.

Of a ledger it reads the columns entries.leaf and checkpoints.note, which alone are evidence. All other columns, and the
tree nodes, are computed from these; 'affidavit verify' compares them. In a bundle nothing signs README, policy template
and the copy of this program.

Exit codes: 0 intact, signed by a key in your policy, and a head of it cosigned by its quorum; 1 intact, but not fully
established (no policy, no head that the quorum cosigned, no 'cryptography', blobs not looked at, entries beyond the
newest head); 2 could not be checked; 3 broken.
"""

import argparse
import base64
import collections
import contextlib
import datetime
import hashlib
import json
import math
import pathlib
import re
import sqlite3
import struct
import sys
import urllib.parse
import zlib

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

COPY = "copy_of_affidavit_verify.py"
PLAIN, COSIGNATURE = 1, 4  # types of signature: over the text; over the text and a time
LARGEST_NOTE, LARGEST_LEAF = 1_000_000, 65_535
LAST_SECOND = 253_402_300_799  # of the year 9999
# Kinds of entry whose blobs can be erased.
_SEEN = ("dataset-snapshot", "document", "failing-rows", "measurement", "record", "validation")
WITH_BLOBS = ("anchor", "decision", *_SEEN)
Statement = collections.namedtuple("Statement", "type kind own subject blob hash")
Key = collections.namedtuple("Key", "name type public")
Note = collections.namedtuple("Note", "text signatures")
Head = collections.namedtuple("Head", "origin size root text signatures")
Policy = collections.namedtuple("Policy", "logs witnesses groups quorum")
Known = collections.namedtuple("Known", "head time by")


class BrokenError(Exception):
    """Something is not what was recorded; the message names it. Exit code 3."""


class UnusableError(Exception):
    """It could not be checked. Exit code 2."""


def demand(truth, message):
    if not truth:
        raise BrokenError(message)


@contextlib.contextmanager
def at(what):
    """Whatever turns out wrong inside is said of 'what'."""
    try:
        yield
    except BrokenError as error:
        raise BrokenError(f"{what}: {error}") from error
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError, RecursionError) as error:
        raise BrokenError(f"{what}: not of the form that it must have ({type(error).__name__})") from error


# --- 1. One way to read ----------------------------------------------------------------------------------------------

NAME = re.compile(
    r"README\.txt|copy_of_affidavit_verify\.py|checkpoint\.txt|manifest\.json|policy-template\.txt|since\.txt"
    r"|blobs/[0-9a-f]{64}|entries/(?:0|[1-9][0-9]{0,18})\.json|proofs/(?:0|[1-9][0-9]{0,18})\.tlog-proof"
    r"|(?:rotations|anchors)/[1-9][0-9]{0,18}\.txt"
)
ALWAYS = {"README.txt", COPY, "checkpoint.txt", "policy-template.txt"}


def read_zip(path):
    """The files in a zip, which must be exactly the zip that these files make: stored, in order, with fixed headers."""
    files, directory, data, at, last = {}, b"", path.read_bytes(), 0, ""
    if b"PK\3\4" not in data and b"PK\5\6" not in data:
        raise UnusableError(f"{path}: neither a bundle nor a ledger in an SQLite file")
    while data[at : at + 4] == b"PK\3\4" and len(data) - at >= 30:
        size, name_length = struct.unpack_from("<LH", data, at + 22)
        start = at + 30 + name_length
        name = data[at + 30 : start].decode("ascii", "replace")
        body = data[start : start + size]
        demand(NAME.fullmatch(name) and name > last, f"the archive holds a file that does not belong: {name[:200]!r}")
        fixed = struct.pack("<5H3L2H", 20, 0, 0, 0, 33, zlib.crc32(body), len(body), len(body), len(name), 0)
        demand(data[at:start] == b"PK\3\4" + fixed + name.encode(), f"{name}: not stored as it should be, or damaged")
        directory += b"PK\1\2" + struct.pack("<H", 788) + fixed
        directory += struct.pack("<3H2L", 0, 0, 0, 0o100644 << 16, at) + name.encode()
        files[name] = body
        at, last = start + size, name
    end = struct.pack("<4H2LH", 0, 0, len(files), len(files), len(directory), at, 0) if len(files) < 65_536 else b""
    demand(data[at:] == directory + b"PK\5\6" + end, f"the archive is damaged after {last or 'its start'}")
    return files


def read_folder(folder):
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_dir():
            fits = NAME.fullmatch(name) and path.is_file() and not path.is_symlink()
            demand(fits, f"a file that does not belong: {name[:200]!r}")
            files[name] = path.read_bytes()
    return files


def check_manifest(files):
    """The manifest lists every other file with its SHA-256, and no more. Nothing signs it. Returns what it claims."""
    with at("manifest.json"):
        demand("manifest.json" in files, "absent")
        manifest = strict_json(files["manifest.json"])
        claim, listed = manifest["selection"], manifest["files"]
        good = set(manifest) == {"format", "selection", "files"} and manifest["format"] == "affidavit bundle 1"
        demand(good and isinstance(claim, str), "not the manifest of a bundle that this program knows")
        names = sorted((set(listed) | ALWAYS | set(files)) - {"manifest.json"})
    for name in names:
        with at(name[:200]):
            demand(name in files, "absent")
            demand(name in listed, "not in the manifest")
            fits = hashlib.sha256(files[name]).hexdigest() == listed[name]
            demand(fits, "not the bytes of the manifest's SHA-256")
    return claim


def strict_json(data):
    """Parse JSON; refuse whatever two programs could read differently."""

    def unique(pairs):
        demand(len(dict(pairs)) == len(pairs), "the same key twice in one object")
        return dict(pairs)

    def integer(digits):
        demand(len(digits) <= 17 and abs(int(digits)) < 2**53, "an integer beyond 2**53")
        return int(digits)

    def real(digits):
        demand(math.isfinite(float(digits)), "a number that is none, or beyond a double")
        return float(digits)

    hooks = {"object_pairs_hook": unique, "parse_int": integer, "parse_float": real, "parse_constant": real}
    with at("JSON"):
        value = json.loads(data.decode("utf-8"), **hooks)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails for half of a surrogate pair
        demand(depth(value) <= 32, "nested more than 32 levels deep")
    return value


def depth(value):
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max((depth(each) for each in (value.values() if isinstance(value, dict) else value)), default=0)


def from_base64(text):
    data = base64.b64decode(text, validate=True)
    demand(base64.b64encode(data).decode() == text, "not canonical base64")  # one value, one spelling
    return data


# --- 2. Statements, and the log's keys -------------------------------------------------------------------------------


def read_statement(leaf):
    """The statement in an entry's leaf, with the hash of the leaf (RFC 6962, section 2.1)."""
    demand(isinstance(leaf, bytes) and len(leaf) <= LARGEST_LEAF, "no bytes, or too many")
    whole, blob = strict_json(leaf), None
    predicate = whole["predicate"]
    own = predicate if "header" in predicate else {**predicate, **predicate["affidavit"]}
    subjects = [(each["name"], each["digest"]["sha256"]) for each in whole["subject"]]
    demand(whole["_type"] == "https://in-toto.io/Statement/v1" and subjects, "not an in-toto Statement v1")
    demand({"scope", "observed_at", "supersedes"} <= set(own["header"]), "its header lacks a field")
    before = own["header"]["supersedes"]
    demand(before is None or re.fullmatch("[0-9a-f]{64}", before), "it supersedes what is no leaf hash")
    if isinstance(own.get("details"), dict):
        blob = own["details"]["digest"]["sha256"]
        demand(re.fullmatch("[0-9a-f]{64}", blob), "its details name no blob by SHA-256")
    kind = whole["predicateType"]
    return Statement(kind, kind_of(kind), own, subjects[0][0], blob, hashlib.sha256(b"\0" + leaf).digest())


def kind_of(predicate_type):
    """The name of a kind; another name than any kind's where the version is another than this program knows."""
    if predicate_type == "https://in-toto.io/attestation/test-result/v0.1":
        return "validation"
    match = re.fullmatch("urn:affidavit:([a-z-]+):v1", predicate_type)
    return match[1] if match else predicate_type


class Found:
    """What was found. 'notes' are worth saying; 'doubts' too, and with one nothing is fully established."""

    def __init__(self):
        self.kinds = []  # the type of each entry
        self.demonstrations = collections.Counter()
        self.blobs = {}  # SHA-256 -> index of the last entry that names it
        self.erasures = Erasures()
        self.keys = []  # (index of the entry that names it, key, by what authority), oldest first
        self.comes_after = {}  # index of an entry that replaced the key -> the head that it says it comes after
        self.anchors = {}  # index of an entry that records an anchor -> the head that a witness cosigned, or None
        self.bases = []  # (index of an entry that was judged from the log, size and root of the head that it names)
        self.fits = None  # whether a head of at least one entry is one of this log's
        self.recovery = self.quorum = self.head = None
        self.time = self.entries = self.begun = 0  # POSIX seconds; begun when entry 0 was observed
        self.notes, self.doubts = [], []

    def take(self, index, statement):
        """Take in an entry that the tree was seen to hold."""
        own, header = statement.own, statement.own["header"]
        self.kinds.append(statement.type)
        if index == 0:
            demand(statement.type.startswith("urn:affidavit:genesis:v"), "not a genesis entry")
            self.keys.append((0, parse_key(own["key"]), None))
            self.recovery = parse_key(own["recovery"]) if own["recovery"] is not None else None
            quorum = own["recovery_quorum"]
            self.quorum = parse_policy(quorum.encode(), "its quorum") if quorum is not None else None
            begun = moment(header["observed_at"])
            demand(begun.tzinfo is not None, "it does not say when it was observed")
            self.begun = int(begun.timestamp())
        elif statement.kind == "key-rotation":
            self.rotate(index, own)
        elif statement.kind == "anchor":
            self.anchors[index] = anchored(own, self.keys[0][1].name)  # 7
        elif statement.kind == "erasure":
            demand(statement.subject == f"affidavit://blobs/{own['blob']}", "about another blob")
        if statement.blob is not None:
            self.blobs[statement.blob] = index
        basis = header.get("basis") if statement.kind in ("assessment", "decision") else None
        if isinstance(basis, dict) and type(basis.get("size")) is int and 0 < basis["size"] <= index:
            self.bases.append((index, basis["size"], basis.get("root")))
        self.erasures.take(index, statement)  # 5
        if header.get("demonstration") is not None:
            self.demonstrations[str(header["demonstration"])] += 1

    def key(self, size):
        """The log's key that signs a head of so many entries, and the entry that names it."""
        return [(key, index) for index, key, _ in self.keys if index < max(size, 1)][-1]

    def rotate(self, index, own):
        """A new key: authorised by whom entry 0 names, in place of the newest, after a head that the newest signed."""
        origin, authority = self.keys[0][1].name, own["authority"]
        if authority == "recovery key" and self.recovery is not None:
            with at("its authorisation"):
                note = parse_note(own["authorisation"])
                allowed = self.recovery.type == PLAIN and signed(note, self.recovery) is not None
            demand(allowed, "not authorised by the recovery key that entry 0 names")
            text = note.text
        else:
            demand(authority == "witness quorum" and self.quorum is not None, "authorised by nobody that entry 0 names")
            with at("its authorisation"):
                text = self.consent(own["authorisation"], origin)
        top, _, below = text.partition("\n\n")
        demand(top == f"affidavit/key-rotation/v1\n{own['old']}\n{own['new']}", "other keys than were authorised")
        old, new = parse_key(own["old"]), parse_key(own["new"])
        demand(old == self.keys[-1][1], "it replaces another key than the log's present one")
        with at("the head that it comes after"):
            after = parse_head(below)
            demand(new.type == COSIGNATURE and new.name == origin == after.origin, "keys and head are not of one log")
            demand(len(after.signatures) == 1 and signed(after, old) is not None, "not signed by the old key alone")
        demand(all(new.public != key.public for _, key, _ in self.keys), "the new key was a key of this log before")
        demand(self.keys[-1][0] < after.size <= index, f"a head of {after.size} entries cannot be the one before it")
        self.keys.append((index, new, authority))
        self.comes_after[index] = after

    def consent(self, proof, origin):
        """The text that a quorum cosigned as the only entry of a log of its own (C2SP tlog-proof)."""
        top, _, below = proof.partition("\n\n")
        match = re.fullmatch(r"c2sp\.org/tlog-proof@v1\nextra (\S+)\nindex 0", top)
        demand(match, "not a proof of one entry")
        data, head = from_base64(match[1]), parse_head(below)
        root = base64.b64encode(hashlib.sha256(b"\0" + data).digest()).decode()
        name = f"{origin}/rotation/{hashlib.sha256(data).hexdigest()}"
        demand(head.text == f"{name}\n1\n{root}\n", "the witnesses authorised something else")
        cosigned = [name for name, key in self.quorum.witnesses.items() if signed(head, key) is not None]
        demand(satisfied(self.quorum, cosigned), f"the quorum {self.quorum.quorum!r} did not cosign it")
        return data.decode("utf-8")


# --- 3. The Merkle tree (RFC 6962, RFC 9162) -------------------------------------------------------------------------


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def grow(peaks, size, leaf):
    """Add a leaf to the right edge of a tree of 'size' leaves; 'peaks' are its complete subtrees, left to right."""
    while size & 1:
        leaf, size = node(peaks.pop(), leaf), size >> 1
    peaks.append(leaf)


def root_of(peaks):
    root = peaks[-1] if peaks else hashlib.sha256(b"").digest()
    for left in reversed(peaks[:-1]):
        root = node(left, root)
    return root


def climb(at_leaf, last, path):
    """Each hash of a path up the tree, and whether it stands on the left (RFC 9162, sections 2.1.3.2 and 2.1.4.2)."""
    for sibling in path:
        demand(last > 0, "the proof is too long")
        left = bool(at_leaf & 1) or at_leaf == last
        yield sibling, left
        while left and at_leaf and not at_leaf & 1:
            at_leaf, last = at_leaf >> 1, last >> 1
        at_leaf, last = at_leaf >> 1, last >> 1
    demand(last == 0, "the proof is too short")


def check_inclusion(index, size, leaf, path, root):
    demand(0 <= index < size, f"there is no entry {index} in a tree of {size}")
    for sibling, left in climb(index, size - 1, path):
        leaf = node(sibling, leaf) if left else node(leaf, sibling)
    demand(leaf == root, "the proof does not lead to the checkpoint's root")


def extends(old, head, path):
    """Whether the path shows that the head extends an 'old' one, which is not empty."""
    if old.size >= head.size:
        return (old.size, old.root) == (head.size, head.root) and not path
    path = list(path) if old.size & (old.size - 1) else [old.root, *path]
    before = after = path[0] if path else b""
    shift = (~(old.size - 1) & old.size).bit_length() - 1  # the ones at the end of old.size - 1
    try:
        for sibling, left in climb((old.size - 1) >> shift, (head.size - 1) >> shift, path[1:]):
            before, after = (node(sibling, before), node(sibling, after)) if left else (before, node(after, sibling))
    except BrokenError:
        return False
    return (before, after) == (old.root, head.root)


def hashes(lines):
    path = [from_base64(line) for line in lines]
    demand(all(len(digest) == 32 for digest in path), "a hash that does not have 32 bytes")
    return path


# --- 4. Signed heads (C2SP signed-note, tlog-checkpoint, tlog-cosignature) -------------------------------------------


def parse_key(text):
    """name+id+base64(type, 32 bytes), where the id is the start of a hash over the rest."""
    with at("the key"):
        name, number, value = text.split("+", 2)
        data = from_base64(value)
        key = Key(name, data[0], data[1:])
        demand(name and not re.search(r"\s", name), "its name is empty, or has a blank")
        demand(len(data) == 33 and key.type in (PLAIN, COSIGNATURE), "of an unknown type")
        demand(number == identity(key).hex(), "its id is not its own")
    return key


def identity(key):
    data = key.name.encode("utf-8", "surrogateescape") + b"\n" + bytes([key.type]) + key.public
    return hashlib.sha256(data).digest()[:4]


def parse_note(data):
    """A signed note: text, an empty line, and signature lines."""
    demand(len(data) <= LARGEST_NOTE, "too long")
    whole = data.decode("utf-8") if isinstance(data, bytes) else data
    above, *_ = re.split(r"[\x00-\x09\x0b-\x1f]", whole, maxsplit=1)
    demand(above == whole, f"a control character in line {above.count(chr(10)) + 1}")
    text, empty, lines = whole.rpartition("\n\n")
    demand(empty and lines.endswith("\n"), "not text, an empty line, and signatures")
    signatures = []
    for line in lines[:-1].split("\n"):
        match = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        demand(match, f"not a signature line: {line[:80]!r}")
        with at(f"the signature of {match[1][:80]!r}"):
            value = from_base64(match[2])
            demand(len(value) > 4, "too short")
        signatures.append((match[1], value[:4], value[4:]))
    return Note(text + "\n", signatures)


def parse_head(data):
    """A signed checkpoint: its text is origin, size and root, each on a line."""
    text, signatures = parse_note(data)
    origin, size, root, *more = text[:-1].split("\n") if text.count("\n") > 2 else ("", "", "")
    demand(origin and all(more) and re.fullmatch("0|[1-9][0-9]{0,18}", size), "not a checkpoint")
    root = from_base64(root)
    demand(len(root) == 32 and int(size) < 2**63, "an impossible root or size")
    return Head(origin, int(size), root, text, signatures)


def signed(head, key):
    """The time of the key's earliest signature (0 for one without), or None. Each of its signatures must hold."""
    times = []
    for name, line, data in head.signatures:
        if (name, line) != (key.name, identity(key)):
            continue  # by a key that we do not know: to be ignored
        message, time, value = head.text.encode(), 0, data
        if key.type == COSIGNATURE:
            time, value = int.from_bytes(data[:8], "big"), data[8:]
            message = f"cosignature/v1\ntime {time}\n{head.text}".encode()
        demand(len(value) == 64 and time < 2**63, f"the signature of {name!r} does not have its form")
        if Ed25519PublicKey is not None:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(value, message)
            except (InvalidSignature, ValueError) as error:
                raise BrokenError(f"the signature of {name!r} does not hold") from error
        times.append(time)
    return min(times) if times else None


def check_head(head, found):
    """The log's key of that time signed the head: when."""
    key, index = found.key(head.size)
    demand(key.type == COSIGNATURE and head.origin == key.name, "of another log than entry 0 names")
    time = signed(head, key)
    demand(time is not None, f"not signed with the log's key, which entry {index} names")
    return time


# --- 5. Blobs, and their erasure -------------------------------------------------------------------------------------


def check_blobs(found, read, name):
    """Every blob that an entry names is what 'read' gives, or None and erased; 'name' goes before its SHA-256."""
    erased = check_erasures(found)
    for digest, index in found.blobs.items():
        data, named = read(digest), f"entry {index} names it"
        if data is None:
            demand(erased.get(digest, -1) > index, f"{name}{digest}: absent; {named}")
        else:
            fits = hashlib.sha256(data).hexdigest() == digest
            demand(fits, f"{name}{digest}: its bytes were changed; {named}")
            if digest in erased:
                found.notes.append(f"blob {digest}: its erasure was recorded, and its bytes are still there")


def check_erasures(found):
    """The blobs that were erased, each with the index of its erasure; those beyond the head count for nothing."""
    erased = {}
    for index, blob, problem, words, _ in found.erasures.done:
        if index < found.head.size:
            demand(problem is None, f"entry {index}: an erasure that may not be: {problem}")
            erased[blob] = index
            found.notes.append(f"blob {blob}: {words}")
    return erased


class Erasures:
    """Takes in entries in order. 'done' says of each erasure what is wrong with it, or when and why it was done."""

    def __init__(self):
        self.named = {}  # SHA-256 -> (scope, kind, time) of each entry that names the blob
        self.decisions = {}  # leaf hash -> index and facts of a person's decision
        self.rules = {}  # leaf hash -> index and retention (days by kind) of a declaration
        self.standing, self.holds = None, {}  # what stands: retention, and legal holds by id
        self.done = []  # [index, SHA-256, what is wrong or None, words, its date in POSIX seconds where that matters]
        self.covered = 0  # how many of these a head covers

    def take(self, index, statement):
        own, header, leaf = statement.own, statement.own["header"], statement.hash.hex()
        if statement.kind in WITH_BLOBS and statement.blob is not None:
            naming = (header["scope"], statement.kind, header["observed_at"])
            self.named.setdefault(statement.blob, []).append(naming)
        elif statement.kind == "organisation-declaration":
            retention, holds = keeping(own.get("organisation"))
            if holds is not None:  # what is not to the letter what a declaration is recorded as decides nothing
                self.rules[leaf] = index, retention
                self.declare(retention, holds)
        elif statement.kind == "erasure-decision":
            if header["origin"] == "declared" and isinstance(header["by"], str) and header["by"]:
                self.decisions[leaf] = index, own
        elif statement.kind == "erasure":
            problem, decided = self.judge(own)
            words = f"erased on {header['observed_at'][:10]} because {own['reason']}"
            words = f"{words} (entry {index}, decided in entry {decided})"
            dated = moment(header["observed_at"]).timestamp() if own["reason"] == "retention-ended" else 0
            self.done.append((index, own["blob"], problem, words, dated))

    def cover(self, time):
        """A head of that time (POSIX seconds) covers what was taken in: a later date could make an erasure look due."""
        for number in range(self.covered, len(self.done)):
            index, blob, problem, words, dated = self.done[number]
            ahead = "it is dated after the head that covers it" if dated > time + 86_400 else None
            self.done[number] = index, blob, problem or ahead, words, dated
        self.covered = len(self.done)

    def declare(self, retention, holds):
        """What is weaker does not count: fewer days, or any where it was for ever; a hold on less, or none."""
        before = retention if self.standing is None else self.standing
        self.standing = {kind: max(days, retention[kind]) for kind, days in before.items() if kind in retention}
        kept = {name: old for name, old in self.holds.items() if name not in holds or not as_wide(old, holds[name])}
        self.holds = {**holds, **kept}

    def judge(self, own):
        """What is wrong with an erasure, or None; and the index of what decided it."""
        blob, namings = own["blob"], self.named.get(own["blob"], [])
        if own["header"]["scope"] not in {scope for scope, _, _ in namings}:
            return "no entry of its scope before it names the blob", None
        if own["reason"] == "retention-ended":
            decided, rule = self.rules.get(own["decision"], (None, {}))
            for _, kind, time in namings:
                days, now = rule.get(kind), moment(own["header"]["observed_at"])
                stood = days is not None and (self.standing or {}).get(kind) == days
                if not stood or moment(time) + datetime.timedelta(days=days) > now:
                    return "it names no declaration whose retention stood and had passed", None
        else:
            decided, facts = self.decisions.get(own["decision"], (None, {}))
            if decided is None or blob not in facts["blobs"] or facts["reason"] != own["reason"]:
                return "no decision before it, by a person and on the same ground, covers the blob", None
        for name, hold in sorted(self.holds.items()):
            if any(covers(hold, scope, kind) for scope, kind, _ in namings):
                return f"the legal hold {name!r} covers the blob", None
        return None, decided


def keeping(organisation):
    """The retention (days by kind) and the legal holds (by id) of a declaration; None for each of another form."""
    if not isinstance(organisation, dict):
        return None, None
    retention, holds = organisation.get("retention", {}), organisation.get("legal_holds", [])
    good = isinstance(retention, dict) and set(retention) <= set(WITH_BLOBS) and isinstance(holds, list)
    good = good and all(type(days) is int and 1 <= days <= 36_500 for days in retention.values())
    good = good and all(isinstance(hold, dict) and good_hold(hold) for hold in holds)
    named = {hold["id"]: hold for hold in holds} if good else {}
    return (retention, named) if good and len(named) == len(holds) else (None, None)


def good_hold(hold):
    names, texts = ("id", "scope"), ("id", "scope", "reason", "since")
    if set(hold) != {*texts, "kinds"} or not all(isinstance(hold[each], str) for each in texts):
        return False
    kinds, reason = hold["kinds"], hold["reason"]
    good = all(len(hold[each]) <= 60 and re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", hold[each]) for each in names)
    good = good and reason == reason.strip() and 1 <= len(reason) <= 2000 and is_date(hold["since"])
    return good and (kinds is None or (isinstance(kinds, list) and all(kind in WITH_BLOBS for kind in kinds)))


def is_date(text):
    try:
        return re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text) and datetime.date.fromisoformat(text)
    except ValueError:
        return False


def covers(hold, scope, kind):
    """Whether a legal hold is about entries of a kind and scope; one on the organisation is about every scope."""
    held = hold["scope"] in ("organisation", re.sub("^system:", "", scope))
    return held and (hold["kinds"] is None or kind in hold["kinds"])


def as_wide(old, new):
    kinds = new["kinds"] is None or (old["kinds"] is not None and set(old["kinds"]) <= set(new["kinds"]))
    return kinds and new["scope"] in ("organisation", old["scope"])


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- 6. and 7. What you bring along ----------------------------------------------------------------------------------


def check_since(old, found):
    """The noted checkpoint can be of this log's past; whether it is, the tree must still show."""
    head = found.head
    demand(old.origin == head.origin, f"the noted checkpoint is of the log {old.origin[:200]!r}, not {head.origin!r}")
    with at("the noted checkpoint"):
        signed(old, found.key(old.size)[0])
    demand(old.size <= head.size, f"rolled back: {old.size} entries were noted, and there are only {head.size}")


def parse_policy(data, path):
    """The logs and witnesses that somebody trusts, and the quorum of witnesses that they ask for."""
    logs, witnesses, groups, quorum, names, inside = [], {}, {}, None, {"none"}, set()
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):  # names are octets
        with at(f"{path} line {number}"):
            demand(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line), "a control character")
            word, *rest = re.findall("[^ \t]+", line) or ["#"]
            if word == "log" and len(rest) in (1, 2):
                logs.append(parse_key(rest[0]))
                demand(len({key.public for key in logs}) == len(logs), "a log key a second time")
            elif word == "witness" and len(rest) in (2, 3):
                demand(rest[0] not in names, "a name that is taken")
                names.add(rest[0])
                witnesses[rest[0]] = parse_key(rest[1])
                demand(witnesses[rest[0]].type == COSIGNATURE, "a key that cannot be a witness's")
                demand(len({key.public for key in witnesses.values()}) == len(witnesses), "a witness key a second time")
            elif word == "group" and len(rest) > 2:
                name, rule, *members = rest
                demand(name not in names, "a name that is taken")
                demand(set(members) <= names - {"none"}, "a member that is not defined above")
                demand(not inside & set(members) and len(set(members)) == len(members), "a member of two groups")
                demand(rule in ("all", "any") or re.fullmatch("[0-9]{1,5}", rule), "a rule that is not known")
                groups[name] = ({"all": len(members), "any": 1}.get(rule) or int(rule), members)
                demand(1 <= groups[name][0] <= len(members), "more members asked for than there are")
                names.add(name)
                inside.update(members)
            elif word == "quorum" and len(rest) == 1 and quorum is None:
                quorum = rest[0]
                demand(quorum in names, "a quorum that is not defined above")
            else:
                demand(word.startswith("#"), "not a line of a policy")
    demand(quorum is not None, f"{path} line {number}: no quorum line")
    return Policy(logs, witnesses, groups, quorum)


def satisfied(policy, cosigned):
    """Whether these witnesses are enough."""
    holds = set(cosigned)
    for name, (threshold, members) in policy.groups.items():
        if len(holds.intersection(members)) >= threshold:
            holds.add(name)
    return policy.quorum == "none" or policy.quorum in holds


def check_author(policy, found):
    """Whose log it is by your policy, in words."""
    head, keys = found.head, [each for each in found.keys if each[0] < found.head.size]
    named = [index for index, key, _ in keys if key in policy.logs]
    with at("the head"):
        stranger = not named and any(log.name == head.origin and signed(head, log) is not None for log in policy.logs)
        for witness in policy.witnesses.values():
            signed(head, witness)  # what your witnesses wrote under the head itself must hold
    demand(not stranger, "your policy names another key for this log than its entry 0 does")
    demand(named, "no log of your policy signed this head")
    known = [(key.name, identity(key)) for key in policy.witnesses.values()]
    for name, line, _ in head.signatures:
        if name != head.origin and (name, line) not in known:
            stranger = f"{name}+{line.hex()}"
            found.notes.append(f"ignored: a line under the head by {stranger}, which the policy does not name")
    steps = [f"at entry {index} under the {authority}" for index, _, authority in keys if index > named[-1]]
    replaced = f" was replaced {', then '.join(steps)} that entry 0 pins" if steps else ""
    return f"{head.origin}, whose key your policy names{replaced}"


def anchored(own, origin):
    """The head of this log that a witness cosigned by the word of an anchor entry, or None; nothing is verified."""
    fields = {"header", "means", "where", "checkpoint", "time", "cosignature", "details"}
    try:
        with at("an anchor"):
            named, root = own["checkpoint"], own["checkpoint"]["root"]
            good = set(own) == fields and set(named) == {"origin", "size", "root"} and isinstance(own["where"], str)
            good = good and own["means"] == "witness" and named["origin"] == origin and type(named["size"]) is int
            good = good and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", own["time"])
            demand(good and re.fullmatch("[0-9a-f]{64}", root), "not a cosignature of this log")
            root = base64.b64encode(bytes.fromhex(root)).decode()
            return parse_head(f"{origin}\n{named['size']}\n{root}\n\n" + own["cosignature"])
    except BrokenError:
        return None


def cosignatures(policy, found):
    """What witnesses of your policy cosigned: the head, and the heads of anchor entries."""
    anchors = [(f"entry {index}", head) for index, head in sorted(found.anchors.items()) if index < found.head.size]
    for what, head in [("the head", found.head), *anchors]:
        for name, key in policy.witnesses.items() if head else ():
            try:
                with at(what):
                    time = signed(head, key)
            except BrokenError as error:  # it counts for nothing, and nobody honest records it
                found.doubts.append(str(error))
                continue
            if time is not None and time <= LAST_SECOND:
                yield Known(head, time, name)


def check_anchors(policy, found):
    """The largest size for which the quorum cosigned that size or a larger one, and what it cosigned first of these."""
    known, newest, early = list(cosignatures(policy, found)), {}, {}
    for each in sorted(known, key=lambda each: -each.head.size):
        newest.setdefault(each.by, each)
    sizes = {name: each.head.size for name, each in newest.items()}
    enough = [most for most in sizes.values() if satisfied(policy, [name for name in sizes if sizes[name] >= most])]
    size = max(enough, default=0)
    for each in sorted((each for each in known if each.head.size >= size > 0), key=lambda each: each.time):
        early.setdefault(each.by, each)
        if satisfied(policy, early):
            break
    for head, _, by in [*newest.values(), *early.values()]:
        most = found.head.size
        demand(head.size <= most, f"{by} signed a head of {head.size} entries, and the log has {most}")
        ours = head.size == 0 or found.fits(head)
        demand(ours, f"{by} signed another history of this log: its head of {head.size} entries is no prefix")
    reached = {name: f"{sizes[name]} entries" if sizes.get(name) else "nothing" for name in policy.witnesses}
    if reached:
        said = ", ".join(f"{name} cosigned {how_far}" for name, how_far in reached.items())
        found.notes.append(f"witnesses of the policy: {said}")
    if policy.quorum != "none" and not size:
        found.doubts.append(
            f"the quorum {policy.quorum!r} of the policy cosigned no head of this log that is shown here"
        )
    return size, early


def say_anchors(policy, found, ledger):
    """What outsiders know, and how far the head is ahead of them, in entries and, by its own time, in minutes."""
    size, early = check_anchors(policy, found) if policy else (0, {})
    since = max((each.time for each in early.values()), default=found.begun)
    if early:
        found.notes.append(f"anchoring: {size} entries known to {', '.join(sorted(early))} since {utc(since)}")
    left = found.head.size - size
    records = sum(size <= index < found.head.size for index in found.anchors) if ledger else 0
    only = f", {records} of them only record anchors" if records else ""
    minutes = max(0, found.time - since) // 60 if left else 0
    ahead = f"{minutes} minute{'' if minutes == 1 else 's'} as of the head's own time"
    found.notes.append(f"anchoring: {left} entries not known to any outsider{only}; {ahead}")


def utc(seconds):
    time = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=min(seconds, LAST_SECOND))
    return time.isoformat(timespec="milliseconds") + "Z"


# --- A bundle --------------------------------------------------------------------------------------------------------


def verify_bundle(path, since):
    files = read_folder(path) if path.is_dir() else read_zip(path)  # 1
    found, claim = Found(), check_manifest(files)
    found.notes.append(f"it claims to hold: {claim} (nothing can show that nothing was left out of a bundle)")
    if files[COPY] != pathlib.Path(__file__).read_bytes():
        found.notes.append(f"the {COPY} in it is not this program, byte for byte")
    with at("checkpoint.txt"):
        found.head = parse_head(files["checkpoint.txt"])
    for index in sorted({0, *numbers(files, "entries/"), *numbers(files, "proofs/")}):
        take_proven(files, index, found)  # 2, 3
    with at("checkpoint.txt"):
        found.time = check_head(found.head, found)  # 4
    found.erasures.cover(found.time)  # 5
    for index in sorted({*numbers(files, "rotations/"), *found.comes_after}):  # 2
        demand(index in found.comes_after, f"rotations/{index}.txt: no entry here replaces the log's key there")
        check_growth(files, f"rotations/{index}.txt", found.comes_after[index], found.head)
    read_anchors(files, found)  # 7
    check_blobs(found, lambda digest: files.get(f"blobs/{digest}"), "blobs/")  # 5
    for name in sorted(files):
        demand(not name.startswith("blobs/") or name[6:] in found.blobs, f"{name}: no entry names it")
    if since is not None:  # 6
        check_since(since, found)
        if since.size == found.head.size:
            demand(since.root == found.head.root, "another root than the noted one of the same size: it was forked")
        elif since.size:
            if "since.txt" not in files:
                raise UnusableError("this bundle holds no proof that its head extends a noted checkpoint; ask for one")
            check_growth(files, "since.txt", since, found.head)
    return found


def numbers(files, start):
    return {int(re.sub(r"\D", "", name)) for name in files if name.startswith(start)}


def take_proven(files, index, found):
    """An entry, and a C2SP tlog-proof of it under the very bytes of checkpoint.txt."""
    entry, proof, checkpoint = f"entries/{index}.json", f"proofs/{index}.tlog-proof", files["checkpoint.txt"]
    with at(entry):
        demand(entry in files, "absent")
        statement = read_statement(files[entry])
    with at(proof):
        demand(proof in files, "absent")
        top, empty, below = files[proof].decode("utf-8").partition("\n\n")
        first, *lines = top.split("\n")
        demand(first == "c2sp.org/tlog-proof@v1" and empty, "not a proof")
        if lines and lines[0].startswith("extra "):
            from_base64(lines.pop(0)[6:])  # for applications; nothing authenticates it
        demand(lines and lines.pop(0) == f"index {index}", "a proof of another entry")
        demand(below.encode() == checkpoint, "a proof under another checkpoint")
        check_inclusion(index, found.head.size, statement.hash, hashes(lines), found.head.root)
    with at(entry):
        found.take(index, statement)
    found.entries += 1


def read_growth(files, name, size):
    """The hashes of the proof that the head extends one of that size."""
    with at(name):
        demand(name in files, "absent")
        top, empty, _ = files[name].decode("utf-8").partition("\n\n")
        first, *lines = top.split("\n")
        demand(empty and first == f"old {size}", f"a proof from another size than {size}")
        return hashes(lines)


def check_growth(files, name, old, head):
    proven = extends(old, head, read_growth(files, name, old.size))
    demand(proven, f"{name}: the proof does not lead from the noted root to this one")


def read_anchors(files, found):
    """Leaves the anchor entries whose head the bundle shows to be one of this log, or says that it is not."""
    head, sizes = found.head, {each.size for each in found.anchors.values() if each}
    paths = {size: read_growth(files, f"anchors/{size}.txt", size) for size in sorted(numbers(files, "anchors/"))}
    for size in paths:
        demand(size in sizes, f"anchors/{size}.txt: no anchor entry's")
    shown = {*paths, *(size for size in sizes if size >= head.size)}
    found.anchors = {index: each for index, each in found.anchors.items() if each and each.size in shown}
    found.fits = lambda old: extends(old, head, paths.get(old.size, ()))


# --- A ledger --------------------------------------------------------------------------------------------------------


def open_ledger(path):
    """Step 1: read-only, and immutable: SQLite neither writes beside the file nor looks for another file there."""
    beside = path.with_name(path.name + "-wal")
    if beside.exists() and beside.stat().st_size:
        raise UnusableError(f"{beside}: entries not yet in the database; on a copy, run: sqlite3 {path.name} .tables")
    address = urllib.parse.quote(str(path.resolve()))
    connection = sqlite3.connect(f"file:{address}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    for table in ("entries", "checkpoints"):  # a view, or a virtual table, which has no page, could show anything
        query = "SELECT type, rootpage > 0 FROM sqlite_master WHERE name = ?"
        if connection.execute(query, (table,)).fetchall() != [("table", 1)]:
            raise UnusableError(f"no ledger: it has no table {table!r}")
    return connection


def verify_ledger(path, since, blobs):
    found = Found()
    with contextlib.closing(open_ledger(path)) as connection:
        leaves = walk(connection, found)
    heads = [*found.comes_after.values(), *found.anchors.values(), since]
    roots = roots_at(leaves, {each.size for each in heads if each} | {size for _, size, _ in found.bases})
    found.fits = lambda old: roots.get(old.size) == old.root  # 7
    for index, after in found.comes_after.items():  # 2
        demand(found.fits(after), f"entry {index}: its head of {after.size} entries is no head of this log")
    for index, size, root in found.bases:  # 3
        demand(
            index >= found.head.size or roots[size].hex() == root,
            f"entry {index}: it names as its basis a head that is none of this log",
        )
    if blobs is not None:
        check_blobs(found, lambda digest: blob_in(blobs, digest), "blob ")  # 5
    else:
        check_erasures(found)
        if found.blobs:
            found.doubts.append(f"{len(found.blobs)} blobs were not looked at: give their folder with --blobs")
    if since is not None:  # 6
        check_since(since, found)
        demand(since.size == 0 or found.fits(since), f"the first {since.size} entries are not the noted ones")
        added = collections.Counter(found.kinds[since.size : found.entries])
        found.notes += [f"added since: {count} of {kind}" for kind, count in sorted(added.items())]
    return found


def walk(connection, found):
    """Grows the tree from the leaves, and gives their hashes: what was read once need not be asked for again.

    What an entry says is taken in once a head is seen to cover its bytes.
    """
    peaks, size, waiting, leaves = [], 0, [], bytearray()
    notes = connection.execute("SELECT note FROM checkpoints ORDER BY size")
    head = next_head(notes, 0)
    for index, leaf in connection.execute('SELECT "index", leaf FROM entries ORDER BY "index"'):
        demand(index == size, f"entry {size}: absent")
        with at(f"entry {index}"):
            waiting.append(read_statement(leaf))  # 2
        grow(peaks, size, waiting[-1].hash)
        leaves += waiting[-1].hash
        size += 1
        if head is not None and head.size <= size:
            with at(f"checkpoint of size {head.size}"):
                demand(head.size == size, "not in order")
                ours = head.root == root_of(peaks)  # 3
                demand(ours, f"the entries up to {size - 1} are not those that were signed, or it was changed itself")
            take_all(waiting, found)
            with at(f"checkpoint of size {head.size}"):
                time = check_head(head, found)  # 4
                demand(time >= found.time, "signed before the one before it")
            found.erasures.cover(time)  # 5
            found.head, found.time, found.entries = head, time, size
            head = next_head(notes, size)
    demand(head is None, f"entry {size}: absent, and a signed head covers it")
    demand(found.head is not None, "entry 0: no signed head covers it")
    if waiting:
        found.doubts.append(f"{len(waiting)} entries stand beyond the newest signed head: nobody vouches for them")
    take_all(waiting, found)
    return bytes(leaves)


def take_all(waiting, found):
    for statement in waiting:
        with at(f"entry {len(found.kinds)}"):
            found.take(len(found.kinds), statement)
    waiting.clear()


def next_head(notes, size):
    row = next(notes, None)
    with at(f"the checkpoint after size {size}"):
        demand(row is None or isinstance(row[0], str), "not text")
        return None if row is None else parse_head(row[0])


def roots_at(leaves, sizes):
    """The roots of the tree at these sizes, as far as it reaches. They were passed before anything named them."""
    peaks, roots = [], {0: root_of([])}
    for size in range(1, min(len(leaves) // 32, max(sizes, default=0)) + 1):
        grow(peaks, size - 1, leaves[32 * size - 32 : 32 * size])
        if size in sizes:
            roots[size] = root_of(peaks)
    return roots


def blob_in(folder, digest):
    try:
        return (pathlib.Path(folder) / digest[:2] / digest).read_bytes()
    except FileNotFoundError:
        return None


# --- The whole -------------------------------------------------------------------------------------------------------


def read_brought(arguments):
    """The checkpoint that you noted, and the policy; None for each that you did not give."""
    since, policy = arguments.since, arguments.policy
    for name in filter(None, (arguments.path, since, policy)):
        if pathlib.Path(name).is_fifo():
            raise UnusableError(f"{name}: a pipe, not a file")
    try:
        with at(since):
            since = since and parse_head(pathlib.Path(since).read_bytes())
        policy = policy and parse_policy(pathlib.Path(policy).read_bytes(), policy)
    except BrokenError as error:
        raise UnusableError(f"{error}; give the whole file") from error
    if policy and Ed25519PublicKey is None:
        raise UnusableError("a policy needs signatures: install the package 'cryptography'")
    return since, policy


def is_sqlite(path):
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def verify(arguments):
    """Verify what the arguments name, print the verdict, and return the exit code."""
    path, (since, policy) = pathlib.Path(arguments.path), read_brought(arguments)
    ledger = is_sqlite(path)
    found = verify_ledger(path, since, arguments.blobs) if ledger else verify_bundle(path, since)
    head, author = found.head, "unproven: no policy was given; what is here is consistent with itself"
    if policy:
        author = check_author(policy, found)  # 7
    say_anchors(policy, found, ledger)  # 7
    if Ed25519PublicKey is None:
        found.doubts.append("no signature was checked, because the package 'cryptography' is absent")
    for text, count in sorted(found.demonstrations.items()):
        print(f"demonstration: {count} entries: {text}")
    print(f"intact: {found.entries} entries{'' if ledger else f' of {head.size}'} under root {head.root.hex()}")
    print(f"origin: {head.origin}, head signed {utc(found.time)} by its own clock")
    if since is not None:
        print(f"since: the {since.size} entries that were noted are unchanged, {head.size - since.size} were added")
    for line in [*found.notes, *(f"NOT ESTABLISHED: {doubt}" for doubt in found.doubts), f"author: {author}"]:
        print(line)
    print("Intact means unchanged since it was recorded; not that it is true, nor that it is complete.")
    return 0 if policy and not found.doubts else 1


def main(words=None):
    """Parse the command line; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", help="a bundle (zip or folder), or a ledger in an SQLite file")
    parser.add_argument("--policy", help="the keys that you trust, got from elsewhere")
    parser.add_argument("--since", help="a checkpoint that you noted at an earlier audit")
    parser.add_argument("--blobs", help="folder of a ledger's blobs")
    arguments = parser.parse_args(words)
    if pathlib.Path(__file__).name == COPY:
        print("This is a COPY that came with a bundle, and whoever made that may have changed it: compare its SHA-256.")
    try:
        return verify(arguments)
    except BrokenError as error:
        print(f"BROKEN: {error}", file=sys.stderr)
        return 3
    except sqlite3.DatabaseError as error:
        print(f"BROKEN: the database cannot be read: {error}", file=sys.stderr)
        return 3
    except (UnusableError, OSError) as error:
        print(f"could not be checked: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
