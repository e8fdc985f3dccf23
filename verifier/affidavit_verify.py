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
   organisation whose retention of such entries stood and had passed. No legal hold that stood covers the blob. A
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
import binascii
import collections
import contextlib
import datetime
import hashlib
import json
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
WITH_BLOBS = ("anchor", "dataset-snapshot", "measurement", "validation")  # kinds of entry whose blobs can be erased
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
        if path.is_dir() and not path.is_symlink():
            continue
        demand(
            NAME.fullmatch(name) and path.is_file() and not path.is_symlink(),
            f"a file that does not belong: {name[:200]!r}",
        )
        files[name] = path.read_bytes()
    return files


def strict_json(data):
    """Parse JSON; refuse whatever two programs could read differently."""

    def unique(pairs):
        demand(len(dict(pairs)) == len(pairs), "JSON with the same key twice in one object")
        return dict(pairs)

    def integer(digits):
        demand(len(digits) <= 17 and abs(int(digits)) < 2**53, "JSON with an integer beyond 2**53")
        return int(digits)

    def real(digits):
        demand(abs(float(digits)) != float("inf"), "JSON with a number beyond a double")
        return float(digits)

    def constant(name):
        raise BrokenError(f"JSON with {name}")

    hooks = {"object_pairs_hook": unique, "parse_int": integer, "parse_float": real, "parse_constant": constant}
    try:
        value = json.loads(data.decode("utf-8"), **hooks)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails for half of a surrogate pair
    except (ValueError, RecursionError) as error:  # a UnicodeError is a ValueError
        raise BrokenError(f"not JSON ({type(error).__name__})") from error
    demand(depth(value) <= 32, "JSON nested more than 32 levels deep")
    return value


def depth(value):
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max((depth(each) for each in (value.values() if isinstance(value, dict) else value)), default=0)


def from_base64(text, what):
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BrokenError(f"{what}: not base64") from error
    demand(base64.b64encode(data).decode() == text, f"{what}: not canonical base64")  # one value, one spelling
    return data


# --- 2. Statements ---------------------------------------------------------------------------------------------------


class Found:
    """What was found. 'notes' are worth saying; 'doubts' too, and with one nothing is fully established."""

    def __init__(self):
        self.kinds = collections.Counter()
        self.demonstrations = collections.Counter()
        self.blobs = {}  # SHA-256 -> indices of the entries that name it
        self.erasures = Erasures()
        self.keys = []  # (index of the entry that names it, key, by what authority), oldest first
        self.comes_after = {}  # index of an entry that replaced the key -> the head that it says it comes after
        self.anchors = {}  # index of an entry that records an anchor -> the head that a witness cosigned, or None
        self.fits = None  # whether a head of at least one entry is one of this log's
        self.recovery = self.quorum = self.head = None
        self.time = self.entries = 0
        self.notes, self.doubts = [], []

    def entry(self, index, leaf, what):
        """Read the leaf of one entry, and return its hash (RFC 6962, section 2.1)."""
        demand(isinstance(leaf, bytes) and len(leaf) <= LARGEST_LEAF, f"{what}: no bytes, or too many")
        try:
            statement = strict_json(leaf)
            predicate = statement["predicate"]
            own = predicate if "header" in predicate else {**predicate, **predicate["affidavit"]}
            subjects = [(each["name"], each["digest"]["sha256"]) for each in statement["subject"]]
            demonstration = own["header"].get("demonstration")
            demand(statement["_type"] == "https://in-toto.io/Statement/v1" and subjects, "not an in-toto Statement v1")
            demand({"scope", "observed_at", "supersedes"} <= set(own["header"]), "its header lacks a field")
            self.kinds[str(statement["predicateType"])] += 1
            details = own.get("details")
            if isinstance(details, dict):
                digest = details["digest"]["sha256"]
                demand(re.fullmatch("[0-9a-f]{64}", digest), "its details name no blob by SHA-256")
                self.blobs.setdefault(digest, []).append(index)
            if index == 0:
                demand(statement["predicateType"].startswith("urn:affidavit:genesis:v"), "not a genesis entry")
                self.keys.append((0, parse_key(own["key"]), None))
                self.recovery = parse_key(own["recovery"]) if own["recovery"] is not None else None
                quorum = own["recovery_quorum"]
                self.quorum = parse_policy(quorum.encode(), "its quorum") if quorum is not None else None
            elif statement["predicateType"] == "urn:affidavit:key-rotation:v1":
                self.rotate(index, own)
            kind = kind_of(statement["predicateType"])
            if kind == "anchor":
                self.anchors[index] = anchored(own, self.keys[0][1].name)  # 7
            demand(kind != "erasure" or subjects[0][0] == f"affidavit://blobs/{own['blob']}", "about another blob")
            self.erasures.entry(index, kind, own, leaf)  # 5
        except (
            BrokenError,
            UnusableError,
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
            ValueError,
        ) as error:
            problem = str(error) if isinstance(error, (BrokenError, UnusableError)) else "not a statement"
            raise BrokenError(f"{what}: {problem}") from error
        if demonstration is not None:
            self.demonstrations[str(demonstration)] += 1
        return hashlib.sha256(b"\0" + leaf).digest()

    def key(self, size):
        """The log's key that signs a head of so many entries."""
        return [key for index, key, _ in self.keys if index < max(size, 1)][-1]

    def rotate(self, index, own):
        """A new key: authorised by whom entry 0 names, in place of the newest, after a head that the newest signed."""
        origin, authority = self.keys[0][1].name, own["authority"]
        if authority == "recovery key" and self.recovery is not None:
            note = parse_note(own["authorisation"], "its authorisation")
            text = note.text
            allowed = self.recovery.type == PLAIN and signed(note, self.recovery, "its authorisation") is not None
            demand(allowed, "not authorised by the recovery key that entry 0 names")
        else:
            demand(authority == "witness quorum" and self.quorum is not None, "authorised by nobody that entry 0 names")
            text, head = parse_consent(own["authorisation"])
            # The witnesses cosigned a log of its own, whose only entry is the text.
            data, name = text.encode(), f"{origin}/rotation/{hashlib.sha256(text.encode()).hexdigest()}"
            root = base64.b64encode(hashlib.sha256(b"\0" + data).digest()).decode()
            demand(head.text == f"{name}\n1\n{root}\n", "the witnesses authorised something else")
            check_quorum(self.quorum, head, "its authorisation")
        top, _, below = text.partition("\n\n")
        demand(top == f"affidavit/key-rotation/v1\n{own['old']}\n{own['new']}", "other keys than were authorised")
        old, new, after = (
            parse_key(own["old"]),
            parse_key(own["new"]),
            parse_head(below, "the head that it comes after"),
        )
        demand(old == self.keys[-1][1], "it replaces another key than the log's present one")
        demand(new.type == COSIGNATURE and new.name == origin == after.origin, "keys and head are not of one log")
        demand(all(new.public != key.public for _, key, _ in self.keys), "the new key was a key of this log before")
        demand(len(after.signatures) == 1, "the head that it comes after must carry one signature")
        demand(signed(after, old, "the head that it comes after") is not None, "the old key signed no head before it")
        demand(self.keys[-1][0] < after.size <= index, f"a head of {after.size} entries cannot be the one before it")
        self.keys.append((index, new, authority))
        self.comes_after[index] = after


# --- 5. Erasures -----------------------------------------------------------------------------------------------------


def kind_of(predicate_type):
    """The name of a kind; another name than any kind's where the version is another than this program knows."""
    if predicate_type == "https://in-toto.io/attestation/test-result/v0.1":
        return "validation"
    match = re.fullmatch("urn:affidavit:([a-z-]+):v1", predicate_type)
    return match[1] if match else predicate_type


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


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


class Erasures:
    """Takes in entries in order. 'done' says of each erasure what is wrong with it, or when and why it was done."""

    def __init__(self):
        self.named = {}  # SHA-256 -> (scope, kind, time) of each entry that names the blob
        self.decisions = {}  # leaf hash -> index and facts of a person's decision
        self.rules = {}  # leaf hash -> index and retention (days by kind) of a declaration
        self.standing, self.holds = None, {}  # what stands: retention, and legal holds by id
        self.done = []  # (index, SHA-256, what is wrong or None, words)

    def entry(self, index, kind, own, leaf):
        header, details = own["header"], own.get("details")
        if kind in WITH_BLOBS and isinstance(details, dict):
            naming = (header["scope"], kind, header["observed_at"])
            self.named.setdefault(details["digest"]["sha256"], []).append(naming)
        elif kind == "organisation-declaration":
            retention, holds = keeping(own.get("organisation"))
            if holds is not None:  # what is not to the letter what a declaration is recorded as decides nothing
                self.rules[hashlib.sha256(b"\0" + leaf).hexdigest()] = index, retention
                self.declare(retention, holds)
        elif kind == "erasure-decision":
            if header["origin"] == "declared" and isinstance(header["by"], str) and header["by"]:
                self.decisions[hashlib.sha256(b"\0" + leaf).hexdigest()] = index, own
        elif kind == "erasure":
            problem, decided = self.judge(own)
            words = f"erased on {header['observed_at'][:10]} because {own['reason']}"
            self.done.append((index, own["blob"], problem, f"{words} (entry {index}, decided in entry {decided})"))

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


def check_erasures(found):
    """The blobs that were erased, each with the index of its erasure; those beyond the head count for nothing."""
    erased = {}
    for index, blob, problem, words in found.erasures.done:
        if index < found.head.size:
            demand(problem is None, f"entry {index}: an erasure that may not be: {problem}")
            erased[blob] = index
            found.notes.append(f"blob {blob}: {words}")
    return erased


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


def check_inclusion(index, size, leaf, path, root):
    """RFC 9162, section 2.1.3.2."""
    demand(0 <= index < size, f"there is no entry {index} in a tree of {size}")
    at, last, digest = index, size - 1, leaf
    for sibling in path:
        demand(last > 0, "the proof is too long")
        if at & 1 or at == last:
            digest = node(sibling, digest)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            digest = node(digest, sibling)
        at, last = at >> 1, last >> 1
    demand(last == 0 and digest == root, "the proof does not lead to the checkpoint's root")


def extends(old, head, path):
    """Whether the path shows that the head extends an ``old`` one, which is not empty (RFC 9162, section 2.1.4.2)."""
    if old.size >= head.size:
        return (old.size, old.root) == (head.size, head.root) and not path
    path = list(path) if old.size & (old.size - 1) else [old.root, *path]
    at, last = old.size - 1, head.size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0] if path else b""
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node(sibling, before), node(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node(after, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and (before, after) == (old.root, head.root)


# --- 4. Signed heads (C2SP signed-note, tlog-checkpoint, tlog-cosignature) -------------------------------------------


def parse_key(text):
    """name+id+base64(type, 32 bytes), where the id is the start of a hash over the rest."""
    parts = text.split("+", 2)
    demand(len(parts) == 3 and parts[0] and not re.search(r"\s", parts[0]), "not a key (name+id+key)")
    data = from_base64(parts[2], "the key")
    demand(len(data) == 33 and data[0] in (PLAIN, COSIGNATURE), "a key of an unknown type")
    demand(parts[1] == key_id(parts[0], data).hex(), "a key with an id that is not its own")
    return Key(parts[0], data[0], data[1:])


def key_id(name, data):
    return hashlib.sha256(name.encode("utf-8", "surrogateescape") + b"\n" + data).digest()[:4]


def identity(key):
    return key_id(key.name, bytes([key.type]) + key.public)


def parse_note(data, what):
    """A signed note: text, an empty line, and signature lines."""
    demand(len(data) <= LARGEST_NOTE, f"{what}: too long")
    try:
        whole = data.decode("utf-8") if isinstance(data, bytes) else data
        whole.encode("utf-8")
    except UnicodeError as error:
        raise BrokenError(f"{what}: not UTF-8") from error
    above, *_ = re.split(r"[\x00-\x09\x0b-\x1f]", whole, maxsplit=1)
    demand(above == whole, f"{what}: a control character in line {above.count(chr(10)) + 1}")
    text, empty, lines = whole.rpartition("\n\n")
    text += "\n"
    demand(empty and lines.endswith("\n"), f"{what}: not text, an empty line, and signatures")
    signatures = []
    for line in lines[:-1].split("\n"):
        match = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        demand(match, f"{what}: not a signature line: {line[:80]!r}")
        value = from_base64(match[2], f"{what}: the signature of {match[1][:80]!r}")
        demand(len(value) > 4, f"{what}: the signature of {match[1][:80]!r} is too short")
        signatures.append((match[1], value[:4], value[4:]))
    return Note(text, signatures)


def parse_head(data, what):
    """A signed checkpoint: its text is origin, size and root, each on a line."""
    text, signatures = parse_note(data, what)
    origin, size, root, *more = text[:-1].split("\n") if text.count("\n") > 2 else ("", "", "")
    demand(origin and all(more) and re.fullmatch("0|[1-9][0-9]{0,18}", size), f"{what}: not a checkpoint")
    root = from_base64(root, what)
    demand(len(root) == 32 and int(size) < 2**63, f"{what}: an impossible root or size")
    return Head(origin, int(size), root, text, signatures)


def parse_consent(data):
    """A C2SP tlog-proof of a log's only entry: the entry, which stands in it, and the head."""
    top, _, below = data.partition("\n\n")
    match = re.fullmatch(r"c2sp\.org/tlog-proof@v1\nextra (\S+)\nindex 0", top)
    demand(match, "its authorisation is not a proof of one entry")
    return from_base64(match[1], "its authorisation").decode("utf-8"), parse_head(below, "its authorisation")


def anchored(own, origin):
    """The head of this log that a witness cosigned by the word of an anchor entry, or None; nothing is verified."""
    try:
        named, size, root = own["checkpoint"], own["checkpoint"]["size"], own["checkpoint"]["root"]
        fields = {"header", "means", "where", "checkpoint", "time", "cosignature", "details"}
        good = set(own) == fields and set(named) == {"origin", "size", "root"} and isinstance(own["where"], str)
        good = good and own["means"] == "witness" and named["origin"] == origin and type(size) is int
        good = good and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", own["time"])
        demand(good and re.fullmatch("[0-9a-f]{64}", root) and isinstance(own["cosignature"], str), "no cosignature")
        root = base64.b64encode(bytes.fromhex(root)).decode()
        return parse_head(f"{origin}\n{size}\n{root}\n\n{own['cosignature']}", "an anchor")
    except (BrokenError, LookupError, TypeError):
        return None


def signed(head, key, what):
    """The time of the key's earliest signature (0 for one without), or None. Each of its signatures must hold."""
    times = []
    for name, line, data in head.signatures:
        if (name, line) != (key.name, identity(key)):
            continue  # by a key that we do not know: to be ignored
        message, time, value = head.text.encode(), 0, data
        if key.type == COSIGNATURE:
            time, value = int.from_bytes(data[:8], "big"), data[8:]
            message = f"cosignature/v1\ntime {time}\n{head.text}".encode()
        demand(len(value) == 64 and time < 2**63, f"{what}: the signature of {name!r} does not have its form")
        if Ed25519PublicKey is not None:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(value, message)
            except (InvalidSignature, ValueError) as error:
                raise BrokenError(f"{what}: the signature of {name!r} does not hold") from error
        times.append(time)
    return min(times) if times else None


def check_head(head, found, what):
    key = found.key(head.size)
    demand(key.type == COSIGNATURE and head.origin == key.name, f"{what}: of another log than entry 0 names")
    time = signed(head, key, what)
    index = max(index for index, each, _ in found.keys if each == key)
    demand(time is not None, f"{what}: not signed with the log's key, which entry {index} names")
    return time


# --- 6. and 7. What you bring along ----------------------------------------------------------------------------------


def read_since(path):
    try:
        return parse_head(pathlib.Path(path).read_bytes(), path)
    except BrokenError as error:
        raise UnusableError(f"{error}; give the whole file that was noted") from error


def check_since(old, head, found):
    """Whether the noted checkpoint can be of this log's past; the tree must still show it."""
    demand(old.origin == head.origin, f"the noted checkpoint is of the log {old.origin[:200]!r}, not {head.origin!r}")
    signed(old, found.key(old.size), "the noted checkpoint")
    demand(old.size <= head.size, f"rolled back: {old.size} entries were noted, and there are only {head.size}")


def parse_policy(data, path):
    """The logs and witnesses that somebody trusts, and the quorum of witnesses that they ask for."""
    logs, witnesses, groups, quorum = [], {}, {}, None
    text = data.decode("utf-8", "surrogateescape")  # names are octets, not characters
    for number, line in enumerate(text.split("\n"), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        try:
            demand(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", line), "a control character")
            if not words or words[0].startswith("#"):
                continue
            if words[0] == "log" and len(words) in (2, 3):
                logs.append(parse_key(words[1]))
                demand(len({key.public for key in logs}) == len(logs), "a log key a second time")
            elif words[0] == "witness" and len(words) in (3, 4):
                demand(words[1] not in {*witnesses, *groups, "none"}, "a name that is taken")
                witnesses[words[1]] = parse_key(words[2])
                demand(witnesses[words[1]].type == COSIGNATURE, "a key that cannot be a witness's")
                demand(len({key.public for key in witnesses.values()}) == len(witnesses), "a witness key a second time")
            elif words[0] == "group" and len(words) > 3:
                name, rule, *members = words[1:]
                taken = {member for _, others in groups.values() for member in others}
                demand(name not in {*witnesses, *groups, "none"}, "a name that is taken")
                demand(all(m in witnesses or m in groups for m in members), "a member that is not defined above")
                demand(not taken.intersection(members) and len(set(members)) == len(members), "a member of two groups")
                demand(rule in ("all", "any") or re.fullmatch("[0-9]{1,5}", rule), "a rule that is not known")
                groups[name] = ({"all": len(members), "any": 1}.get(rule) or int(rule), members)
                demand(1 <= groups[name][0] <= len(members), "more members asked for than there are")
            elif words[0] == "quorum" and len(words) == 2 and quorum is None:
                quorum = words[1]
                demand(
                    quorum == "none" or quorum in witnesses or quorum in groups, "a quorum that is not defined above"
                )
            else:
                raise BrokenError("not a line of a policy")
        except BrokenError as error:
            raise UnusableError(f"{path} line {number}: {error}") from error
    if quorum is None:
        raise UnusableError(f"{path} line {number}: no quorum line")
    return Policy(logs, witnesses, groups, quorum)


def check_policy(policy, found):
    """Whose log it is by your policy."""
    head, keys = found.head, [each for each in found.keys if each[0] < found.head.size]
    named = [index for index, key, _ in keys if key in policy.logs]
    if not named:
        known = [log for log in policy.logs if log.name == head.origin and signed(head, log, "the head") is not None]
        demand(known, "no log of your policy signed this head")
        raise BrokenError("your policy names another key for this log than its entry 0 does")
    steps = [f"at entry {index} under the {authority}" for index, _, authority in keys if index > named[-1]]
    replaced = f" was replaced {', then '.join(steps)} that entry 0 pins" if steps else ""
    known = [(key.name, identity(key)) for key in policy.witnesses.values()]
    for witness in policy.witnesses.values():
        signed(head, witness, "the head")  # what your witnesses wrote under the head itself must hold
    for name, line, _ in head.signatures:
        if name != head.origin and (name, line) not in known:
            stranger = f"{name}+{line.hex()}"
            found.notes.append(f"ignored: a line under the head by {stranger}, which the policy does not name")
    return f"{head.origin}, whose key your policy names{replaced}"


def check_quorum(policy, head, what):
    cosigned = [name for name, witness in policy.witnesses.items() if signed(head, witness, what) is not None]
    demand(satisfied(policy, cosigned), f"{what}: the quorum {policy.quorum!r} did not cosign it")


def satisfied(policy, cosigned):
    holds = set(cosigned)
    for name, (threshold, members) in policy.groups.items():
        if len(holds.intersection(members)) >= threshold:
            holds.add(name)
    return policy.quorum == "none" or policy.quorum in holds


def check_anchors(policy, found):
    """The largest size for which the quorum cosigned that size or a larger one, and what it cosigned first of these."""
    anchors = [(f"entry {index}", head) for index, head in sorted(found.anchors.items()) if index < found.head.size]
    heads = [("the head", found.head), *((what, head) for what, head in anchors if head)]
    known = [each for what, head in heads for each in cosignatures(policy, head, what, found)]
    newest, early = {}, {}
    for each in sorted(known, key=lambda each: -each.head.size):
        newest.setdefault(each.by, each)
    sizes = {name: each.head.size for name, each in newest.items()}
    enough = [most for most in sizes.values() if satisfied(policy, [name for name in sizes if sizes[name] >= most])]
    size = max(enough, default=0)
    for each in sorted((each for each in known if each.head.size >= size > 0), key=lambda each: each.time):
        early.setdefault(each.by, each)
        if satisfied(policy, early):
            break
    reached = {name: f"{sizes[name]} entries" if sizes.get(name) else "nothing" for name in policy.witnesses}
    if reached:
        said = ", ".join(f"{name} cosigned {how_far}" for name, how_far in reached.items())
        found.notes.append(f"witnesses of the policy: {said}")
    for head, _, by in [*newest.values(), *early.values()]:
        most = found.head.size
        demand(head.size <= most, f"{by} signed a head of {head.size} entries, and the log has {most}")
        ours = head.size == 0 or found.fits(head)
        demand(ours, f"{by} signed another history of this log: its head of {head.size} entries is no prefix")
    return size, early


def cosignatures(policy, head, what, found):
    for name, key in policy.witnesses.items():
        time = signed_or_doubted(head, key, what, found)
        if time is not None and time <= LAST_SECOND:
            yield Known(head, time, name)


def signed_or_doubted(head, key, what, found):
    try:
        return signed(head, key, what)
    except BrokenError as error:  # it counts for nothing, and nobody honest records it
        found.doubts.append(str(error))
        return None


def say_anchors(policy, found, ledger):
    """Step 7, in words."""
    size, early = check_anchors(policy, found) if policy else (0, {})
    if early:
        since = utc(max(each.time for each in early.values()))
        found.notes.append(f"anchoring: {size} entries known to {', '.join(sorted(early))} since {since}")
    records = sum(size <= index < found.head.size for index in found.anchors) if ledger else 0
    only = f", {records} of them only record anchors" if records else ""
    found.notes.append(f"anchoring: {found.head.size - size} entries not known to any outsider{only}")
    if policy and policy.quorum != "none" and not size:
        quorum = f"the quorum {policy.quorum!r} of the policy"
        found.doubts.append(f"{quorum} cosigned no head of this log that is shown here")


def utc(seconds):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=min(seconds, LAST_SECOND))
    return moment.isoformat(timespec="milliseconds") + "Z"


# --- A bundle --------------------------------------------------------------------------------------------------------


def check_manifest(files):
    """Step 1: the manifest lists every other file with its SHA-256, and no more. Nothing signs it."""
    demand("manifest.json" in files, "manifest.json: absent")
    try:
        manifest = strict_json(files["manifest.json"])
        claim, listed = manifest["selection"], manifest["files"]
        good = set(manifest) == {"format", "selection", "files"} and manifest["format"] == "affidavit bundle 1"
        demand(good and isinstance(claim, str), "not the manifest of a bundle that this program knows")
        names = sorted((set(listed) | ALWAYS | set(files)) - {"manifest.json"})
    except (BrokenError, KeyError, TypeError, AttributeError) as error:
        raise BrokenError(f"manifest.json: {error if isinstance(error, BrokenError) else 'not a manifest'}") from error
    for name in names:
        demand(name in files, f"{name[:200]}: absent")
        demand(name in listed, f"{name}: not in the manifest")
        demand(
            hashlib.sha256(files[name]).hexdigest() == listed[name], f"{name}: not the bytes of the manifest's SHA-256"
        )
    return claim


def check_proof(data, index, leaf, checkpoint, head):
    """Step 3: a C2SP tlog-proof of one entry, under the very bytes of checkpoint.txt."""
    try:
        top, empty, below = data.decode("utf-8").partition("\n\n")
    except UnicodeError as error:
        raise BrokenError("not UTF-8") from error
    first, *lines = top.split("\n")
    demand(first == "c2sp.org/tlog-proof@v1" and empty, "not a proof")
    if lines and lines[0].startswith("extra "):
        from_base64(lines.pop(0)[6:], "extra")  # for applications; nothing authenticates it
    demand(lines and lines.pop(0) == f"index {index}", "a proof of another entry")
    demand(below.encode() == checkpoint, "a proof under another checkpoint")
    path = [from_base64(line, "a hash") for line in lines]
    demand(all(len(digest) == 32 for digest in path), "a hash that does not have 32 bytes")
    check_inclusion(index, head.size, leaf, path, head.root)


def verify_bundle(path, since):
    files = read_folder(path) if path.is_dir() else read_zip(path)  # 1
    found, claim = Found(), check_manifest(files)
    found.notes.append(f"it claims to hold: {claim} (nothing can show that nothing was left out of a bundle)")
    if files[COPY] != pathlib.Path(__file__).read_bytes():
        found.notes.append(f"the {COPY} in it is not this program, byte for byte")
    found.head = parse_head(files["checkpoint.txt"], "checkpoint.txt")
    numbers = {int(re.sub(r"\D", "", name)) for name in files if name.startswith(("entries/", "proofs/"))}
    for index in sorted(numbers | {0}):
        entry, proof = f"entries/{index}.json", f"proofs/{index}.tlog-proof"
        demand(entry in files, f"{entry}: absent")
        leaf = found.entry(index, files[entry], entry)  # 2
        demand(proof in files, f"{proof}: absent")
        try:
            check_proof(files[proof], index, leaf, files["checkpoint.txt"], found.head)  # 3
        except BrokenError as error:
            raise BrokenError(f"{proof}: {error}") from error
        found.entries += 1
    found.time = check_head(found.head, found, "checkpoint.txt")  # 4
    check_rotations(files, found)  # 2
    read_anchors(files, found)  # 7
    there = {name[len("blobs/") :] for name in files if name.startswith("blobs/")}
    erased = check_erasures(found)  # 5
    for digest, indices in found.blobs.items():
        gone = digest not in there and erased.get(digest, -1) < indices[-1]
        demand(not gone, f"blobs/{digest}: absent; entry {indices[-1]} names it")
    for digest in sorted(there):
        fits = hashlib.sha256(files[f"blobs/{digest}"]).hexdigest() == digest
        demand(fits, f"blobs/{digest}: its bytes were changed")
        demand(digest in found.blobs, f"blobs/{digest}: no entry names it")
    if since is not None:  # 6
        check_since(since, found.head, found)
        if since.size == found.head.size:
            demand(since.root == found.head.root, "another root than the noted one of the same size: it was forked")
        elif since.size:
            if "since.txt" not in files:
                raise UnusableError("this bundle holds no proof that its head extends a noted checkpoint; ask for one")
            bundle_extends(files, "since.txt", since, found.head)
    return found


def check_rotations(files, found):
    """Step 2: the head that each new key comes after is one of this log."""
    for index, after in found.comes_after.items():
        demand(f"rotations/{index}.txt" in files, f"rotations/{index}.txt: absent")
        bundle_extends(files, f"rotations/{index}.txt", after, found.head)
    for name in sorted(files):
        known = not name.startswith("rotations/") or int(re.sub(r"\D", "", name)) in found.comes_after
        demand(known, f"{name}: no entry here replaces the log's key there")


def read_anchors(files, found):
    """Step 7: of the anchor entries those whose head the bundle shows to be one of this log, or says that it is not."""
    head, paths = found.head, {}
    for name in sorted(name for name in files if name.startswith("anchors/")):
        size = int(re.sub(r"\D", "", name))
        demand(any(each and each.size == size for each in found.anchors.values()), f"{name}: no anchor entry's")
        paths[size] = bundle_path(files, name, size)
    found.anchors = {
        i: each for i, each in found.anchors.items() if each and (each.size in paths or each.size >= head.size)
    }
    found.fits = lambda old: extends(old, head, paths.get(old.size, ()))


def bundle_path(files, name, size):
    """The hashes of a proof from the size."""
    try:
        top, empty, _ = files[name].decode("utf-8").partition("\n\n")
        first, *lines = top.split("\n")
        demand(empty and first == f"old {size}", f"{name}: a proof from another size than {size}")
        path = [from_base64(line, f"{name}: a hash") for line in lines]
    except UnicodeError as error:
        raise BrokenError(f"{name}: not UTF-8") from error
    demand(all(len(digest) == 32 for digest in path), f"{name}: a hash that does not have 32 bytes")
    return path


def bundle_extends(files, name, old, head):
    proven = extends(old, head, bundle_path(files, name, old.size))
    demand(proven, f"{name}: the proof does not lead from the noted root to this one")


# --- A ledger --------------------------------------------------------------------------------------------------------


def open_ledger(path):
    """Step 1: read-only, and immutable: SQLite neither writes beside the file nor looks for another file there."""
    beside = path.with_name(path.name + "-wal")
    if beside.exists() and beside.stat().st_size:
        raise UnusableError(f"{beside}: entries not yet in the database; on a copy, run: sqlite3 {path.name} .tables")
    address = urllib.parse.quote(str(path.resolve()))
    connection = sqlite3.connect(f"file:{address}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def verify_ledger(path, since, blobs):
    with contextlib.closing(open_ledger(path)) as connection:
        return walk(connection, since, blobs)


def walk(connection, since, blobs):
    for table in ("entries", "checkpoints"):  # a view could show anything
        kinds = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchall()
        if kinds != [("table",)]:
            raise UnusableError(f"no ledger: it has no table {table!r}")
    found, peaks, size, noted_root = Found(), [], 0, None
    before, counted = collections.Counter(), collections.Counter()  # kinds under the noted head, and under the newest
    notes = connection.execute("SELECT note FROM checkpoints ORDER BY size")
    head = next_head(notes, 0)
    for index, leaf in connection.execute('SELECT "index", leaf FROM entries ORDER BY "index"'):
        demand(index == size, f"entry {size}: absent")
        grow(peaks, size, found.entry(index, leaf, f"entry {index}"))  # 2
        size += 1
        if head is not None and head.size <= size:
            what = f"checkpoint of size {head.size}"
            demand(head.size == size, f"{what}: not in order")
            time = check_head(head, found, what)  # 4
            demand(time >= found.time, f"{what}: signed before the one before it")
            signed_root = head.root == root_of(peaks)  # 3
            demand(signed_root, f"{what}: the entries up to {size - 1} are not those that were signed")
            found.head, found.time, found.entries, counted = head, time, size, found.kinds.copy()
            head = next_head(notes, size)
        if since is not None and size == since.size:
            noted_root, before = root_of(peaks), found.kinds.copy()
    demand(head is None, f"entry {size}: absent, and a signed head covers it")
    demand(found.head is not None, "entry 0: no signed head covers it")
    if size > found.entries:
        found.doubts.append(
            f"{size - found.entries} entries stand beyond the newest signed head: nobody vouches for them"
        )
    roots = roots_at(connection, {each.size for each in (*found.comes_after.values(), *found.anchors.values()) if each})
    for index, after in found.comes_after.items():  # 2
        ours = roots.get(after.size) == after.root
        demand(ours, f"entry {index}: its head of {after.size} entries is no head of this log")
    found.fits = lambda old: roots.get(old.size) == old.root  # 7
    check_blobs(found, blobs)  # 5
    if since is not None:  # 6
        check_since(since, found.head, found)
        demand(since.size == 0 or since.root == noted_root, f"the first {since.size} entries are not the noted ones")
        added = sorted((counted - before).items())
        found.notes += [f"added since: {count} of {kind}" for kind, count in added]
    return found


def roots_at(connection, sizes):
    """The roots of the tree at these sizes. They were passed before anything named them, so the tree grows again."""
    peaks, roots, wanted = [], {0: root_of([])}, sizes - {0}
    leaves = connection.execute('SELECT leaf FROM entries ORDER BY "index"') if wanted else ()
    for size, (leaf,) in enumerate(leaves):
        grow(peaks, size, hashlib.sha256(b"\0" + leaf).digest())
        if size + 1 in wanted:
            roots[size + 1] = root_of(peaks)
            if len(roots) > len(wanted):
                break
    return roots


def is_sqlite(path):
    if path.is_dir():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def next_head(notes, size):
    row, what = next(notes, None), f"the checkpoint after size {size}"
    demand(row is None or isinstance(row[0], str), f"{what}: not text")
    return None if row is None else parse_head(row[0], what)


def check_blobs(found, folder):
    erased = check_erasures(found)
    if folder is None:
        if found.blobs:
            found.doubts.append(f"{len(found.blobs)} blobs were not looked at: give their folder with --blobs")
        return
    for digest, indices in found.blobs.items():
        named = f"entry {indices[-1]} names it"
        try:
            data = (pathlib.Path(folder) / digest[:2] / digest).read_bytes()
        except FileNotFoundError as error:
            if erased.get(digest, -1) > indices[-1]:
                continue
            raise BrokenError(f"blob {digest}: absent; {named}") from error
        demand(hashlib.sha256(data).hexdigest() == digest, f"blob {digest}: its bytes were changed; {named}")
        if digest in erased:
            found.notes.append(f"blob {digest}: its erasure was recorded, and its bytes are still there")


# --- The whole -------------------------------------------------------------------------------------------------------


def verify(arguments):
    """Verify what the arguments name, print the verdict, and return the exit code."""
    path = pathlib.Path(arguments.path)
    since = read_since(arguments.since) if arguments.since else None
    policy = parse_policy(pathlib.Path(arguments.policy).read_bytes(), arguments.policy) if arguments.policy else None
    if policy and Ed25519PublicKey is None:
        raise UnusableError("a policy needs signatures: install the package 'cryptography'")
    ledger = is_sqlite(path)
    found = verify_ledger(path, since, arguments.blobs) if ledger else verify_bundle(path, since)
    head, author = found.head, "unproven: no policy was given; what is here is consistent with itself"
    if policy:
        author = check_policy(policy, found)  # 7
    say_anchors(policy, found, ledger)  # 7
    if Ed25519PublicKey is None:
        found.doubts.append("no signature was checked, because the package 'cryptography' is absent")
    for text, count in sorted(found.demonstrations.items()):
        print(f"demonstration: {count} entries: {text}")
    part = "" if ledger else f" of {head.size}"
    print(f"intact: {found.entries} entries{part} under root {head.root.hex()}")
    print(f"origin: {head.origin}, head signed {utc(found.time)} by its own clock")
    if since is not None:
        print(f"since: the {since.size} entries that were noted are unchanged, {head.size - since.size} were added")
    for line in found.notes:
        print(line)
    for line in found.doubts:
        print(f"NOT ESTABLISHED: {line}")
    print(f"author: {author}")
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
