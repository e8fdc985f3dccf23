"""A process that imports once and forks writers and signers, each told what shall go wrong in it; runs under shim.c.

Reads one JSON object a line: ``{"do": "start", …}`` answers with the child's process id once it is ready, ``{"do":
"wait", "pid": …}`` with its id and how it ended, or that it stopped itself (-1 for any child). Ends, with its
children, when its input ends.
"""

import ctypes
import json
import os
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from affidavit.ledger import LocalSigner
from affidavit.tlog.note import SigningKey
from affidavit.witness.server import Role, Server, listening
from affidavit.witness.state import Memory
from tests.faults import story

FAULTS = (
    *("none", "kill", "torn", "fail", "kill answered", "cut", "cut answered", "stop", "stop sent", "stop answered"),
)
"""The numbers of ``enum fault`` in shim.c."""

_SHIM = ctypes.CDLL(None)
_SHIM.points.restype = ctypes.c_long


def main() -> None:
    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if order.pop("do") == "start":
            children.add(answer := _start(order))
        else:
            pid, status = os.waitpid(order["pid"], os.WUNTRACED)
            ended = "stopped" if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
            if ended != "stopped":
                children.discard(pid)
            answer = [pid, ended]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for child in children:
        os.kill(child, signal.SIGKILL)


def _start(order: dict) -> int:
    ready, say_ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready)
        _child(order, say_ready)
    os.close(say_ready)
    os.read(ready, 1)
    os.close(ready)
    return child


def _child(order: dict, say_ready: int) -> NoReturn:
    status = 1
    try:
        place = story.Place(Path(order["disk"]), order["url"], order["socket"])
        told = story.Told(Path(order["told"]), lambda line: _SHIM.mark(line.encode()))
        roles = {"write": _write, "create": _create, "many": _many, "sign": _sign, "rotate": _rotate}
        roles[order["role"]](order, place, told, say_ready)
        told.say(-1, points=_SHIM.points())
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def _arm(order: dict) -> None:
    log = -1
    if order["log"]:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    fault, number = FAULTS.index(order["fault"]), ctypes.c_long(order["at"])
    below = b"" if order["sends"] else os.fsencode(order["below"])
    _SHIM.arm(below, int(order["sends"]), fault, order["errno"], number, log)


def _write(order: dict, place: story.Place, told: story.Told, say_ready: int) -> None:
    os.close(say_ready)
    _arm(order)
    story.run(place, told, first=order["first"], attempts=order["attempts"])


def _create(order: dict, place: story.Place, told: story.Told, say_ready: int) -> None:
    """Also the key, where there is none yet; then the story."""
    os.close(say_ready)
    _arm(order)
    if not place.key.exists():
        LocalSigner.generate(place.key)
    place.create().close()
    told.say(-1, created=True)
    if order["first"] >= 0:
        story.run(place, told)


def _rotate(order: dict, place: story.Place, told: story.Told, say_ready: int) -> None:
    """What ``affidavit rotate-key --apply`` does."""
    os.close(say_ready)
    _arm(order)
    story.rotate(place, told)


def _many(order: dict, place: story.Place, told: story.Told, say_ready: int) -> None:
    """Append without end, under a name of its own."""
    os.close(say_ready)
    _arm(order)
    with place.write() as ledger:
        number = order["first"]
        while True:
            told.appended(number, ledger.append(story.alone(order["name"], number), now=story.NOW))
            number += 1


def _sign(order: dict, place: story.Place, told: story.Told, say_ready: int) -> None:
    """The signer's program, as ``affidavit signer`` runs it."""
    key = SigningKey.parse(place.key.read_text().strip())
    memory = Memory.open(place.disk / "signer", key)
    role = Role(memory, (key.public,), lambda: datetime.now(UTC), key.public)
    server = Server(role, listening(f"unix://{order['socket']}"))
    _arm(order)
    os.close(say_ready)
    server.serve_forever()


if __name__ == "__main__":
    main()
