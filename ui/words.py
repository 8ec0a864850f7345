"""Numbers, times and sizes as a sentence says them."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from data.importers import IMPORTERS


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "run"), counted(1200, "sample"), counted(0, "accuracy", "accuracies")
    ('1 run', '1,200 samples', '0 accuracies')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def listed(words: list[str]) -> str:
    """Words as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def ago(moment: datetime | pd.Timestamp, *, now: datetime | None = None) -> str:
    """How long ago a moment was (UTC, with or without saying so).

    >>> ago(datetime(2025, 1, 1, 12, 0), now=datetime(2025, 1, 1, 12, 3, tzinfo=UTC))
    '3 minutes ago'
    """
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for unit, length_s, until_s in (
        ("minute", 60, 3600),
        ("hour", 3600, 2 * 86400),
        ("day", 86400, 60 * 86400),
    ):
        if seconds < until_s:
            return counted(int(seconds // length_s), unit) + " ago"
    return f"on {moment:%Y-%m-%d}"


def at(moment: datetime | pd.Timestamp) -> str:
    """A moment (UTC) as something says it that is read later.

    >>> at(datetime(2025, 1, 1, 12, 3))
    'at 2025-01-01 12:03 UTC'
    """
    return f"at {moment:%Y-%m-%d %H:%M} UTC"


def size(n_bytes: float) -> str:
    """A file's size.

    >>> size(512), size(2_500_000)
    ('512 B', '2.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000 or unit == "GB":
            break
        n_bytes /= 1000
    return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"


def format_label(name: str) -> str:
    """What a format is called on screen; downloads keep its short word.

    >>> format_label("lm_eval_v04")
    'lm-evaluation-harness 0.4'
    """
    return next((importer.label for importer in IMPORTERS if importer.name == name), str(name))
