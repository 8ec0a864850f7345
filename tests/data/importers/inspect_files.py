"""Small Inspect logs, written by the tests themselves."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import zstandard

HEADER: dict[str, Any] = {
    "version": 2,
    "status": "success",
    "eval": {
        "eval_id": "eval-1",
        "run_id": "run-1",
        "task_id": "task-1",
        "created": "2026-01-02T03:04:05+02:00",
        "task": "my_package/two_sum",
        "dataset": {"name": "sums", "samples": 40},
        "model": "provider/model-a",
        "model_generate_config": {"temperature": 0.5, "seed": 7},
        "config": {"epochs": 1},
        "revision": {"commit": "abc123"},
        "packages": {"inspect_ai": "0.3.285"},
        "scorers": [{"name": "match"}],
    },
    "plan": {"steps": [{"solver": "prompt", "params": {"fewshot": 3}}]},
    "results": {
        "total_samples": 2,
        "completed_samples": 2,
        "scores": [
            {
                "name": "match",
                "scorer": "match",
                "scored_samples": 2,
                "unscored_samples": 0,
                "metrics": {
                    "accuracy": {"name": "accuracy", "value": 0.5},
                    "stderr": {"name": "stderr", "value": 0.5},
                },
            }
        ],
    },
    "stats": {
        "started_at": "2026-01-02T03:04:06+00:00",
        "completed_at": "2026-01-02T03:05:00+00:00",
    },
}


def put(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of a record with the value at a path set; `...` removes it."""
    changed = deepcopy(record)
    *parents, last = path.split(".")
    place: Any = changed
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return changed


def sample(number: int, value: Any = "C", **changes: Any) -> dict[str, Any]:
    """One sample with one score."""
    return {
        "id": f"item-{number}",
        "epoch": 1,
        "input": f"question {number}",
        "target": "5",
        "output": {
            "completion": f"answer {number}",
            "choices": [{"stop_reason": "stop"}],
            "usage": {"input_tokens": 11, "output_tokens": 3},
        },
        "scores": {
            "match": {
                "value": value,
                "answer": f"read {number}",
                "explanation": f"because {number}",
            }
        },
        "metadata": {},
        "total_time": 1.5,
    } | changes


def write_json(
    file: Path, samples: Iterable[dict[str, Any]] = (), header: dict[str, Any] = HEADER
) -> Path:
    """A `.json` log."""
    file.write_text(json.dumps({**header, "samples": list(samples)}), encoding="utf-8")
    return file


def write_eval(
    file: Path,
    samples: Iterable[dict[str, Any]] = (),
    header: dict[str, Any] | None = HEADER,
    *,
    method: int = zipfile.ZIP_DEFLATED,
    more: Iterable[tuple[str, bytes]] = (),
) -> Path:
    """An `.eval` archive; `method` 93 writes Zstandard members, each of two frames. Without a
    header the run was killed.
    """
    members = [
        (
            "_journal/start.json",
            json.dumps({key: HEADER[key] for key in ("version", "eval", "plan")}).encode(),
        )
    ]
    members += [
        (f"samples/{item['id']}_epoch_{item['epoch']}.json", json.dumps(item).encode())
        for item in samples
    ]
    members += more
    if header is not None:
        members.append(("header.json", json.dumps(header).encode()))
    if method == 93:
        file.write_bytes(zstandard_archive(members))
        return file
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file


def zstandard_archive(members: Iterable[tuple[str, bytes]], *, method: int = 93) -> bytes:
    """A ZIP archive with Zstandard members, put together byte by byte, because `zipfile` does not
    write them.
    """
    compressor = zstandard.ZstdCompressor()
    body, contents, n = b"", b"", 0
    for name, content in members:
        half = len(content) // 2
        packed = compressor.compress(content[:half]) + compressor.compress(content[half:])
        place, raw = len(body), name.encode()
        fields = (0, method, 0, 33, zlib.crc32(content), len(packed), len(content), len(raw), 0)
        body += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, *fields) + raw + packed
        contents += (
            struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, *fields, 0, 0, 0, 0, place) + raw
        )
        n += 1
    return (
        body
        + contents
        + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, n, n, len(contents), len(body), 0)
    )
