"""Every attack, with what it takes and what is expected to notice."""

from __future__ import annotations

from affidavit.cheat.attacks import beside, entries, heads
from affidavit.cheat.attacks.attack import Attack, Defence, Power

_KEY = frozenset({Defence.POLICY})
_AUDITED = frozenset({Defence.POLICY, Defence.NOTED})
_WITNESSED = frozenset({Defence.WITNESS, Defence.NOTED})

ALL: tuple[Attack, ...] = (
    Attack(
        "edit",
        Power.DATABASE,
        "changes what an entry says, and every column, node and later entry that follows from it",
        entries.edit,
        (Defence.ROOTS,),
    ),
    Attack(
        "drop",
        Power.DATABASE,
        "takes an entry out, moves the others up and fills the end",
        entries.drop,
        (Defence.ROOTS,),
    ),
    Attack("reorder", Power.DATABASE, "lets two entries change places", entries.reorder, (Defence.ROOTS,)),
    Attack(
        "INSERT OR REPLACE",
        Power.DATABASE,
        "writes over rows without dropping a trigger, as SQLite allows",
        entries.write_over,
        (Defence.ROOTS,),
    ),
    Attack(
        "move the cursor",
        Power.DATABASE,
        "lets a collection say that it looked further than it did, so that the next one skips what lies there",
        entries.move_cursor,
        (Defence.ROOTS,),
    ),
    Attack(
        "edit a checkpoint",
        Power.DATABASE,
        "changes an entry, and the root in every head to the one that fits",
        heads.edit_checkpoint,
        (Defence.SIGNATURES,),
    ),
    Attack(
        "edit a derived column",
        Power.DATABASE,
        "hides an entry from whoever asks by scope; no leaf is touched",
        beside.edit_column,
        (Defence.COLUMNS,),
    ),
    Attack(
        "edit a tree node",
        Power.DATABASE,
        "spoils a stored node, so that true entries seem to have false proofs",
        beside.edit_node,
        (Defence.NODES,),
    ),
    Attack("swap a blob", Power.DATABASE, "writes other bytes under a blob's name", beside.swap_blob, (Defence.BLOBS,)),
    Attack(
        "remove a blob",
        Power.DATABASE,
        "removes a blob, and records nothing about it",
        beside.remove_blob,
        (Defence.BLOBS,),
    ),
    Attack(
        "truncate",
        Power.DATABASE,
        "cuts the end off, down to a head that was truly signed",
        heads.truncate,
        (Defence.NOTED,),
    ),
    Attack(
        "remove a head in the middle",
        Power.DATABASE,
        "takes a signed head away and mends the link over it, so that as-of answers from an older one",
        heads.remove_head,
        (),
        _AUDITED,
        because=(
            "a writer that died before its head was recorded leaves the same: which appends have a head of their own"
            " follows from nothing signed; no entry is lost, and as-of counts what was observed by then under a later"
            " head"
        ),
    ),
    Attack(
        "relink with a new key",
        Power.DATABASE,
        "writes another history under a key of their own, with that key in entry 0",
        entries.relink,
        (Defence.POLICY,),
    ),
    Attack(
        "roll back to an older database",
        Power.DATABASE,
        "puts a backup in the database's place",
        heads.roll_back,
        (Defence.MEMORY, Defence.NOTED),
        _KEY,
        staged=True,
    ),
    Attack(
        "replay",
        Power.KEY,
        "appends an old entry again, byte for byte, as the latest word on its matter",
        entries.replay,
        (Defence.STREAMS,),
        _KEY,
        staged=True,
    ),
    Attack(
        "duplicate JSON keys",
        Power.KEY,
        "signs a statement that two programs read differently",
        entries.two_readings,
        (Defence.STRICT,),
        _KEY,
        staged=True,
    ),
    Attack(
        "back-date",
        Power.KEY,
        "puts among old entries what was made up today, and signs every later head anew",
        entries.back_date,
        (Defence.NOTED, Defence.WITNESS),
        _KEY,
        staged=True,
    ),
    Attack(
        "back-date a head",
        Power.KEY,
        "signs the newest head as of a day that is over, behind heads that others have",
        heads.back_date_head,
        (Defence.TIMES,),
        _KEY,
        staged=True,
    ),
    Attack(
        "relink with the stolen key",
        Power.KEY,
        "writes another history under the log's own key, at the old times",
        entries.relink_with_the_stolen_key,
        (Defence.NOTED, Defence.WITNESS),
        _KEY,
        staged=True,
    ),
    Attack(
        "fork for two readers",
        Power.OPERATOR,
        "shows one reader another end of the history than the next",
        entries.fork,
        (Defence.READER,),
        _WITNESSED,
        staged=True,
    ),
    Attack(
        "freeze",
        Power.OPERATOR,
        "goes on serving the head that the auditor knows already",
        heads.freeze,
        (Defence.READER,),
        _AUDITED,
    ),
    Attack(
        "forge a time stamp",
        Power.OPERATOR,
        "records a genuine stamp, given for something else, as one of the present head",
        beside.forge_stamp,
        (Defence.STAMPS,),
        _KEY,
        staged=True,
    ),
    Attack(
        "collude with the witness",
        Power.OPERATOR,
        "rewrites history together with the one witness that the policy asks for",
        entries.collude,
        (Defence.NOTED,),
        frozenset({Defence.WITNESS}),
        staged=True,
    ),
    Attack(
        "rewrite what nobody outside knows",
        Power.OPERATOR,
        "holds database, key and signer, and rewrites what came after the last head that an outsider was told of",
        entries.rewrite_the_unknown,
        (),
        _WITNESSED,
        staged=True,
        because=(
            "nobody else has seen that part; shorter intervals between anchors and a signer of its own narrow it, and"
            " verification counts these entries and their minutes"
        ),
    ),
    Attack(
        "plant an assessment",
        Power.DAG,
        "appends an assessment by which controls are supported",
        entries.plant_assessment,
        (Defence.STATUS,),
        _WITNESSED,
        staged=True,
    ),
    Attack(
        "erase without a decision",
        Power.DAG,
        "removes a blob, and records an erasure that nobody decided",
        entries.erase,
        (Defence.ERASURES,),
        _WITNESSED,
        staged=True,
    ),
    Attack(
        "erase by an invented decision",
        Power.DAG,
        "removes a blob, and records a decision in the name of somebody who never took it",
        entries.invent_decision,
        (),
        _WITNESSED,
        staged=True,
        because=(
            "who may append may name anybody; every erasure is printed with who decided it, and that person can deny"
            " it, as can whoever kept a copy of the blob"
        ),
    ),
    Attack(
        "plant a fact that looks true",
        Power.DAG,
        "appends a validation that never took place",
        entries.plant_fact,
        (),
        _WITNESSED,
        staged=True,
        because=(
            "who may append may lie: integrity means unchanged since collection; sources that others keep, and a person"
            " who repeats the look, narrow it"
        ),
    ),
    Attack(
        "omit",
        Power.MLFLOW,
        "logs a training run nowhere, so that no collector sees it",
        entries.omit,
        (),
        _WITNESSED,
        staged=True,
        hidden="run-7",
        because=(
            "what never reached a collector left no trace; schedules that make silence show as missing, and the list of"
            " what nobody claims, narrow it"
        ),
    ),
    Attack(
        "doctor the verifier",
        Power.VERIFIER,
        "changes an entry, and hands out a stand-alone verifier that never finds fault",
        beside.doctor_verifier,
        (Defence.DIGEST,),
        _KEY,
    ),
)
