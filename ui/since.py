"""What came into the store since a view was saved or a slide was read, and the word of a link that
asks for it.
"""

from __future__ import annotations

import pandas as pd

from analysis.text import ago, counted, listed

SINCE = "since"
"""Word of a link: the store version and the time (s since 1970, UTC) that a view was saved at,
`12.1763722500`.
"""


def changes(
    runs: pd.DataFrame, version: int, saved_version: int, saved_at: pd.Timestamp
) -> str | None:
    """Which runs came in after a view was saved, in words; None where none did.

    Args:
        runs: as data.queries.fetch_runs.
        version: the store's now; saved_version and saved_at: the view's.

    >>> none = pd.DataFrame({"model": [], "added_at": pd.to_datetime([])})
    >>> changes(none, 12, 12, pd.Timestamp("2026-01-01")) is None
    True
    """
    newer = runs[runs["added_at"] > saved_at]
    if version <= saved_version or newer.empty:
        return None
    models = sorted(newer["model"].unique())
    named = listed(models, at_most=4)
    return (
        f"This view was saved {ago(saved_at)}, at store version {saved_version}; it shows version"
        f" {version}. Since then {counted(len(newer), 'run')} of {named} came in."
    )


def news(runs: pd.DataFrame, version: int, read_version: int, read_at: pd.Timestamp) -> str | None:
    """What came in since slides were read, for the room that looks at them; None where nothing did.
    Arguments as `changes`.

    >>> runs = pd.DataFrame({"model": ["a"], "added_at": pd.to_datetime(["2026-01-02"])})
    >>> print(news(runs, 8, 7, pd.Timestamp("2026-01-01")).replace(" (", "\\n("))
    Newer data: 1 run of a came in since these slides were read
    (store version 7, now 8). They stay as they are until they are refreshed.
    """
    newer = runs[runs["added_at"] > read_at]
    if version <= read_version or newer.empty:
        return None
    models = sorted(newer["model"].unique())
    named = listed(models, at_most=4)
    they = "They stay as they are until they are refreshed."
    when = f"since these slides were read (store version {read_version}, now {version})"
    return f"Newer data: {counted(len(newer), 'run')} of {named} came in {when}. {they}"


def since_word(version: int, moment: pd.Timestamp) -> str:
    """Version and time as one word of a link.

    >>> since_word(12, pd.Timestamp("2026-01-01"))
    '12.1767225600'
    """
    return f"{version}.{int(pd.Timestamp(moment).timestamp())}"


def read_since(word: str) -> tuple[int, pd.Timestamp] | None:
    """What `since_word` wrote; None for anything else.

    >>> read_since("12.1767225600")
    (12, Timestamp('2026-01-01 00:00:00'))
    """
    version, _, seconds = word.partition(".")
    if not (
        version.isdecimal() and seconds.isdecimal() and len(seconds) <= 11 and len(version) <= 9
    ):
        return None
    return int(version), pd.Timestamp(int(seconds), unit="s")
