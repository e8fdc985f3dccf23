"""What the stand-alone verifier refuses, part by part, and that the package refuses the same."""

import json
import os
import random
import shutil
import sqlite3
from datetime import timedelta
from functools import partial

import pytest

from affidavit.cli.terminal import read_file
from affidavit.errors import AffidavitError
from affidavit.evidence import dumps, loads
from affidavit.publish.bundle_verification import verify_bundle
from affidavit.tlog.note import Note, VerifierKey
from affidavit.tlog.proofs import check_consistency, check_inclusion, prove_consistency, prove_inclusion
from tests.tlog.conftest import NaiveNodes, naive_root
from tests.verifier.conftest import NOON
from tests.verifier.mutants import flipped, head_everywhere, packed, unpacked

DOCUMENTS = [
    b'{"a":1,"b":[1.5e3,true,null,"x\\u00e9\\ud83d\\ude00"],"c":{"d":-0.0,"e":9007199254740991}}',
    b'[[[["]"]]]]',
    b" {} ",
    b"[" * 32 + b"]" * 32,
]
REFUSED = [
    b'{"a":1,"a":1}',
    b'{"a":{"b":[],"b":[]}}',
    b"[NaN]",
    b"[Infinity]",
    b"[-Infinity]",
    b"[1e400]",
    b"9007199254740992",
    b"-9007199254740992",
    b"0" * 30,
    b"9" * 5000,
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b"\xff",
    b"\xef\xbb\xbf{}",
    b"{}\x00",
    "{}".encode("utf-16"),
    b"",
    b"{}x",
    b"[" * 33 + b"]" * 33,
    b"[" * 100_000,
    b'{"a":' * 33 + b"1" + b"}" * 33,
]
PARTS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"e", b"9" * 18, b"\\ud800", b"\\", b"\xff", b"NaN"]


def read_by_both(module, data):
    try:
        ours = json.dumps(loads(data), sort_keys=True)
    except AffidavitError:
        ours = None
    try:
        theirs = json.dumps(module.strict_json(data), sort_keys=True)
    except module.BrokenError:
        theirs = None
    return ours, theirs


def test_json_is_read_alike_or_refused_by_both(module):
    for data in DOCUMENTS:
        ours, theirs = read_by_both(module, data)
        assert ours == theirs is not None
    for data in REFUSED:
        assert read_by_both(module, data) == (None, None), data[:60]
    chance = random.Random(2026)
    accepted = 0
    for _ in range(3000):
        data = bytearray(chance.choice(DOCUMENTS))
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(data))
            data[place : place + 1] = chance.choice(
                [bytes([data[place] ^ 1 << chance.randrange(8)]), chance.choice(PARTS)]
            )
        ours, theirs = read_by_both(module, bytes(data))
        assert ours == theirs, bytes(data)
        accepted += ours is not None
    assert accepted > 30


def test_proofs_are_checked_alike(module):
    chance = random.Random(2026)
    leaves = [module.hashlib.sha256(b"%d" % number).digest() for number in range(40)]
    for _ in range(1500):
        size = chance.randrange(2, 41)
        size1 = chance.randrange(1, size)
        index, reader = chance.randrange(size), NaiveNodes(leaves)
        root, root1 = naive_root(leaves[:size]), naive_root(leaves[:size1])
        inclusion = list(prove_inclusion(reader, index=index, size=size))
        consistency = list(prove_consistency(reader, size1=size1, size2=size))
        for path in (inclusion, consistency):
            change = chance.randrange(5)
            if change == 1:
                path.insert(chance.randrange(len(path) + 1), chance.choice(leaves))
            elif change == 2 and path:
                path.pop(chance.randrange(len(path)))
            elif change == 3 and path:
                place = chance.randrange(len(path))
                path[place] = flipped(chance, path[place])
            elif change == 4:
                index = min(index + 1, size)
        leaf = leaves[index % 40]
        ours = partial(check_inclusion, index=index, size=size, leaf=leaf, proof=inclusion, root=root)
        agree(module, ours, partial(module.check_inclusion, index, size, leaf, inclusion, root))
        ours = partial(check_consistency, size1=size1, size2=size, proof=consistency, root1=root1, root2=root)
        agree(module, ours, partial(extends, module, (size1, root1), (size, root), consistency))


def extends(module, old, new, path):
    heads = [module.Head("log.example", size, root, "", []) for size, root in (old, new)]
    module.demand(module.extends(*heads, path), "no proof")


def agree(module, ours, theirs):
    try:
        ours()
    except AffidavitError:
        with pytest.raises(module.BrokenError):
            theirs()
    else:
        theirs()


KEYS = {
    "no parts": "x",
    "no name": lambda _, number, data: f"+{number}+{data}",
    "a blank in its name": lambda _, number, data: f"a b+{number}+{data}",
    "another id": lambda name, _, data: f"{name}+00000000+{data}",
    "an id in capitals": lambda name, number, data: f"{name}+{number.upper()}+{data}",
    "another type": lambda name, number, data: f"{name}+{number}+C{data[1:]}",
    "too short": lambda name, number, data: f"{name}+{number}+{data[:-4]}",
    "no base64": lambda name, number, data: f"{name}+{number}+{data[:-1]}!",
}


@pytest.mark.parametrize("change", KEYS.values(), ids=KEYS)
def test_a_key_has_one_spelling(module, change):
    key = VerifierKey("example.com/log", 4, bytes(range(32)))
    assert module.parse_key(key.text) == ("example.com/log", 4, bytes(range(32)))
    text = change if isinstance(change, str) else change(*key.text.split("+", 2))
    assert text != key.text
    with pytest.raises(module.BrokenError):
        module.parse_key(text)
    with pytest.raises(AffidavitError):
        VerifierKey.parse(text)


HEADS = {
    "a control character": lambda t: t.replace(b"\n", b"\r\n"),
    "no UTF-8": lambda t: t.replace(b"\n\n", b"\xff\n\n"),
    "no signature": lambda t: t.partition(b"\n\n")[0] + b"\n\n",
    "no last newline": lambda t: t[:-1],
    "no empty line": lambda t: t.replace(b"\n\n", b"\n"),
    "a signature line that is none": lambda t: t + b"hello\n",
    "a signature too short": lambda t: t + "— x AAAA\n".encode(),
    "a size with a zero before it": lambda t: t.replace(b"\n41\n", b"\n041\n"),
    "a size beyond all": lambda t: t.replace(b"\n41\n", b"\n9999999999999999999\n"),
    "no origin": lambda t: t[t.index(b"\n") :],
    "a root too short": lambda t: t.replace(t.split(b"\n")[2], b"AAAA"),
    "an empty line in its text": lambda t: t.replace(b"\n41\n", b"\n\n41\n"),
    "a root with spare bits": lambda t: t.replace(t.split(b"\n")[2], t.split(b"\n")[2][:-2] + b"/="),
    "a cosignature too short": lambda t: t[:-5] + b"\n",
    "too long": lambda t: t + "— x AAAAAAAA\n".encode() * 80_000,
}


@pytest.mark.parametrize("change", HEADS.values(), ids=HEADS)
def test_a_signed_head_has_one_spelling(bundled, verifier, tmp_path, change):
    files = unpacked(bundled(entries="5").read_bytes())
    old = files["checkpoint.txt"]
    new = change(old)
    assert new != old
    path = tmp_path / "doctored.zip"
    path.write_bytes(packed(head_everywhere(files, old, new)))
    assert verifier(path)[0] == 3
    with pytest.raises(AffidavitError) as caught:
        verify_bundle(path)
    assert caught.value.exit_code == 3


LEAVES = {
    "no statement": b"[]",
    "another type": b'{"_type":"x","predicateType":"x","predicate":{"header":{}},"subject":[]}',
    "text instead of an object": b'"x"',
}


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES)
def test_a_leaf_that_is_no_statement(bundled, verifier, tmp_path, leaf):
    files = unpacked(bundled(entries="5").read_bytes())
    path = tmp_path / "doctored.zip"
    path.write_bytes(packed(files | {"entries/5.json": leaf}))
    code, said = verifier(path)
    assert (code, said.startswith("BROKEN: entries/5.json: ")) == (3, True)
    with pytest.raises(AffidavitError, match=r"^entries/5\.json: "):
        verify_bundle(path)


@pytest.mark.parametrize("before", ["", "AB" * 32, "ab " * 21 + "b", "ab" * 33, "ab" * 32 + "\n", 7, [], False])
def test_a_leaf_that_supersedes_what_is_no_leaf_hash(bundled, verifier, tmp_path, before):
    files = unpacked(bundled(entries="5").read_bytes())
    document = loads(files["entries/5.json"])
    document["predicate"]["header"]["supersedes"] = before
    path = tmp_path / "doctored.zip"
    path.write_bytes(packed(files | {"entries/5.json": dumps(document)}))
    code, said = verifier(path)
    assert (code, said.startswith("BROKEN: entries/5.json: ")) == (3, True), said
    with pytest.raises(AffidavitError, match=r"^entries/5\.json: .*supersedes"):
        verify_bundle(path)


def test_a_file_that_is_no_bundle_could_not_be_checked(verifier, policy):
    code, said = verifier(policy)
    assert (code, "neither a bundle nor a ledger" in said) == (2, True)


def test_a_pipe_is_not_waited_for(bundled, verifier, tmp_path):
    pipe, whole = tmp_path / "pipe", bundled(entries="5")
    os.mkfifo(pipe)
    for words in ([pipe], [whole, "--policy", pipe], [whole, "--since", pipe]):
        code, said = verifier(*words)
        assert (code, f"{pipe}: a pipe" in said) == (2, True), said
    with pytest.raises(AffidavitError, match="a pipe"):
        verify_bundle(pipe)
    with pytest.raises(AffidavitError, match="a pipe"):
        read_file(pipe)


def test_a_folder_with_what_does_not_belong(bundled, verifier, tmp_path):
    folder = tmp_path / "unpacked"
    shutil.unpack_archive(bundled(entries="5"), folder)
    assert verifier(folder)[0] == 1
    readme = folder / "README.txt"
    (folder / "mine.txt").write_text("x")
    assert "mine.txt" in verifier(folder)[1]
    (folder / "mine.txt").unlink()
    readme.rename(tmp_path / "elsewhere")
    readme.symlink_to(tmp_path / "elsewhere")
    assert verifier(folder)[0] == 3
    readme.unlink()
    os.mkfifo(readme)
    assert verifier(folder)[0] == 3
    with pytest.raises(AffidavitError, match=r"README\.txt"):
        verify_bundle(folder)


def test_a_noted_checkpoint_and_a_bundle(filled, bundled, verifier, alias, policy, tmp_path):
    noted, newer = tmp_path / "noted.txt", tmp_path / "newer.txt"
    with filled.read() as ledger:
        head = Note.parse(ledger.head().note)
    noted.write_text(head.whole)
    same = bundled("same.zip", entries="5")
    with filled.write() as ledger:
        newer.write_text(ledger.append([alias(model="x")], now=NOON + timedelta(days=1)).head.note)
    ask = lambda path, file=noted: verifier(path, "--policy", policy, "--since", file)  # noqa: E731
    assert ask(same)[0] == 0
    assert ask(same, newer) == (3, "BROKEN: rolled back: 42 entries were noted, and there are only 41\n")
    path = bundled("later.zip", entries="5", since=head)
    code, said = ask(path)
    assert (code, "the 41 entries that were noted are unchanged, 1 were added" in said) == (0, True)
    assert ask(bundled("bare.zip", entries="5"))[0] == 2
    noted.write_text(head.text.replace("\n41\n", "\n40\n") + "\n— nobody AAAAAAAA\n")
    assert "since.txt: a proof from another size" in ask(path)[1]
    other = head.text.split("\n")[2][::-1].replace("=", "") + "="
    noted.write_text(head.text.replace(head.text.split("\n")[2], other) + "\n— nobody AAAAAAAA\n")
    code, said = ask(path)
    assert code in (2, 3), said
    for root in ("A" * 43 + "=",):
        noted.write_text(head.text.replace(head.text.split("\n")[2], root) + "\n— nobody AAAAAAAA\n")
        assert ask(path)[1].startswith("BROKEN: since.txt: ")
        assert ask(same)[1].startswith("BROKEN: another root than the noted one")
    noted.write_text(head.text.replace("affidavit.invalid", "example.com") + "\n— nobody AAAAAAAA\n")
    assert "is of the log 'example.com/" in ask(same)[1]
    noted.write_text(head.whole.replace("\n41\n", "\n40\n"))
    assert "the noted checkpoint: the signature of" in ask(same)[1]
    files = unpacked(path.read_bytes())
    noted.write_text(head.whole)
    for change in (lambda t: t[:-1] + b"\xff", lambda t: t.replace(b"\n", b"\nAAAA\n", 1), lambda t: t[7:]):
        path.write_bytes(packed(files | {"since.txt": change(files["since.txt"])}))
        code, said = ask(path)
        assert (code, "since.txt" in said) == (3, True)


def test_a_database_whose_columns_are_of_other_types(filled, verifier):
    file = filled.home / "ledger.db"
    for statement in (
        'UPDATE entries SET leaf = CAST(leaf AS TEXT) WHERE "index" = 3',
        'UPDATE entries SET leaf = zeroblob(70000) WHERE "index" = 3',
        "UPDATE checkpoints SET note = CAST(note AS BLOB) WHERE size = 9",
        "UPDATE checkpoints SET size = 10 WHERE size = 9",
        "UPDATE checkpoints SET size = -1 WHERE size = 9",
    ):
        copy = filled.home / "copy.db"
        shutil.copy(file, copy)
        connection = sqlite3.connect(copy)
        connection.execute("DROP TRIGGER entries_no_update")
        connection.execute("DROP TRIGGER checkpoints_no_update")
        connection.execute(statement)
        connection.commit()
        connection.close()
        code, said = verifier(copy)
        assert code == (1 if "size = 10" in statement else 3), (statement, said)
