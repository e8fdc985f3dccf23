"""Trying each attack twice: with what is to catch it, and with exactly that taken away.

1. The ledger is copied, and the copy verified: what is broken already shows nothing.
2. The attack is done to a copy of the copy; where it finds nothing to be tried on, to the small ledger.
3. For each of its defences alone, the auditor's verification is run with it, which must find something, and without
   it, which must find nothing. Where the first fails the attack was missed; where the second fails, nobody has shown
   that it was this defence that found it.
4. What is said to be not detectable must pass with all that the auditor brings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from affidavit.cheat import ground as grounds
from affidavit.cheat.attacks import INSIDE, Attack, Defence, Power, Scene, Unfit
from affidavit.cheat.defences import without
from affidavit.cheat.ground import Ground
from affidavit.cheat.staged import KEY
from affidavit.errors import AffidavitError, IntegrityError
from affidavit.ledger import Ledger, LocalSigner
from affidavit.ledger.copying import BLOBS, DATABASE
from affidavit.pipeline import posture
from affidavit.pipeline.verifying import Examined, examine


class Result(StrEnum):
    """What came of an attack."""

    CAUGHT = "caught"
    ONLY_WITH = "caught only with"
    UNDETECTABLE = "not detectable"
    MISSED = "missed"
    UNSHOWN = "not shown"
    UNTRIED = "not tried"


@dataclass(frozen=True)
class Tried:
    """One defence against one attack: what was found with it, and what without; empty where nothing was."""

    defence: Defence
    with_it: str
    without_it: str


@dataclass(frozen=True)
class Outcome:
    """What came of one attack: on which ledger, what was done in words, and what each defence found.

    ``why`` says why it was not tried or cannot be detected, or what went otherwise than declared.
    """

    attack: Attack
    ground: str
    done: str
    tried: tuple[Tried, ...]
    result: Result
    why: str = ""


def trial(ledger: Ledger, attacks: Sequence[Attack], *, home: Path, program: bytes, now: datetime) -> Iterator[Outcome]:
    """Try each of ``attacks`` on copies in the folder ``home``, which holds nothing yet; ``ledger`` is only read.

    ``program`` is the stand-alone verifier. Raises ``IntegrityError`` where the ledger is broken as it stands.
    """
    given = grounds.given(ledger, home / "given", program=program)
    small = grounds.small(home / "small", now=now, program=program)
    for ground in (given, small):
        if found := _found(ground.home, ground, frozenset(), None):
            raise IntegrityError(f"it is broken as it stands: {found}", fix="run 'affidavit verify'")
    for number, attack in enumerate(attacks):
        choice = [small] if attack.staged else [given, small]
        if attack.hidden:
            choice = [grounds.small(home / "hidden", now=now, program=program, hidden=attack.hidden)]
        yield _try(attack, choice, home / f"attack-{number}")


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """3 where something was missed, 1 where a defence was not shown to matter, else 0."""
    results = {outcome.result for outcome in outcomes}
    if Result.MISSED in results:
        return 3
    return 1 if results & {Result.UNSHOWN, Result.UNTRIED} else 0


def _try(attack: Attack, choice: Sequence[Ground], home: Path) -> Outcome:
    if Defence.STAMPS in attack.defences and importlib.util.find_spec("rfc3161_client") is None:
        return Outcome(attack, "", "", (), Result.UNTRIED, "time stamps need affidavit[anchor]")
    why = ""
    for ground in choice:
        scene = ground.scene(home)
        try:
            return _judge(attack, ground, scene, attack.strike(scene))
        except Unfit as unfit:
            why = str(unfit)
        finally:
            shutil.rmtree(home)
    return Outcome(attack, "", "", (), Result.UNTRIED, why)


def _judge(attack: Attack, ground: Ground, scene: Scene, done: str) -> Outcome:
    tried = tuple(_both(attack, ground, scene, defence) for defence in attack.defences)
    result, why = Result.CAUGHT if INSIDE.issuperset(attack.defences) else Result.ONLY_WITH, ""
    if not tried:
        found = _found(scene.home, ground, attack.given, attack)
        result, why = Result.UNDETECTABLE, attack.because
        if found:
            result, why = Result.UNSHOWN, f"found all the same: {found}"
    if unshown := [each for each in tried if each.without_it]:
        result, why = Result.UNSHOWN, f"found without {unshown[0].defence.value}, too: {unshown[0].without_it}"
    if missed := [each for each in tried if not each.with_it]:
        result, why = Result.MISSED, f"nothing was found with {missed[0].defence.value}"
    return Outcome(attack, ground.name, done, tried, result, why)


def _both(attack: Attack, ground: Ground, scene: Scene, defence: Defence) -> Tried:
    with_it = _found(scene.home, ground, attack.given | {defence}, attack)
    with without(defence):
        # A time stamp is checked against roots either way: what is switched off is the checking.
        brought = attack.given | {defence} if defence is Defence.STAMPS else attack.given
        without_it = _found(scene.home, ground, brought, attack)
    return Tried(defence, with_it, without_it)


def _found(home: Path, ground: Ground, brought: frozenset[Defence], attack: Attack | None) -> str:
    """What an auditor finds who brings these; empty for a ledger that passes."""
    if attack is not None and attack.power is Power.VERIFIER:
        return _found_by_program(home, ground, brought)
    try:
        with Ledger.open(f"sqlite:///{home / DATABASE}", blobs=str(home / BLOBS)) as ledger:
            done = examine(
                ledger,
                policy=ground.policy(brought),
                noted=ground.head_known(brought),
                authorities=ground.authorities(brought),
            )
            found = _doubt(done, brought)
            if not found and Defence.STATUS in brought:
                found = _judged_otherwise(ledger, done)
        if Defence.MEMORY in brought:
            signer = LocalSigner.load(home / KEY)
            Ledger.open(f"sqlite:///{home / DATABASE}", blobs=str(home / BLOBS), signer=signer).close()
    except AffidavitError as error:
        if error.exit_code != 3:
            raise
        place = f"{error.where}: " if error.where and str(home) not in error.where else ""
        return f"{place}{error.problem}"
    return found


def _doubt(done: Examined, brought: frozenset[Defence]) -> str:
    if done.found.uncovered:
        return f"{done.found.uncovered} entries beyond the newest head, for which nobody vouches"
    if done.anchoring.doubts:
        return done.anchoring.doubts[0]
    if Defence.STAMPS in brought and not done.anchoring.size:
        return "the time stamp does not hold, and counts for nothing"
    return ""


def _judged_otherwise(ledger: Ledger, done: Examined) -> str:
    judged = posture.judge_as_of(ledger, at=done.found.head.time)
    for verdict in judged.verdicts:
        recorded = posture.recorded_statuses(judged, verdict.scope) or {}
        if recorded.get(verdict.control, verdict.status.value) != verdict.status.value:
            return f"{verdict.control}: recorded as {recorded[verdict.control]}, judged {verdict.status.value}"
    return ""


def _found_by_program(home: Path, ground: Ground, brought: frozenset[Defence]) -> str:
    """What an auditor finds with the verifier that was handed out, which is run only if it is the published one."""
    program, honest = home / grounds.PROGRAM, ground.home / grounds.PROGRAM
    if Defence.DIGEST in brought and _sha256(program) != _sha256(honest):
        return f"the SHA-256 of {grounds.PROGRAM} is not the published one"
    policy = home / "policy.txt"
    policy.write_text(f"log {ground.key.text}\nquorum none\n", encoding="utf-8")
    command = [
        sys.executable,
        str(program),
        str(home / DATABASE),
        "--policy",
        str(policy),
        "--blobs",
        str(home / BLOBS),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own copy
    return "" if done.returncode == 0 else done.stderr.strip()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
