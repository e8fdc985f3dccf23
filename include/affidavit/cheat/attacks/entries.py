"""Attacks on what entries say, and on their order and number."""

from __future__ import annotations

import hashlib
from copy import deepcopy

from affidavit.cheat.attacks.attack import Scene, Unfit
from affidavit.cheat.attacks.forgery import (
    Document,
    Forgery,
    falsify,
    find,
    header_of,
    kind_of,
    own_of,
    roots_of,
    signed,
)
from affidavit.evidence import Statement, dumps
from affidavit.tlog import cosignature
from affidavit.tlog.checkpoint import Checkpoint
from affidavit.tlog.hashing import leaf_hash
from affidavit.tlog.note import COSIGNATURE, SigningKey

_TELLING = ("validation", "model-run", "dataset-snapshot")
_SAID = "PASSED"
_YEAR = 365 * 86_400_000
"""In milliseconds."""


def edit(scene: Scene) -> str:
    """Change an entry, and all that follows from it but the signed heads."""
    forgery = Forgery(scene.home / "ledger.db")
    said = _falsify_one(forgery)
    forgery.write()
    return said


def write_over(scene: Scene) -> str:
    """The same with INSERT OR REPLACE, which fires no trigger."""
    forgery = Forgery(scene.home / "ledger.db")
    said = _falsify_one(forgery)
    forgery.write_over()
    return said


def drop(scene: Scene) -> str:
    """Take an entry out, move the following ones up, and fill the end, so that sizes fit."""
    forgery = Forgery(scene.home / "ledger.db")
    documents = forgery.documents
    # The last of its stream: what came after would otherwise say the same as what came before.
    last = {Statement(document).stream: index for index, document in enumerate(documents)}.values()
    between = [index for index in last if forgery.free <= index < len(documents) - 1]
    if not between:
        raise Unfit("it holds no entry between two others")
    index = min(between, key=lambda each: abs(each - len(documents) // 2))
    filler = deepcopy(documents[index])
    filler["subject"][0]["name"] += "-2"
    del documents[index]
    forgery.chain([*documents, filler])
    forgery.write()
    return f"entry {index} is gone, and something harmless fills the end"


def reorder(scene: Scene) -> str:
    """Let two neighbours change places."""
    forgery = Forgery(scene.home / "ledger.db")
    documents = forgery.documents
    streams = [Statement(document).stream for document in documents]
    for index in range(len(documents) - 1, forgery.free, -1):
        if streams[index] != streams[index - 1]:
            documents[index - 1], documents[index] = documents[index], documents[index - 1]
            forgery.chain(documents)
            forgery.write()
            return f"entries {index - 1} and {index} changed places"
    raise Unfit("it holds no two neighbours of different streams")


def move_cursor(scene: Scene) -> str:
    """Let the newest collection say that a collector looked further than it did, so that it skips what lies there."""
    forgery = Forgery(scene.home / "ledger.db")
    documents = forgery.documents
    index = find(documents, _has_cursor, "collection with a cursor", start=forgery.free)
    collectors = own_of(documents[index])["collectors"]
    name = next(name for name in sorted(collectors) if _movable(collectors[name].get("cursor")))
    collectors[name]["cursor"] = _later(collectors[name]["cursor"])
    forgery.chain(documents)
    forgery.write()
    return f"the cursor of {name} in entry {index} stands further on"


def replay(scene: Scene) -> str:
    """Append what was recorded once before, byte for byte, so that it looks like the latest word on its matter."""
    key, forgery = _key(scene), Forgery(scene.home / "ledger.db")
    streams = [Statement(document).stream for document in forgery.documents]
    older = [index for index, stream in enumerate(streams) if stream in streams[index + 1 :]]
    if not older:
        raise Unfit("it holds nothing that was superseded")
    forgery.leaves.append(forgery.leaves[older[-1]])
    forgery.heads.append(signed(key, len(forgery.leaves), roots_of(forgery.leaves)[-1], forgery.heads[-1].time))
    forgery.write(twice=True)
    return f"entry {older[-1]} stands again as entry {len(forgery.leaves) - 1}"


def back_date(scene: Scene) -> str:
    """Put into the past what was made up today, and sign every later head anew."""
    key, forgery = _key(scene), Forgery(scene.home / "ledger.db")
    documents = forgery.documents
    index = scene.known // 2
    invented = _invented(documents)
    header_of(invented)["observed_at"] = header_of(documents[index])["observed_at"]
    documents.insert(index, invented)
    # The last entry makes room, so that every head keeps its size.
    documents.pop()
    _forget_outsiders(documents)
    forgery.chain(documents)
    forgery.sign(key)
    forgery.write()
    return f"entry {index} was made up, and stands weeks before today"


def two_readings(scene: Scene) -> str:
    """Append a statement with a key twice: a person may read the first, a program the last."""
    key, forgery = _key(scene), Forgery(scene.home / "ledger.db")
    forgery.chain([*forgery.documents, _invented(forgery.documents)])
    leaf = forgery.leaves[-1]
    forgery.leaves[-1] = leaf.replace(b'"origin":', b'"origin":"re-performed","origin":', 1)
    forgery.heads.append(signed(key, len(forgery.leaves), roots_of(forgery.leaves)[-1], forgery.heads[-1].time))
    forgery.write()
    return f"entry {len(forgery.leaves) - 1} names two origins"


def relink(scene: Scene) -> str:
    """Write another history under a key of one's own, with that key in entry 0."""
    forgery = Forgery(scene.home / "ledger.db")
    forgery.leave_out("key-rotation")
    documents = forgery.documents
    genesis = own_of(documents[0])
    key = SigningKey("affidavit.invalid/" + "0123456789abcdef" * 2, COSIGNATURE, b"a key of their own".ljust(32))
    old = genesis["origin"]
    genesis["origin"], genesis["key"] = key.name, key.public.text
    pinned = {name: value for name, value in genesis.items() if name != "header"}
    documents[0]["subject"][0]["digest"]["sha256"] = _digest(pinned)
    said = falsify(documents[find(documents, _telling, "entry")])
    for document in documents:
        checkpoint = own_of(document).get("checkpoint") or {}
        if checkpoint.get("origin") == old:
            checkpoint["origin"] = key.name
    forgery.chain(documents)
    forgery.sign(key)
    forgery.write()
    return f"{said}; all is signed by another key, which entry 0 names"


def relink_with_the_stolen_key(scene: Scene) -> str:
    """Write another history under the log's own key, with the times that the heads had."""
    forgery = Forgery(scene.home / "ledger.db")
    said = _rewrite(forgery, before=scene.known)
    forgery.sign(_key(scene))
    forgery.write()
    return f"{said}; every head is signed anew by the log's key"


def collude(scene: Scene) -> str:
    """The same, and the one witness of the policy cosigns the new history instead of the old."""
    if scene.witness is None:
        raise Unfit("no witness knows it")
    forgery = Forgery(scene.home / "ledger.db")
    said = _rewrite(forgery, before=scene.known, witness=scene.witness)
    forgery.sign(_key(scene))
    forgery.write()
    return f"{said}; the witness signed that, too"


def fork(scene: Scene) -> str:
    """Show this reader another end of the history than the others were shown."""
    forgery = Forgery(scene.home / "ledger.db")
    documents = forgery.documents
    index = find(documents, _telling, "entry that nobody noted yet", start=scene.known)
    said = falsify(documents[index])
    forgery.chain(documents)
    forgery.sign(_key(scene))
    forgery.write()
    return f"entry {index}: {said}; others were shown the other one"


def plant_assessment(scene: Scene) -> str:
    """Append an assessment of one's own, by which controls are supported."""
    key, forgery = _key(scene), Forgery(scene.home / "ledger.db")
    documents = forgery.documents
    like = documents[find(documents, lambda each: kind_of(each) != "anchor", "entry about a system")]
    good = {control: {"status": "supported", "origin": "observed"} for control in ("A.6.2.4", "A.7.4", "A.8.2")}
    facts = {"controls": good, "rules": "0" * 64, "catalogue": "0" * 64}
    planted = _stated(like, "assessment", f"affidavit://posture/{header_of(like)['scope']}", _digest(facts), facts)
    forgery.append([planted], key, time=forgery.heads[-1].time)
    forgery.write()
    return f"entry {len(forgery.leaves) - 1} says that A.7.4 is supported"


def plant_fact(scene: Scene) -> str:
    """Append a validation that never took place."""
    key, forgery = _key(scene), Forgery(scene.home / "ledger.db")
    forgery.append([_invented(forgery.documents)], key, time=forgery.heads[-1].time)
    forgery.write()
    return f"entry {len(forgery.leaves) - 1} says that a table passed which nobody looked at"


def erase(scene: Scene) -> str:
    """Record an erasure that nobody decided, and remove the blob."""
    return _erase(scene, decided=False)


def invent_decision(scene: Scene) -> str:
    """Record a decision in somebody's name, the erasure after it, and remove the blob."""
    return _erase(scene, decided=True)


def rewrite_the_unknown(scene: Scene) -> str:
    """Rewrite what no outsider was told of."""
    return fork(scene).replace("others were shown the other one", "nobody was shown the other one")


def omit(scene: Scene) -> str:  # noqa: ARG001 - there is nothing in the ledger to lay hands on
    """Do nothing to the ledger: what is kept from the collectors never gets there."""
    return "a training run was logged nowhere"


def _erase(scene: Scene, *, decided: bool) -> str:
    key, forgery = _key(scene), Forgery(scene.home / "ledger.db")
    named = forgery.documents[find(forgery.documents, lambda each: bool(own_of(each).get("details")), "blob")]
    digest, ground = own_of(named)["details"]["digest"]["sha256"], "no-longer-needed"
    if decided:
        facts = {"blobs": [digest], "reason": ground}
        name = f"affidavit://erasure-decisions/{digest[:32]}"
        decision = _stated(named, "erasure-decision", name, _digest(facts), facts)
        header_of(decision).update(origin="declared", by="p-1")
        forgery.append([decision], key, time=forgery.heads[-1].time)
    # Without a decision the erasure names what stands last, whatever that is.
    facts = {"blob": digest, "decision": leaf_hash(forgery.leaves[-1]).hex(), "reason": ground}
    made = _stated(named, "erasure", f"affidavit://blobs/{digest}", digest, facts)
    forgery.append([made], key, time=forgery.heads[-1].time)
    forgery.write()
    (scene.home / "blobs" / digest[:2] / digest).unlink()
    return f"blob {digest[:12]}… is gone, and entry {len(forgery.leaves) - 1} says that it was erased"


def _stated(like: Document, kind: str, name: str, sha256: str, facts: Document) -> Document:
    """A statement of a kind with these facts, in the circumstances of another one."""
    header = deepcopy(header_of(like)) | {"origin": "observed", "stage": "cross_lifecycle", "basis": None}
    return {
        "_type": like["_type"],
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": f"urn:affidavit:{kind}:v1",
        "predicate": {"header": header, **facts},
    }


def _falsify_one(forgery: Forgery) -> str:
    documents = forgery.documents
    index = find(documents, _telling, "entry that can be told otherwise", start=forgery.free)
    said = falsify(documents[index])
    forgery.chain(documents)
    return f"entry {index}: {said}"


def _rewrite(forgery: Forgery, *, before: int, witness: SigningKey | None = None) -> str:
    """Change the last telling entry before ``before``; what outsiders said of it goes, or is said anew."""
    documents = forgery.documents[:before]
    index = find(documents, _telling, "entry that can be told otherwise")
    said = falsify(documents[index])
    documents = [*documents, *forgery.documents[before:]]
    _forget_outsiders(documents)
    forgery.chain(documents)
    if witness is not None:
        _say_anew(forgery, witness)
    return f"entry {index}: {said}"


def _forget_outsiders(documents: list[Document]) -> None:
    """What a witness or an authority said of the true history becomes a mere copy, which proves nothing."""
    for document in documents:
        if kind_of(document) == "anchor":
            own_of(document).update(means="copy", cosignature=None, details=None)


def _say_anew(forgery: Forgery, witness: SigningKey) -> None:
    documents = forgery.documents
    for document in documents:
        if kind_of(document) == "anchor":
            facts = own_of(document)
            named = facts["checkpoint"]
            root = roots_of(forgery.leaves)[named["size"]]
            text = Checkpoint(named["origin"], named["size"], root).text
            line = cosignature.cosign(text, witness, time=forgery.heads[-1].time).line
            facts.update(means="witness", cosignature=line + "\n")
            named["root"] = root.hex()
    forgery.chain(documents)


def _invented(documents: list[Document]) -> Document:
    """A validation that passed, of a table that nobody looked at, as like a true one as can be."""
    made = deepcopy(documents[find(documents, lambda each: each["predicate"].get("result") == _SAID, "validation")])
    made["subject"][0]["name"] += "-unseen"
    return made


def _telling(document: Document) -> bool:
    return kind_of(document) in _TELLING


def _has_cursor(document: Document) -> bool:
    collectors = own_of(document).get("collectors")
    return isinstance(collectors, dict) and any(_movable(each.get("cursor")) for each in collectors.values())


def _movable(cursor: object) -> bool:
    return _later(cursor) != cursor


def _later(cursor: object) -> object:
    """A cursor with each of its times a year on, texts or milliseconds, and nothing that it still follows."""
    if isinstance(cursor, dict):
        return {name: _later(value) for name, value in cursor.items()}
    if isinstance(cursor, str) and cursor[:4].isdecimal() and cursor[4:5] == "-":
        return f"{int(cursor[:4]) + 1}{cursor[4:]}"
    if isinstance(cursor, list):
        return []
    return cursor + _YEAR if isinstance(cursor, int) and not isinstance(cursor, bool) else cursor


def _digest(facts: Document) -> str:
    return hashlib.sha256(dumps(facts)).hexdigest()


def _key(scene: Scene) -> SigningKey:
    if scene.key is None:
        raise Unfit("its key is not ours to have")
    return scene.key
