"""``mlflow-artifacts``: hashing the artifacts of a run as the collector does, against downloading the same bytes.

Both speak to one real MLflow server that proxies its artifacts. The other side lists them likewise, reads each file
over one connection and drops the bytes.
"""

from __future__ import annotations

from statistics import median
from time import perf_counter
from urllib.parse import quote

import requests

from affidavit.collect.artifacts import Artifacts
from affidavit.collect.rest import Api
from bench import trackers
from bench.measurement import ROUNDS, Measurement, NotComparable

BOUND = 1.2
FILES, FILE_BYTES = 20, 8 * 2**20
_API = "/api/2.0/mlflow-artifacts/artifacts"


def measure(*, quick: bool = False) -> Measurement:
    """Medians of :data:`ROUNDS` rounds; in each, both sides in turns."""
    size = 2**20 if quick else FILE_BYTES
    with trackers.server() as tracker:
        root = "bench/artifacts"
        for number in range(FILES):
            content = bytes([number]) * size
            requests.put(f"{tracker.url}{_API}/{root}/{number:02}.bin", data=content, timeout=60).raise_for_status()
        with Api(tracker.connection, product="MLflow") as api:
            rounds = [(_hashed(api, root, size), _downloaded(tracker.url, root, size)) for _ in range(ROUNDS)]
    ours, other = (median(side) for side in zip(*rounds, strict=True))
    whole = FILES * size
    sizes = {"files": FILES, "bytes": whole, "rounds": ROUNDS, "megabytes_per_second": whole / ours / 1e6}
    return Measurement("mlflow-artifacts", ours, other, "seconds", BOUND, sizes)


def _hashed(api: Api, root: str, size: int) -> float:
    start = perf_counter()
    tree = Artifacts(api).tree(f"mlflow-artifacts:/{root}")
    taken = perf_counter() - start
    if tree is None or tree.sha256 is None or tree.json()["bytes"] != FILES * size:
        raise NotComparable("the artifacts were not hashed whole")
    return taken


def _downloaded(url: str, root: str, size: int) -> float:
    start, read = perf_counter(), 0
    with requests.Session() as session:
        session.headers["Accept-Encoding"] = "identity"
        listing = session.get(f"{url}{_API}", params={"path": root}, timeout=60).json()["files"]
        for each in listing:
            with session.get(f"{url}{_API}/{root}/{quote(each['path'])}", stream=True, timeout=60) as answer:
                for piece in answer.iter_content(2**18):
                    read += len(piece)
    taken = perf_counter() - start
    if read != FILES * size:
        raise NotComparable(f"{read:,} bytes were downloaded")
    return taken
