"""Ways to change the bytes of a blob, or where they lie."""

import shutil
from random import Random

from tests.tampering.ground import Owner
from tests.tampering.mutant import Mutant, flipped, says


def found(*digests: str) -> Mutant:
    named = says("blob (" + "|".join(digests) + "): |blobs/.*(" + "|".join(digests) + ")")
    return Mutant([], named, named)


def written(owner: Owner, chance: Random, way) -> Mutant:
    digest = chance.choice(sorted(owner.blobs))
    other = way(owner.blobs[digest])
    assert other != owner.blobs[digest]
    owner.blob(digest).write_bytes(other)
    return found(digest)


def blob_with_a_bit_flipped(owner: Owner, chance: Random) -> Mutant:
    return written(owner, chance, lambda data: flipped(chance, data))


def blob_with_other_bytes(owner: Owner, chance: Random) -> Mutant:
    place, more = chance.random(), chance.randbytes(chance.randrange(1, 40))
    return written(owner, chance, lambda data: data[: int(place * len(data))] + more + data[int(place * len(data)) :])


def blob_that_is_cut(owner: Owner, chance: Random) -> Mutant:
    place = chance.random()
    return written(owner, chance, lambda data: data[: int(place * len(data))])


def blob_that_is_longer(owner: Owner, chance: Random) -> Mutant:
    return written(owner, chance, lambda data: data + chance.choice((b"\0", b"\n", data)))


def blob_of_random_bytes(owner: Owner, chance: Random) -> Mutant:
    return written(owner, chance, lambda data: chance.randbytes(len(data)))


def blob_without_its_salt(owner: Owner, chance: Random) -> Mutant:
    return written(owner, chance, lambda data: data[32:] if chance.random() < 0.5 else chance.randbytes(32) + data[32:])


def blobs_exchanged(owner: Owner, chance: Random) -> Mutant:
    one, two = chance.sample(sorted(owner.blobs), 2)
    owner.blob(one).write_bytes(owner.blobs[two])
    owner.blob(two).write_bytes(owner.blobs[one])
    return found(one, two)


def blob_of_another(owner: Owner, chance: Random) -> Mutant:
    one, two = chance.sample(sorted(owner.blobs), 2)
    owner.blob(one).write_bytes(owner.blobs[two])
    return found(one)


def blob_that_is_gone(owner: Owner, chance: Random) -> Mutant:
    digest = chance.choice(sorted(owner.blobs))
    if chance.random() < 0.5:
        owner.blob(digest).unlink()
    else:
        shutil.rmtree(owner.blob(digest).parent)
    return found(*(each for each in owner.blobs if each[:2] == digest[:2]))


def blob_under_another_name(owner: Owner, chance: Random) -> Mutant:
    digest = chance.choice(sorted(owner.blobs))
    name = chance.choice((digest.upper(), digest[:-1], f"{digest}.bak", "0" * 64))
    owner.blob(digest).rename(owner.blob(digest).with_name(name))
    return found(digest)


def blob_that_is_a_folder(owner: Owner, chance: Random) -> Mutant:
    digest = chance.choice(sorted(owner.blobs))
    owner.blob(digest).unlink()
    owner.blob(digest).mkdir()
    return found(digest)


def blob_that_leads_elsewhere(owner: Owner, chance: Random) -> Mutant:
    digest = chance.choice(sorted(owner.blobs))
    owner.blob(digest).unlink()
    owner.blob(digest).symlink_to(chance.choice(("nowhere", "/dev/null", str(owner.home / "strict"))))
    return found(digest)


def every_blob_is_gone(owner: Owner, chance: Random) -> Mutant:
    shutil.rmtree(owner.home / "blobs")
    (owner.home / "blobs").mkdir()
    return found(*owner.blobs)


BLOB = [
    blob_with_a_bit_flipped,
    blob_with_other_bytes,
    blob_that_is_cut,
    blob_that_is_longer,
    blob_of_random_bytes,
    blob_without_its_salt,
    blobs_exchanged,
    blob_of_another,
    blob_that_is_gone,
    blob_under_another_name,
    blob_that_is_a_folder,
    blob_that_leads_elsewhere,
    every_blob_is_gone,
]
