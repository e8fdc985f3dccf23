"""Ways to doctor a bundle. Each is seeded, changes what it says, and names the file at which it must be found."""

import hashlib
import io
import json
import random
import re
import zipfile
from collections.abc import Iterator

from affidavit.publish import archive

Mutant = tuple[str, bytes, str]
"""What was done, the doctored archive, and what a finding must begin with (a regular expression)."""


def unpacked(data: bytes) -> dict[str, bytes]:
    files = archive.Zip(data)
    return {name: files.read(name) for name in files}


def packed(files: dict[str, bytes], *, mended: bool = True) -> bytes:
    """The archive of ``files``, by default with a manifest that fits them."""
    if mended:
        manifest = json.loads(files["manifest.json"])
        others = sorted(set(files) - {"manifest.json"})
        manifest["files"] = {name: hashlib.sha256(files[name]).hexdigest() for name in others}
        files = files | {"manifest.json": json.dumps(manifest).encode()}
    out = io.BytesIO()
    archive.write(out, sorted(files.items()))
    return out.getvalue()


def flipped(chance: random.Random, data: bytes) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def mutants(data: bytes, chance: random.Random, count: int, *, starts: tuple[str, ...] = ("way_",)) -> Iterator[Mutant]:
    """``count`` mutants, each way in turn; those that start with ``grown_`` need a bundle that proves what grew."""
    ways = [way for name, way in sorted(globals().items()) if name.startswith(starts)]
    for number in range(count):
        way = ways[number % len(ways)]
        changed, found = way(unpacked(data), chance)
        result = changed if isinstance(changed, bytes) else packed(changed)
        assert result != data, way.__name__
        yield f"{number}-{way.__name__}", result, found


def pick(files: dict[str, bytes], chance: random.Random, start: str) -> str:
    return chance.choice([name for name in files if name.startswith(start)])


def way_a_byte_of_the_archive(files, chance):
    return flipped(chance, packed(files)), r".+"


def way_a_byte_of_the_archive_beyond_the_contents(files, chance):
    whole = packed(files)
    start = whole.index(b"PK\x01\x02")
    return whole[:start] + flipped(chance, whole[start:]), "the archive|a file that does not belong"


def way_cut_short(files, chance):
    whole = packed(files)
    return whole[: chance.randrange(len(whole))], r".+"


def way_something_behind_or_before_it(files, chance):
    more = chance.randbytes(chance.randrange(1, 40))
    return chance.choice([packed(files) + more, more + packed(files)]), "the archive|a file that does not belong"


def way_a_file_whose_digest_does_not_fit(files, chance):
    name = chance.choice(sorted(set(files) - {"manifest.json"}))
    return packed(files | {name: flipped(chance, files[name])}, mended=False), re.escape(name)


def way_a_byte_of_a_leaf(files, chance):
    name = pick(files, chance, "entries/")
    number = re.search(r"\d+", name)[0]
    return files | {name: flipped(chance, files[name])}, rf"(entries|proofs)/{number}\."


def way_the_leaf_of_another_entry(files, chance):
    one, two = chance.sample([name for name in files if name.startswith("entries/")], 2)
    number = re.search(r"\d+", one)[0]
    return files | {one: files[two]}, rf"(entries|proofs)/{number}\."


def way_a_key_twice_in_a_leaf(files, chance):
    name = pick(files, chance, "entries/")
    return files | {name: files[name].replace(b'"scope":', b'"scope":"","scope":', 1)}, re.escape(name)


def way_an_entry_without_its_leaf(files, chance):
    name = pick(files, chance, "entries/")
    return {other: data for other, data in files.items() if other != name}, re.escape(name)


def way_an_entry_without_its_proof(files, chance):
    name = pick(files, chance, "proofs/")
    return {other: data for other, data in files.items() if other != name}, re.escape(name)


def way_an_entry_at_another_index(files, chance):
    number = re.search(r"\d+", pick(files, chance, "entries/"))[0]
    other = str(chance.randrange(100, 10**6))
    moved = {f"entries/{other}.json": files[f"entries/{number}.json"]}
    moved[f"proofs/{other}.tlog-proof"] = files[f"proofs/{number}.tlog-proof"].replace(
        f"index {number}\n".encode(), f"index {other}\n".encode()
    )
    return files | moved, rf"proofs/{other}\."


def way_the_proof_of_another_entry(files, chance):
    one, two = chance.sample([name for name in files if name.startswith("proofs/")], 2)
    return files | {one: files[two], two: files[one]}, r"proofs/\d+\.tlog-proof"


def way_a_byte_of_a_proof(files, chance):
    name = pick(files, chance, "proofs/")
    return files | {name: flipped(chance, files[name])}, re.escape(name)


def way_a_hash_more_or_less_in_a_proof(files, chance):
    name = pick(files, chance, "proofs/")
    lines = files[name].split(b"\n")
    at = 2 + chance.randrange(lines.index(b"") - 1)
    lines[at:at] = [lines[2]]
    if chance.random() < 0.5:
        del lines[at : at + 2]
    return files | {name: b"\n".join(lines)}, re.escape(name)


def head_everywhere(files, old: bytes, new: bytes):
    """The checkpoint is changed wherever it stands, so that all agree on it."""
    assert old in files["checkpoint.txt"]
    doctored = files["checkpoint.txt"].replace(old, new, 1)
    return {
        name: data.replace(files["checkpoint.txt"], doctored) if name.startswith(("checkpoint", "proofs/")) else data
        for name, data in files.items()
    }


def way_another_size(files, chance):
    _, size, _, *_ = files["checkpoint.txt"].split(b"\n")
    other = str(int(size) + chance.randrange(1, 9)).encode()
    return head_everywhere(files, b"\n" + size + b"\n", b"\n" + other + b"\n"), r"proofs/|checkpoint\.txt"


def way_another_root(files, chance):
    _, _, root, *_ = files["checkpoint.txt"].split(b"\n")
    other = root[:5] + (b"AAAA" if root[5:9] != b"AAAA" else b"BBBB") + root[9:]
    return head_everywhere(files, root, other), r"proofs/0\."


def way_another_origin(files, chance):
    origin = files["checkpoint.txt"].split(b"\n")[0]
    return head_everywhere(files, origin + b"\n", origin + b"x\n"), r"checkpoint\.txt"


def way_a_byte_of_the_signature(files, chance):
    line = files["checkpoint.txt"].split(b"\n")[4]
    value = line.rsplit(b" ", 1)[1]
    return head_everywhere(files, value, flipped(chance, value)), r"checkpoint\.txt|proofs/"


def way_a_line_under_the_signed_text(files, chance):
    root = files["checkpoint.txt"].split(b"\n")[2]
    return head_everywhere(files, root + b"\n", root + b"\nmore\n"), r"checkpoint\.txt"


def way_a_byte_of_a_blob(files, chance):
    name = pick(files, chance, "blobs/")
    return files | {name: flipped(chance, files[name])}, re.escape(name)


def way_a_blob_less(files, chance):
    name = pick(files, chance, "blobs/")
    return {other: data for other, data in files.items() if other != name}, re.escape(name)


def way_a_blob_more(files, chance):
    data = chance.randbytes(20)
    name = f"blobs/{hashlib.sha256(data).hexdigest()}"
    return files | {name: data}, re.escape(name)


def way_a_file_less(files, chance):
    name = chance.choice([name for name in files if "/" not in name and name != "since.txt"])
    changed = {other: data for other, data in files.items() if other != name}
    return packed(changed, mended=name != "manifest.json"), re.escape(name)


def way_a_name_that_leads_elsewhere(files, chance):
    names = ["../README.txt", "/etc/README.txt", "blobs/../x", "entries/01.json", "C:\\x", "entries/1.json/", "a\nb"]
    return packed(files | {chance.choice(names): b"x"}, mended=chance.random() < 0.5), "the archive|a file that does"


def way_a_name_twice(files, chance):
    name = pick(files, chance, "entries/")
    out = io.BytesIO()
    twice = sorted([*files.items(), (name, files[name] + b" ")])
    archive.write(out, twice)
    return out.getvalue(), "the archive|a file that does not belong"


def way_files_in_another_order(files, chance):
    items = sorted(files.items())
    one, two = sorted(chance.sample(range(len(items)), 2))
    items[one], items[two] = items[two], items[one]
    out = io.BytesIO()
    archive.write(out, items)
    return out.getvalue(), "the archive|a file that does not belong"


def way_compressed(files, chance):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in sorted((files | {"README.txt": b"0" * chance.randrange(1, 10**6)}).items()):
            zipped.writestr(name, data)
    return out.getvalue(), r"README\.txt"


def way_a_manifest_that_says_otherwise(files, chance):
    manifest = files["manifest.json"]
    doctored = chance.choice(
        [
            manifest.replace(b'"format":"affidavit bundle 1"', b'"format":"affidavit bundle 2"'),
            manifest.replace(b'"format"', b'"format":"","format"'),
            manifest.replace(b'{"files"', b'{"a":1,"files"'),
            manifest.replace(b'"selection":', b'"selection":NaN,"x":'),
            manifest[:-3],
            b"[]",
            b"",
            b"\xff" + manifest,
        ]
    )
    return packed(files | {"manifest.json": doctored}, mended=False), r"manifest\.json"


# Proofs that the head extends an earlier one: that a rotation came after, that was cosigned, that was noted


def growth(files, chance):
    """A file with such a proof, its lines above what is there for the eye, the rest, and where it must be found."""
    name = chance.choice([name for name in files if name.startswith(("rotations/", "anchors/", "since."))])
    above, empty, rest = files[name].partition(b"\n\n")
    return name, above.split(b"\n"), empty + rest, found_at(name)


def found_at(name):
    return rf"{re.escape(name)}: " + (r"|w\d signed another history" if name.startswith("anchors/") else "")


def grown_with_a_byte_flipped(files, chance):
    name, lines, rest, found = growth(files, chance)
    above = b"\n".join(lines)
    changed = flipped(chance, above)
    while b"\n\n" in changed:
        changed = flipped(chance, above)
    return files | {name: changed + rest}, found


def grown_with_a_hash_more_or_less(files, chance):
    name, lines, rest, found = growth(files, chance)
    at = chance.randrange(1, len(lines))
    lines[at : at + 1] = chance.choice([[], [lines[at]] * 2, [lines[at], lines[at][::-1]]])
    return files | {name: b"\n".join(lines) + rest}, found


def grown_from_another_size(files, chance):
    name, lines, rest, found = growth(files, chance)
    lines[0] = b"old %d" % (int(lines[0][4:]) + chance.choice((-1, 1, 100)))
    return files | {name: b"\n".join(lines) + rest}, found


def grown_with_the_proof_of_another(files, chance):
    name, _, _, found = growth(files, chance)
    other = chance.choice([other for other in files if other.startswith(("rotations/", "anchors/")) and other != name])
    while files[other] == files[name]:
        other = chance.choice([name for name in files if name.startswith("proofs/")])
    return files | {name: files[other]}, found


def grown_without_the_proof_of_a_rotation(files, chance):
    name = pick(files, chance, "rotations/")
    return {other: data for other, data in files.items() if other != name}, re.escape(name)


def grown_with_a_proof_more(files, chance):
    name = pick(files, chance, chance.choice(("rotations/", "anchors/")))
    other = f"{name.partition('/')[0]}/{chance.randrange(100, 10**6)}.txt"
    return files | {other: files[name]}, re.escape(other)


def grown_without_a_rotation(files, chance):
    """Neither entry nor proofs: then nothing names the key of a later rotation, or of the head."""
    numbers = sorted(int(re.search(r"\d+", name)[0]) for name in files if name.startswith("rotations/"))
    number = chance.choice(numbers)
    later = [other for other in numbers if other > number]
    left = {name: data for name, data in files.items() if not re.match(rf"(entries|proofs|rotations)/{number}\.", name)}
    return left, rf"entries/{later[0]}\.json" if later else r"checkpoint\.txt"
