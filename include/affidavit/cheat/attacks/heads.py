"""Attacks on heads: which of them a reader is shown, and what they say."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

from affidavit.cheat.attacks.attack import Scene, Unfit
from affidavit.cheat.attacks.entries import edit
from affidavit.cheat.attacks.forgery import Forgery, drop_triggers, signed


def truncate(scene: Scene) -> str:
    """Cut the end off, down to a head that was truly signed."""
    sizes = [head.checkpoint.size for head in Forgery(scene.home / "ledger.db").heads]
    return _cut(scene, [size for size in sizes if size < scene.known])


def freeze(scene: Scene) -> str:
    """Go on showing what the auditor knows already, as though nothing had come since."""
    sizes = [head.checkpoint.size for head in Forgery(scene.home / "ledger.db").heads]
    return _cut(scene, [size for size in sizes[:-1] if size >= scene.known][:1])


def remove_head(scene: Scene) -> str:
    """Take a head from between two others, and let the one after it name the one before it."""
    with closing(sqlite3.connect(scene.home / "ledger.db")) as connection, connection:
        heads = connection.execute("SELECT size, previous FROM checkpoints ORDER BY size").fetchall()
        if len(heads) < 3:
            raise Unfit("it has too few heads")
        size, previous = heads[len(heads) // 2]
        drop_triggers(connection)
        connection.execute("DELETE FROM checkpoints WHERE size = ?", (size,))
        connection.execute("UPDATE checkpoints SET previous = ? WHERE previous = ?", (previous, size))
    return f"no head of {size} entries was ever signed, as it now seems"


def roll_back(scene: Scene) -> str:
    """Put an older copy of the database in its place."""
    backup = scene.home / "backup.db"
    if not backup.exists():
        raise Unfit("there is no older copy of it")
    shutil.copyfile(backup, scene.home / "ledger.db")
    return f"the database is one of {len(Forgery(backup).leaves)} entries"


def edit_checkpoint(scene: Scene) -> str:
    """Change an entry, and write the roots that then fit into every head, under the signatures that are there."""
    said = edit(scene)
    forgery = Forgery(scene.home / "ledger.db")
    forgery.cover_again()
    forgery.write()
    return f"{said}; each head names the root that fits"


def back_date_head(scene: Scene) -> str:
    """Sign the newest head anew as of a day before the head that stands before it, which others have and know."""
    forgery = Forgery(scene.home / "ledger.db")
    if scene.key is None or len(forgery.heads) < 2:
        raise Unfit("its key is not ours to have")
    *_, before, last = forgery.heads
    checkpoint = last.checkpoint
    forgery.heads[-1] = signed(scene.key, checkpoint.size, checkpoint.root, before.time - 86_400)
    forgery.write()
    return f"the head of {checkpoint.size} entries is a day older than the one before it"


def _cut(scene: Scene, sizes: list[int]) -> str:
    if not sizes:
        raise Unfit("it has too few heads")
    forgery = Forgery(scene.home / "ledger.db")
    gone = len(forgery.leaves) - sizes[-1]
    del forgery.leaves[sizes[-1] :]
    forgery.heads = [head for head in forgery.heads if head.checkpoint.size <= sizes[-1]]
    forgery.write()
    with closing(sqlite3.connect(scene.home / "ledger.db")) as connection:
        connection.execute("VACUUM")
    return f"the last {gone} entries and their heads are gone"
