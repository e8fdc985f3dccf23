"""Ways to change an entry's leaf, a derived column or a tree node; whoever does it has the database, and no key."""

import json
import re
from random import Random
from typing import Any

from affidavit.evidence import dumps
from affidavit.ledger.tables import DERIVED
from tests.tampering.ground import Owner, derived_of, regrown
from tests.tampering.mutant import Mutant, Named, anything, flipped, other_value, says

LARGEST_BATCH = 4
"""Entries under one head of the honest ledger: no finding may leave more than these to choose from."""


def named_entry(*indices: int) -> Named:
    """Whether one of these entries is named, alone or among those under one head."""

    def named(text: str) -> bool:
        match = re.search(r"\bentr(?:y|ies) (-?\d+)(?: to (\d+))?: ", text)
        if match is None:
            return False
        first, last = int(match[1]), int(match[2] or match[1])
        return last - first < LARGEST_BATCH and any(first <= index <= last for index in indices)

    return named


def our_entry(owner: Owner, *indices: int) -> Named:
    """Where the entry that replaced the key is gone, the head over it may be named: nothing names the key it is by."""
    named = named_entry(*indices)
    if owner.rotation not in indices:
        return named
    head = says(rf"checkpoint of size {owner.covering(owner.rotation)}: .* not signed by")
    return lambda text: named(text) or head(text)


def their_entry(owner: Owner, *indices: int) -> Named:
    """The stand-alone verifier grows the tree from the leaves alone: it names the entry, or the first head over it."""
    sizes = "|".join(str(owner.covering(index)) for index in indices)
    alone = "|".join(str(index) for index in indices)
    return says(rf"\bentry ({alone}): |checkpoint of size ({sizes}): ")


def changed(owner: Owner, index: int, leaf: Any, *, repair: int = 0) -> Mutant:
    assert leaf != owner.leaves[index]
    return Mutant(owner.put(index, leaf, repair=repair), our_entry(owner, index), their_entry(owner, index))


def leaf_with_a_bit_flipped(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    return changed(owner, index, flipped(chance, owner.leaves[index]), repair=chance.randrange(4))


def leaf_with_another_value(owner: Owner, chance: Random) -> Mutant:
    """A field says something else, in canonical form; whatever can be repaired without the key is."""
    index = chance.randrange(owner.size)
    document = json.loads(owner.leaves[index])
    places = list(scalars(document))
    while dumps(document) == owner.leaves[index]:
        container, key = chance.choice(places)
        container[key] = other_value(chance, container[key])
    return changed(owner, index, dumps(document), repair=chance.randrange(4))


def leaf_with_a_field_less(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    document = json.loads(owner.leaves[index])
    container, key = chance.choice([place for place in scalars(document) if isinstance(place[0], dict)])
    del container[key]
    return changed(owner, index, dumps(document), repair=chance.randrange(4))


def leaf_with_a_field_more(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    document = json.loads(owner.leaves[index])
    container, _ = chance.choice([place for place in scalars(document) if isinstance(place[0], dict)])
    container["zz"] = chance.choice((None, 1, "x", [], {}))
    return changed(owner, index, dumps(document), repair=chance.randrange(4))


def leaf_with_a_key_twice(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    leaf = owner.leaves[index]
    places = [match.start(1) for match in re.finditer(rb'[{,]("[a-zA-Z_]+":)', leaf)]
    place = chance.choice(places)
    key = re.match(rb'"[a-zA-Z_]+":', leaf[place:])[0]
    return changed(owner, index, leaf[:place] + key + b"0," + leaf[place:], repair=chance.randrange(2))


def leaf_in_another_spelling(owner: Owner, chance: Random) -> Mutant:
    """It means the same, and is found all the same: what was signed are the bytes."""
    index = chance.randrange(owner.size)
    leaf = owner.leaves[index]
    document = json.loads(leaf)
    spelt = chance.choice(
        [
            leaf + b"\n",
            b" " + leaf,
            leaf.replace(b":", b": ", 1),
            leaf.replace(b"affidavit", b"\\u0061ffidavit", 1),
            json.dumps(document).encode(),
            json.dumps(document, indent=1).encode(),
            json.dumps(dict(reversed(document.items())), separators=(",", ":")).encode(),
        ]
    )
    return changed(owner, index, spelt, repair=chance.randrange(4))


def leaf_that_is_cut_or_longer(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    leaf = owner.leaves[index]
    longer = leaf + chance.choice((b"\0", b"}", b"{}", leaf))
    return changed(owner, index, chance.choice((leaf[: chance.randrange(len(leaf))], longer)))


def leaf_of_another_entry(owner: Owner, chance: Random) -> Mutant:
    one, two = chance.sample(range(owner.size), 2)
    return changed(owner, one, owner.leaves[two], repair=chance.choice((0, 1)))


def leaves_exchanged(owner: Owner, chance: Random) -> Mutant:
    """With all that is derived from them, and with the nodes above."""
    one, two = sorted(chance.sample(range(owner.size), 2))
    move = 'UPDATE entries SET "index" = ? WHERE "index" = ?'
    changes = [(move, (-9, one)), (move, (one, two)), (move, (two, -9))]
    if chance.random() < 0.5:
        leaves = list(owner.leaves)
        leaves[one], leaves[two] = leaves[two], leaves[one]
        changes += regrown(leaves)
    return Mutant(changes, our_entry(owner, one, two), their_entry(owner, one, two))


def leaf_that_is_gone(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    return Mutant([('DELETE FROM entries WHERE "index" = ?', (index,))], named_entry(index), their_entry(owner, index))


def leaf_that_is_gone_without_a_gap(owner: Owner, chance: Random) -> Mutant:
    """What comes after is numbered anew, and the tree grown anew."""
    index = chance.randrange(owner.size)
    leaves = owner.leaves[:index] + owner.leaves[index + 1 :]
    moved = range(index + 1, owner.size)
    also = owner.size - 1 if owner.covering(index) == owner.size else index  # the last head then has too few
    changes = [('DELETE FROM entries WHERE "index" = ?', (index,))]
    changes += [('UPDATE entries SET "index" = ? WHERE "index" = ?', (each - 1, each)) for each in moved]
    return Mutant([*changes, *regrown(leaves)], our_entry(owner, index, also), their_entry(owner, index, also))


def leaf_that_was_put_in(owner: Owner, chance: Random) -> Mutant:
    """Invented, fitting its columns; what comes after is numbered anew, and the tree grown anew."""
    index = chance.randrange(1, owner.size)
    document = json.loads(owner.leaves[chance.randrange(1, owner.rotation)])
    document["subject"][0]["name"] += f"/{chance.random()}"
    leaf = dumps(document)
    whole = derived_of(leaf)
    moved = reversed(range(index, owner.size))
    changes = [('UPDATE entries SET "index" = ? WHERE "index" = ?', (each + 1, each)) for each in moved]
    names = ", ".join(whole)
    values = (index, leaf, *whole.values())
    changes.append((f'INSERT INTO entries ("index", leaf, {names}) VALUES ({", ".join("?" * len(values))})', values))
    leaves = [*owner.leaves[:index], leaf, *owner.leaves[index:]]
    return Mutant([*changes, *regrown(leaves)], named_entry(index), their_entry(owner, index))


def leaf_at_an_index_that_cannot_be(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    other = chance.choice((-1, -(2**62), owner.size + 5, 2**62))
    change = ('UPDATE entries SET "index" = ? WHERE "index" = ?', (other, index))
    return Mutant([change], named_entry(index, other), says(r"\bentry \d+: |checkpoint of size "))


def leaf_of_another_storage_class(owner: Owner, chance: Random) -> Mutant:
    index = chance.randrange(owner.size)
    value = chance.choice(("CAST(leaf AS TEXT)", "zeroblob(0)", "''", "CAST('7' AS BLOB)", *LOOSE[: 4 * owner.loose]))
    change = (f'UPDATE entries SET leaf = {value} WHERE "index" = ?', (index,))
    return Mutant([change], named_entry(index), their_entry(owner, index))


LOOSE = ("NULL", "7", "7.5", "-1")
"""What a column can hold where the table was made anew without types and NOT NULL."""


def index_of_another_storage_class(owner: Owner, chance: Random) -> Mutant:
    """Text where a number stands; needs a table made anew."""
    if not owner.loose:
        return leaf_that_is_gone(owner, chance)
    index = chance.randrange(owner.size)
    value = chance.choice((str(index), bytes([index]), None, f"{index}x", index + 0.5))
    change = ('UPDATE entries SET "index" = ? WHERE "index" = ?', (value, index))
    return Mutant([change], named_entry(index), anything)


def leaf_beside_another_at_one_index(owner: Owner, chance: Random) -> Mutant:
    """Which of the two is read would be left to chance; needs a table made anew."""
    if not owner.loose:
        return leaf_that_is_gone(owner, chance)
    index = chance.randrange(1, owner.size)
    other = chance.randrange(1, owner.size)
    columns = ", ".join(("leaf", *DERIVED))
    change = f'INSERT INTO entries ("index", {columns}) SELECT {index}, {columns} FROM entries WHERE "index" = {other}'
    return Mutant([change], named_entry(index, index + 1), says(rf"\bentry ({index}|{index + 1}): |checkpoint of size"))


LEAF = [
    leaf_with_a_bit_flipped,
    leaf_with_another_value,
    leaf_with_another_value,
    leaf_with_a_field_less,
    leaf_with_a_field_more,
    leaf_with_a_key_twice,
    leaf_in_another_spelling,
    leaf_that_is_cut_or_longer,
    leaf_of_another_entry,
    leaves_exchanged,
    leaf_that_is_gone,
    leaf_that_is_gone_without_a_gap,
    leaf_that_was_put_in,
    leaf_at_an_index_that_cannot_be,
    leaf_of_another_storage_class,
    index_of_another_storage_class,
    leaf_beside_another_at_one_index,
]


def scalars(value: Any):
    """(container, key) of every value that holds no others."""
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, (dict, list)) and each:
            yield from scalars(each)
        else:
            yield value, key


# Derived columns


def column(owner: Owner, chance: Random, value: Any, *, index: int, name: str) -> Mutant:
    change = (f'UPDATE entries SET {name} = ? WHERE "index" = ?', (value, index))
    return Mutant([change], says(rf"^table entries, row {index}, column {name}: "), None)


def place_of(owner: Owner, chance: Random, *, text: bool | None = None) -> tuple[int, str, Any]:
    """An entry, one of its derived columns, and what it holds."""
    while True:
        index, name = chance.randrange(owner.size), chance.choice(DERIVED)
        value = owner.rows[index][2 + DERIVED.index(name)]
        if text is None or isinstance(value, str if text else bytes):
            return index, name, value


def column_with_a_bit_flipped(owner: Owner, chance: Random) -> Mutant:
    index, name, value = place_of(owner, chance, text=False)
    return column(owner, chance, flipped(chance, value), index=index, name=name)


def column_with_other_text(owner: Owner, chance: Random) -> Mutant:
    index, name, value = place_of(owner, chance, text=True)
    near = [value + " ", " " + value, value + "\0", value.upper(), value[:-1], "", value + "\u0301"]
    near.append(other_value(chance, value))
    other = chance.choice([each for each in near if each != value])
    return column(owner, chance, other, index=index, name=name)


def column_of_another_entry(owner: Owner, chance: Random) -> Mutant:
    while True:
        index, name, value = place_of(owner, chance)
        other = owner.rows[chance.randrange(owner.size)][2 + DERIVED.index(name)]
        if other != value and other is not None and (owner.loose or name != "identity"):
            return column(owner, chance, other, index=index, name=name)


def columns_exchanged(owner: Owner, chance: Random) -> Mutant:
    name = chance.choice([name for name in DERIVED if name != "identity"])
    at = 2 + DERIVED.index(name)
    while True:
        one, two = sorted(chance.sample(range(owner.size), 2))
        if owner.rows[one][at] != owner.rows[two][at]:
            break
    change = f'UPDATE entries SET {name} = ? WHERE "index" = ?'
    changes = [(change, (owner.rows[two][at], one)), (change, (owner.rows[one][at], two))]
    return Mutant(changes, says(rf"^table entries, row {one}, column {name}: "), None)


def column_that_is_empty_or_longer(owner: Owner, chance: Random) -> Mutant:
    index, name, value = place_of(owner, chance, text=False)
    other = chance.choice((b"", value[:-1], value + b"\0", value[::-1], value.hex()))
    return column(owner, chance, other, index=index, name=name)


def column_of_another_storage_class(owner: Owner, chance: Random) -> Mutant:
    index, name, value = place_of(owner, chance)
    near = [value.encode() if isinstance(value, str) else b"x" if value is None else value.hex()]
    near += [7, 7.5] if owner.loose else []
    near += [None] if value is not None and (owner.loose or name == "supersedes") else []
    return column(owner, chance, chance.choice(near), index=index, name=name)


def columns_of_a_whole_table(owner: Owner, chance: Random) -> Mutant:
    name = chance.choice([name for name in DERIVED if name != "identity"])
    value = chance.choice(owner.rows)[2 + DERIVED.index(name)] or b"x" * 32
    first = next(row[0] for row in owner.rows if row[2 + DERIVED.index(name)] != value)
    where = says(rf"^table entries, row {first}, column {name}: ")
    return Mutant([(f"UPDATE entries SET {name} = ?", (value,))], where, None)


COLUMN = [
    column_with_a_bit_flipped,
    column_with_other_text,
    column_of_another_entry,
    columns_exchanged,
    column_that_is_empty_or_longer,
    column_of_another_storage_class,
    columns_of_a_whole_table,
]


# Tree nodes


def named_node(*nodes: tuple[int, int]) -> Named:
    return says("table nodes, row (" + "|".join(rf"\({level}, {index}\)" for level, index in nodes) + ")[:,]")


def node(owner: Owner, chance: Random, value: Any) -> Mutant:
    level, index, digest = chance.choice(owner.nodes)
    other = value(digest)
    assert other != digest
    change = ('UPDATE nodes SET hash = ? WHERE level = ? AND "index" = ?', (other, level, index))
    return Mutant([change], named_node((level, index)), None)


def node_with_a_bit_flipped(owner: Owner, chance: Random) -> Mutant:
    return node(owner, chance, lambda digest: flipped(chance, digest))


def node_that_is_empty_longer_or_text(owner: Owner, chance: Random) -> Mutant:
    loose = [lambda _: None, lambda _: 7] if owner.loose else []
    ways = [lambda _: b"", lambda d: d[:-1], lambda d: d + b"\0", lambda d: d[::-1], lambda d: d.hex(), *loose]
    return node(owner, chance, chance.choice(ways))


def node_of_another_place(owner: Owner, chance: Random) -> Mutant:
    one, two = chance.sample(owner.nodes, 2)
    change = ('UPDATE nodes SET hash = ? WHERE level = ? AND "index" = ?', (two[2], *one[:2]))
    return Mutant([change], named_node(one[:2]), None)


def nodes_exchanged(owner: Owner, chance: Random) -> Mutant:
    one, two = chance.sample(owner.nodes, 2)
    change = 'UPDATE nodes SET hash = ? WHERE level = ? AND "index" = ?'
    return Mutant([(change, (two[2], *one[:2])), (change, (one[2], *two[:2]))], named_node(one[:2], two[:2]), None)


def node_that_is_gone(owner: Owner, chance: Random) -> Mutant:
    level, index, _ = chance.choice(owner.nodes)
    return Mutant(
        [('DELETE FROM nodes WHERE level = ? AND "index" = ?', (level, index))], named_node((level, index)), None
    )


def node_that_moved(owner: Owner, chance: Random) -> Mutant:
    level, index, _ = chance.choice(owner.nodes)
    where = chance.choice(((level, index + 999), (level + 9, index), (level, -1 - index), (-level, index)))
    change = ('UPDATE nodes SET level = ?, "index" = ? WHERE level = ? AND "index" = ?', (*where, level, index))
    return Mutant([change], named_node((level, index)), None)


def node_that_nobody_asked_for(owner: Owner, chance: Random) -> Mutant:
    """Off by one, beyond the tree, of the leaves' own level."""
    level = chance.choice((-1, 0, 1, 2, 3, 6, 62, 63, 64, 90))
    index = max(0, owner.size >> level if level >= 0 else 0) + chance.choice((0, 1, 5))
    change = ("INSERT INTO nodes VALUES (?, ?, ?)", (level, index, chance.choice(owner.nodes)[2]))
    return Mutant([change], named_node((level, index)), None)


def node_that_is_there_twice(owner: Owner, chance: Random) -> Mutant:
    """Which of the two is read would be left to chance; needs a table made anew."""
    level, index, digest = chance.choice(owner.nodes)
    if not owner.loose:
        return node_that_is_gone(owner, chance)
    twice = [("INSERT INTO nodes VALUES (?, ?, ?)", (level, index, flipped(chance, digest)))]
    if chance.random() < 0.5:  # the false one is found first
        twice.insert(0, ('DELETE FROM nodes WHERE level = ? AND "index" = ?', (level, index)))
        twice.append(("INSERT INTO nodes VALUES (?, ?, ?)", (level, index, digest)))
    return Mutant(twice, named_node((level, index)), None)


def nodes_of_another_tree(owner: Owner, chance: Random) -> Mutant:
    """All of them, grown from leaves that were changed; the leaves themselves are the honest ones."""
    index = chance.randrange(owner.size & ~1)
    leaves = list(owner.leaves)
    leaves[index] += b" "
    above = [(level, index >> level) for level, at, _ in owner.nodes if at == index >> level]
    return Mutant(regrown(leaves), named_node(*above), None)


NODE = [
    node_with_a_bit_flipped,
    node_that_is_empty_longer_or_text,
    node_of_another_place,
    nodes_exchanged,
    node_that_is_gone,
    node_that_moved,
    node_that_nobody_asked_for,
    node_that_is_there_twice,
    nodes_of_another_tree,
]
