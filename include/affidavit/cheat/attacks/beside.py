"""Attacks on what stands beside the leaves: columns, nodes, blobs, time stamps, and the verifier itself."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

from affidavit.cheat.attacks.attack import Scene, Unfit
from affidavit.cheat.attacks.entries import edit
from affidavit.cheat.attacks.forgery import Forgery, drop_triggers, find, header_of, kind_of, own_of
from affidavit.evidence import timestamp
from affidavit.evidence.salted import SALT_BYTES, salted


def edit_column(scene: Scene) -> str:
    """Put an entry into another scope, so that whoever asks for its own does not find it; its leaf stays as it is."""
    forgery = Forgery(scene.home / "ledger.db")
    index = find(forgery.documents, lambda each: kind_of(each) != "genesis", "entry beside its first")
    _change(scene, "UPDATE entries SET scope = 'system:elsewhere' WHERE \"index\" = ?", index)
    return f"the column scope of entry {index} names another system"


def edit_node(scene: Scene) -> str:
    """Spoil a stored node, so that true entries seem to have false proofs."""
    with closing(sqlite3.connect(scene.home / "ledger.db")) as connection:
        row = connection.execute('SELECT level, "index" FROM nodes ORDER BY level DESC LIMIT 1').fetchone()
    if row is None:
        raise Unfit("its tree has no node above the leaves")
    _change(scene, 'UPDATE nodes SET hash = zeroblob(32) WHERE level = ? AND "index" = ?', *row)
    return f"node ({row[0]}, {row[1]}) is another"


def swap_blob(scene: Scene) -> str:
    """Write a kinder report under the old name."""
    blob = _blob(scene)
    blob.write_bytes(blob.read_bytes()[:SALT_BYTES] + b'{"success": true}')
    return f"blob {blob.name[:12]}… holds another report"


def remove_blob(scene: Scene) -> str:
    """Remove a blob, and say nothing."""
    blob = _blob(scene)
    blob.unlink()
    return f"blob {blob.name[:12]}… is gone"


def forge_stamp(scene: Scene) -> str:
    """Record a genuine time stamp, given for something else, as one of the present head."""
    if scene.key is None or not scene.stamp:
        raise Unfit("its key is not ours to have")
    forgery = Forgery(scene.home / "ledger.db")
    documents, head = forgery.documents, forgery.heads[-1]
    made = deepcopy(documents[find(documents, lambda each: kind_of(each) == "anchor", "anchor")])
    blob = salted(scene.stamp)
    digest = hashlib.sha256(blob).hexdigest()
    stored = scene.home / "blobs" / digest[:2] / digest
    stored.parent.mkdir(exist_ok=True)
    stored.write_bytes(blob)
    newest = head.checkpoint
    own_of(made).update(
        means="timestamp",
        where="https://stamps.example",
        checkpoint={"origin": newest.origin, "size": newest.size, "root": newest.root.hex()},
        time=header_of(made)["observed_at"],
        cosignature=None,
        details={"digest": {"sha256": digest}, "media_type": "application/timestamp-reply"},
    )
    header_of(made)["observed_at"] = timestamp(datetime.fromtimestamp(head.time, UTC))
    made["subject"] = [{"name": "affidavit://anchors/stamps", "digest": {"sha256": digest}}]
    forgery.append([made], scene.key, time=head.time)
    forgery.write()
    return f"a stamp given for something else stands for the head of {newest.size} entries"


def doctor_verifier(scene: Scene) -> str:
    """Change an entry, and hand out a verifier that finds nothing."""
    honest = scene.program.read_text(encoding="utf-8") if scene.program.exists() else ""
    doctored = honest.replace("    if not truth:\n", "    if False:\n")
    if doctored == honest:
        raise Unfit("the stand-alone verifier is not at hand")
    scene.program.write_text(doctored, encoding="utf-8")
    return f"{edit(scene)}; the verifier that is handed out never finds fault"


def _blob(scene: Scene) -> Path:
    documents = Forgery(scene.home / "ledger.db").documents
    gone = {own_of(each).get("blob") for each in documents if kind_of(each) == "erasure"}
    blobs = sorted(each for each in (scene.home / "blobs").rglob("*") if each.is_file() and each.name not in gone)
    if not blobs:
        raise Unfit("no entry of it names a blob")
    return blobs[0]


def _change(scene: Scene, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(scene.home / "ledger.db")) as connection, connection:
        drop_triggers(connection)
        connection.execute(statement, values)
