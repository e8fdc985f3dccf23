"""Ways to change a signed head: its note, what is derived from it, and its place; without the log's key."""

import base64
import re
from collections.abc import Callable
from random import Random
from typing import Any

from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.note import COSIGNATURE, Note, Signature, SigningKey
from tests.tampering.ground import HEADS, Owner
from tests.tampering.mutant import Mutant, Named, anything, flipped, says, spare_bits

SET = "UPDATE checkpoints SET {} = ? WHERE size = ?"


def named_head(*sizes: int) -> Named:
    every = "|".join(map(str, sizes))
    return says(rf"checkpoint of size ({every}): |table checkpoints, row ({every}), column ")


def their_head(owner: Owner, size: int, note: str) -> Named:
    """By its size, by that which it claims, or by the one before it where it cannot be read."""
    claims = re.search(r"\n(\d+)\n", note)
    before = max((head[0] for head in owner.heads if head[0] < size), default=0)
    sizes = f"{size}|{claims[1] if claims else size}"
    return says(
        rf"checkpoint of size ({sizes}): |the checkpoint after size {before}: |not in order|absent, and a signed"
    )


def noted(owner: Owner, size: int, note: Any) -> Mutant:
    text = note if isinstance(note, str) else ""
    return Mutant([(SET.format("note"), (note, size))], named_head(size), their_head(owner, size, text))


def pick(owner: Owner, chance: Random) -> tuple[int, str]:
    head = chance.choice(owner.heads)
    return head[0], head[HEADS.index("note")]


def changed(way: Callable[[Random, str], str]) -> Callable[[Owner, Random], Mutant]:
    """A way that changes the note alone."""

    def make(owner: Owner, chance: Random) -> Mutant:
        size, note = pick(owner, chance)
        other = way(chance, note)
        assert other != note
        return noted(owner, size, other)

    make.__name__ = way.__name__
    return make


def note_with_a_bit_flipped(owner: Owner, chance: Random) -> Mutant:
    size, note = pick(owner, chance)
    data = flipped(chance, note.encode())
    try:
        return noted(owner, size, data.decode())
    except UnicodeDecodeError:
        return noted(owner, size, data)


@changed
def note_with_another_character(chance: Random, note: str) -> str:
    place = chance.randrange(len(note))
    other = chance.choice([each for each in "\n AaBb09+/=—\r\té" if each != note[place]])
    return note[:place] + other + note[place + 1 :]


@changed
def note_with_a_line_less(chance: Random, note: str) -> str:
    lines = note.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return "".join(lines)


@changed
def note_with_a_line_more(chance: Random, note: str) -> str:
    """Under what was signed, or between the signatures; a signature by somebody else is not among these."""
    lines = note.splitlines(keepends=True)
    lines.insert(chance.randrange(len(lines)), chance.choice(("more\n", "— more\n", "7\n", "\n\n", lines[2])))
    return "".join(lines)


@changed
def note_with_lines_in_another_order(chance: Random, note: str) -> str:
    lines = note.splitlines(keepends=True)
    one, two = chance.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]
    return "".join(lines)


@changed
def note_of_another_size(chance: Random, note: str) -> str:
    origin, size, rest = note.split("\n", 2)
    other = chance.choice((int(size) + 1, int(size) - 1, int(size) * 2, f"0{size}", f"+{size}", f"{size}.0", 2**63))
    return f"{origin}\n{other}\n{rest}"


@changed
def note_of_another_root(chance: Random, note: str) -> str:
    origin, size, root, rest = note.split("\n", 3)
    return f"{origin}\n{size}\n{base64.b64encode(flipped(chance, base64.b64decode(root))).decode()}\n{rest}"


@changed
def note_of_another_origin(chance: Random, note: str) -> str:
    """With or without the name in the signature line."""
    origin = note.split("\n", 1)[0]
    other = chance.choice((origin[:-1], origin + "x", origin.upper(), "other.example/log"))
    return note.replace(origin, other) if chance.random() < 0.5 else note.replace(origin, other, 1)


@changed
def note_with_spare_bits(chance: Random, note: str) -> str:
    root, value = note.split("\n")[2], note.rstrip("\n").rsplit(" ", 1)[1]
    old = chance.choice((root, value))
    return note.replace(old, spare_bits(chance, old))


@changed
def note_with_other_white_space(chance: Random, note: str) -> str:
    ways = [note.replace("\n", "\r\n"), note + "\n", note + " ", " " + note, note[:-1], "\ufeff" + note]
    ways += [note.replace("— ", "—  "), note.replace("— ", "- "), note.replace("\n\n", "\n \n")]
    return chance.choice(ways)


@changed
def note_that_is_cut(chance: Random, note: str) -> str:
    return note[: chance.randrange(len(note))]


def signature_of(note: str) -> tuple[Signature, bytes, bytes]:
    """The log's signature, its time and its 64 bytes."""
    signature = Note.parse(note).signatures[0]
    return signature, signature.value[:8], signature.value[8:]


@changed
def note_signed_at_another_time(chance: Random, note: str) -> str:
    signature, time, rest = signature_of(note)
    other = int.from_bytes(time, "big") + chance.choice((-3600, -1, 1, 3600, 2**40, 2**62))
    line = Signature(signature.name, signature.id, other.to_bytes(8, "big") + rest).line
    return note.replace(signature.line, line)


@changed
def note_signed_under_another_id_or_name(chance: Random, note: str) -> str:
    signature, _, _ = signature_of(note)
    other = (signature.name + "x", signature.id) if chance.random() < 0.3 else (signature.name, chance.randbytes(4))
    return note.replace(signature.line, Signature(*other, signature.value).line)


@changed
def note_signed_with_another_value(chance: Random, note: str) -> str:
    signature, time, rest = signature_of(note)
    other = chance.choice((flipped(chance, rest), rest[::-1], bytes(64), rest[:-1], rest + b"\0", b""))
    return note.replace(signature.line, Signature(signature.name, signature.id, time + other).line)


@changed
def note_signed_with_another_key(chance: Random, note: str) -> str:
    """Also under the id of the log's key; also for another root."""
    parsed = Note.parse(note)
    old = Checkpoint.parse(parsed.text)
    root = old.root if chance.random() < 0.5 else chance.randbytes(32)
    text = Checkpoint(old.origin, old.size, root).text
    made = cosignature.cosign(text, SigningKey(old.origin, COSIGNATURE, chance.randbytes(32)), time=1_773_489_600)
    if chance.random() < 0.7:
        made = Signature(made.name, parsed.signatures[0].id, made.value)
    return Note(text, (made,)).whole


@changed
def note_with_a_second_signature_of_the_log(chance: Random, note: str) -> str:
    """That does not hold: each that claims to be by the log's key must."""
    signature, time, rest = signature_of(note)
    return note + Signature(signature.name, signature.id, time + flipped(chance, rest)).line + "\n"


def note_of_another_head(owner: Owner, chance: Random) -> Mutant:
    (one, _), (_, other) = pick(owner, chance), pick(owner, chance)
    while other.split("\n")[1] == str(one):
        _, other = pick(owner, chance)
    return noted(owner, one, other)


def notes_exchanged(owner: Owner, chance: Random) -> Mutant:
    one, two = sorted(chance.sample(owner.heads, 2))
    changes = [(SET.format("note"), (two[-1], one[0])), (SET.format("note"), (one[-1], two[0]))]
    return Mutant(changes, named_head(one[0]), their_head(owner, one[0], two[-1]))


def note_with_the_signature_of_another(owner: Owner, chance: Random) -> Mutant:
    size, note = pick(owner, chance)
    other = chance.choice([head for head in owner.heads if head[0] != size])[-1]
    return noted(owner, size, note.rpartition("\n\n")[0] + "\n\n" + other.rpartition("\n\n")[2])


def note_of_another_storage_class(owner: Owner, chance: Random) -> Mutant:
    size, note = pick(owner, chance)
    values = [note.encode(), b"\0\xff", "", *((None, 7, 7.5) if owner.loose else ())]
    return noted(owner, size, chance.choice(values))


def root_or_time_of_a_row(owner: Owner, chance: Random) -> Mutant:
    """They are derived from the note."""
    size, _, root, time, _ = chance.choice(owner.heads)
    values = {
        "root": [flipped(chance, root), root[:-1], b"", root.hex(), chance.choice(owner.heads)[2]],
        "time": [time + 1, time - 1, 0, -time, 2**62, f"{time}x"],
    }
    name = chance.choice(("root", "time"))
    near = values[name] + ([None, "x"] if owner.loose else [])
    value = chance.choice([each for each in near if each not in (root, time)])
    return Mutant([(SET.format(name), (value, size))], says(rf"table checkpoints, row {size}, column {name}: "), None)


def head_before_it(owner: Owner, chance: Random) -> Mutant:
    size, previous, *_ = chance.choice(owner.heads)
    values = [previous + 1000, -1, f"{previous}x", *((None, 7.5) if owner.loose else ())]
    return Mutant([(SET.format("previous"), (chance.choice(values), size))], named_head(size), None)


def size_of_a_row(owner: Owner, chance: Random) -> Mutant:
    size, *_ = chance.choice(owner.heads)
    free = [each for each in (size - 1, size + 1, size + 1000, -size, 0) if each not in {h[0] for h in owner.heads}]
    other = chance.choice([*free, *((None, f"{size}", f"{size}x", b"x") if owner.loose else ())])
    named = says(rf"checkpoint of size ({size}|{other}): |names size {size} as the one before it")
    return Mutant([(SET.format("size"), (other, size))], named, anything)


def head_that_is_gone(owner: Owner, chance: Random) -> Mutant:
    """One between two others; what the newest one covered without it is told apart, as not established."""
    size, *_ = chance.choice(owner.heads[:-1])
    after = next(head[0] for head in owner.heads if head[0] > size)
    named = says(rf"checkpoint of size {after}: it names size {size} as the one before it")
    return Mutant([("DELETE FROM checkpoints WHERE size = ?", (size,))], named, None)


def head_that_was_put_in(owner: Owner, chance: Random) -> Mutant:
    """At a size that has none, or behind the newest, by another key; or, in a table made anew, an old one as text."""
    if owner.loose:
        size, previous, root, time, note = chance.choice(owner.heads)
        at = chance.choice((f"{size}", "zz", b"zz", None, size))
        row = (at, previous, root, time, note)
        return Mutant(
            [("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)", row)],
            says(rf"checkpoint of size ({at}|{size}): "),
            anything,
        )
    taken = {head[0] for head in owner.heads}
    size = chance.choice([size for size in range(1, owner.size + 2) if size not in taken])
    key = SigningKey(owner.heads[0][-1].split("\n")[0], COSIGNATURE, chance.randbytes(32))
    text = Checkpoint(key.name, size, chance.randbytes(32)).text
    note = Note(text, (cosignature.cosign(text, key, time=1_773_489_600),)).whole
    row = (size, -size, Checkpoint.parse(text).root, 1_773_489_600, note)
    return Mutant(
        [("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?)", row)],
        named_head(size),
        says(rf"checkpoint of size {size}: |entry {owner.size}: absent"),
    )


HEAD = [
    note_with_a_bit_flipped,
    note_with_another_character,
    note_with_a_line_less,
    note_with_a_line_more,
    note_with_lines_in_another_order,
    note_of_another_size,
    note_of_another_root,
    note_of_another_origin,
    note_with_spare_bits,
    note_with_other_white_space,
    note_that_is_cut,
    note_signed_at_another_time,
    note_signed_under_another_id_or_name,
    note_signed_with_another_value,
    note_signed_with_another_key,
    note_with_a_second_signature_of_the_log,
    note_of_another_head,
    notes_exchanged,
    note_with_the_signature_of_another,
    note_of_another_storage_class,
    root_or_time_of_a_row,
    head_before_it,
    size_of_a_row,
    head_that_is_gone,
    head_that_was_put_in,
]
