"""Ways to change a witness's cosignature, or the policy that asks for it; what they are about is an honest bundle."""

import re
from collections.abc import Callable
from random import Random

from affidavit.tlog import cosignature
from affidavit.tlog.note import COSIGNATURE, ED25519, Note, Signature, SigningKey
from tests.rotations import WITNESSES
from tests.tampering.ground import LATER
from tests.tampering.mutant import flipped, spare_bits

TIME = int(LATER.timestamp())


def cosigned(note: str) -> str:
    """The head as two of the three witnesses cosigned it."""
    text = Note.parse(note).text
    return note + "".join(cosignature.cosign(text, key, time=TIME).line + "\n" for key in WITNESSES[:2])


# Cosignatures: each way takes the whole note, changes what one witness signed, and leaves the log's own signature


def one(chance: Random, note: str) -> tuple[SigningKey, Signature]:
    key = chance.choice(WITNESSES[:2])
    return key, next(Note.parse(note).signed_by(key.public))


def instead(note: str, old: Signature, new: Signature) -> str:
    return note.replace(old.line, new.line)


def cosignature_with_a_bit_flipped(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    return instead(note, old, Signature(old.name, old.id, flipped(chance, old.value)))


def cosignature_line_with_a_bit_flipped(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    return note.replace(old.line, flipped(chance, old.line.encode()).decode("utf-8", "replace"))


def cosignature_of_another_time(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    time = chance.choice((TIME - 1, TIME + 1, 0, TIME - 3600 * chance.randrange(1, 99), 2**63 - 1, 2**63))
    return instead(note, old, Signature(old.name, old.id, time.to_bytes(8, "big") + old.value[8:]))


def cosignature_under_another_id(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    return instead(note, old, Signature(old.name, chance.randbytes(4), old.value))


def cosignature_under_another_name(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    return instead(note, old, Signature(old.name + chance.choice("x12/"), old.id, old.value))


def cosignature_by_another_key(chance: Random, note: str) -> str:
    """By a key of that name, also under the id of the witness's; or by the third, in another's name."""
    key, old = one(chance, note)
    stranger = SigningKey(key.name, COSIGNATURE, chance.randbytes(32))
    made = cosignature.cosign(Note.parse(note).text, stranger, time=TIME)
    third = cosignature.cosign(Note.parse(note).text, WITNESSES[2], time=TIME)
    return instead(
        note,
        old,
        chance.choice((made, Signature(key.name, old.id, made.value), Signature(key.name, old.id, third.value))),
    )


def cosignature_of_another_head(chance: Random, note: str) -> str:
    key, old = one(chance, note)
    origin, size, root = Note.parse(note).text.split("\n")[:3]
    other = chance.choice((f"{origin}\n{int(size) - 1}\n{root}\n", f"{origin}x\n{size}\n{root}\n"))
    return instead(note, old, cosignature.cosign(other, key, time=TIME))


def cosignature_as_of_a_plain_note(chance: Random, note: str) -> str:
    key, old = one(chance, note)
    value = key.sign(Note.parse(note).text.encode())
    return instead(note, old, Signature(old.name, old.id, chance.choice((value, old.value[:8] + value))))


def cosignature_that_is_cut_or_longer(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    value = chance.choice((old.value[: chance.randrange(1, 72)], old.value + b"\0", old.value * 2))
    return instead(note, old, Signature(old.name, old.id, value))


def cosignature_that_is_gone(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    return note.replace(old.line + "\n", "")


def cosignature_with_spare_bits(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    value = old.line.rsplit(" ", 1)[1]
    return note.replace(value, spare_bits(chance, value))


def cosignatures_with_values_exchanged(chance: Random, note: str) -> str:
    first, second = (next(Note.parse(note).signed_by(key.public)) for key in WITNESSES[:2])
    lines = (Signature(first.name, first.id, second.value).line, Signature(second.name, second.id, first.value).line)
    return note.replace(first.line, "\0").replace(second.line, lines[1]).replace("\0", lines[0])


def cosignature_beside_one_that_does_not_hold(chance: Random, note: str) -> str:
    _, old = one(chance, note)
    return note + Signature(old.name, old.id, flipped(chance, old.value)).line + "\n"


def cosignature_twice_by_one_witness(chance: Random, note: str) -> str:
    """A quorum counts witnesses, not lines."""
    key, _ = one(chance, note)
    other = next(each for each in WITNESSES[:2] if each != key)
    gone = next(Note.parse(note).signed_by(other.public))
    again = cosignature.cosign(Note.parse(note).text, key, time=TIME + chance.randrange(1, 99))
    return note.replace(gone.line, again.line)


COSIGNATURES = [
    cosignature_with_a_bit_flipped,
    cosignature_line_with_a_bit_flipped,
    cosignature_of_another_time,
    cosignature_under_another_id,
    cosignature_under_another_name,
    cosignature_by_another_key,
    cosignature_of_another_head,
    cosignature_as_of_a_plain_note,
    cosignature_that_is_cut_or_longer,
    cosignature_that_is_gone,
    cosignature_with_spare_bits,
    cosignatures_with_values_exchanged,
    cosignature_beside_one_that_does_not_hold,
    cosignature_twice_by_one_witness,
]

HOLDS_NOT = [
    cosignature_of_another_time,
    cosignature_of_another_head,
    cosignature_as_of_a_plain_note,
    cosignatures_with_values_exchanged,
    cosignature_beside_one_that_does_not_hold,
    cosignature_with_spare_bits,
]
"""Those after which a line by the witness's own key does not hold: the whole note is refused."""

# Policies: each way makes one that the honest head does not satisfy, or that cannot be read


def line_of(policy: str, chance: Random, start: str) -> tuple[str, list[str]]:
    line = chance.choice([each for each in policy.splitlines() if each.startswith(start)])
    return line, line.split(" ")


def policy_that_names_another_log_key(chance: Random, policy: str) -> str:
    line, (_, vkey) = line_of(policy, chance, "log ")
    name = vkey.partition("+")[0]
    same = chance.choice((name, name + "x", "other.example/log"))
    kind = chance.choice((COSIGNATURE, ED25519))
    return policy.replace(line, f"log {SigningKey(same, kind, chance.randbytes(32)).public.text}")


def policy_that_names_another_witness_key(chance: Random, policy: str) -> str:
    name, key = chance.choice([("w1", WITNESSES[0]), ("w2", WITNESSES[1])])
    other = SigningKey(chance.choice((key.name, "x.example")), COSIGNATURE, chance.randbytes(32)).public.text
    return policy.replace(f"witness {name} {key.public.text}", f"witness {name} {other}")


def policy_with_a_bit_of_a_key_flipped(chance: Random, policy: str) -> str:
    """The id in a key is a hash over name, type and key: it fits no more."""
    line, words = line_of(policy, chance, chance.choice(("log ", "witness ")))
    place = chance.randrange(len(words[-1]))
    other = chance.choice([each for each in "0aZ9+/=x" if each != words[-1][place]])
    return policy.replace(line, " ".join([*words[:-1], words[-1][:place] + other + words[-1][place + 1 :]]))


def policy_with_a_line_less(chance: Random, policy: str) -> str:
    lines = policy.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return "".join(lines)


def policy_with_a_line_twice(chance: Random, policy: str) -> str:
    lines = policy.splitlines(keepends=True)
    return policy + chance.choice(lines)


def policy_with_lines_in_another_order(chance: Random, policy: str) -> str:
    """What is named must be defined above."""
    lines = policy.splitlines(keepends=True)
    group = lines.pop(chance.choice((4, 5)))
    lines.insert(chance.randrange(1, 4), group)
    return "".join(lines)


def policy_with_another_threshold(chance: Random, policy: str) -> str:
    other = chance.choice(
        ("3", "all", "0", "4", "-1", "two", "2.0", "999999", "+2", "", str(chance.randrange(4, 99999)))
    )
    return policy.replace("group two 2 ", f"group two {other} ")


def policy_with_other_members(chance: Random, policy: str) -> str:
    other = chance.choice(("w1 w3", "w2 w3", "w3", "w1 w1", "w1 w2 w4", "w1 w2 two", "", "w1 w1 w2", "W1 w2 w3"))
    return policy.replace("w1 w2 w3", other)


def policy_with_another_quorum(chance: Random, policy: str) -> str:
    other = chance.choice(
        ("w3", "", "two two", "Two", "w4", "all", "two\nquorum none", "2", "two#", f"g{chance.random()}")
    )
    return policy.replace("quorum two", f"quorum {other}")


def policy_with_a_group_above_it(chance: Random, policy: str) -> str:
    """That asks for the third witness too."""
    above = chance.choice(("all two w9", "all three", "2 two w9"))
    key = SigningKey("w9.example", COSIGNATURE, chance.randbytes(32)).public.text
    lines = f"witness w9 {key}\ngroup three 1 w9\ngroup both {above}\nquorum both"
    return policy.replace("quorum two", lines)


def policy_that_is_cut(chance: Random, policy: str) -> str:
    return policy[: chance.randrange(len(policy) - 1)]


def policy_with_what_it_cannot_hold(chance: Random, policy: str) -> str:
    place = chance.randrange(len(policy))
    return policy[:place] + chance.choice("\0\r\v\x1b\x7f") + policy[place:]


def policy_with_words_that_are_none(chance: Random, policy: str) -> str:
    line = chance.choice(policy.splitlines())
    word = line.split(" ")[0]
    other = chance.choice((word.upper(), word + "s", f"allow {word}", "\u00a0" + word))
    return policy.replace(line, line.replace(word, other, 1))


POLICIES = [
    policy_that_names_another_log_key,
    policy_that_names_another_witness_key,
    policy_with_a_bit_of_a_key_flipped,
    policy_with_a_line_less,
    policy_with_a_line_twice,
    policy_with_lines_in_another_order,
    policy_with_another_threshold,
    policy_with_other_members,
    policy_with_another_quorum,
    policy_with_a_group_above_it,
    policy_that_is_cut,
    policy_with_what_it_cannot_hold,
    policy_with_words_that_are_none,
]

IGNORED: list[Callable[[str], str]] = [
    lambda policy: policy + "# a remark\n\n",
    lambda policy: policy.replace(" ", "\t "),
    lambda policy: policy.rstrip("\n"),
    lambda policy: re.sub(r"\bw1\b(?!\.)", "first", policy),
    lambda policy: policy.replace("w1 w2 w3", "w3 w2 w1"),
    lambda policy: "\n".join([*reversed(policy.split("\n")[:4]), *policy.split("\n")[4:]]),
    lambda policy: re.sub(r"(witness .*)", r"\1 https://w.example/", policy),
    lambda policy: policy.replace("group two 2", "group two 02"),
    lambda policy: policy.replace("group two 2", "group two 1"),
    lambda policy: policy.replace("group two 2", "group two any"),
    lambda policy: policy.replace("quorum two", "quorum none"),
    lambda policy: policy.replace("quorum two", "quorum w1"),
    lambda policy: policy.replace("w1 w2 w3", "w1 w2"),
]
"""The first mean the same. The last ask for less, and nothing here can tell: a policy is the auditor's own."""
