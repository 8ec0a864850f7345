"""Corrected table mappings that are remembered by header, so that the next table with the same
columns needs no correcting.

What is remembered is what belongs to the header: shape, roles, decimal comma, and scales. What a
person typed for a whole table (say, its model) belongs to that file and is asked again; a
remembered scale counts only where the numbers of the new table do not tell it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from data.importers.kit.base import Source
from data.importers.table.mapping import corrected, guess_mapping, header_hash, mapping_from_options
from data.importers.table.reading import TableHead, read_head
from data.records import ImportFormatError
from data.store import Store

PREFIX = "mapping:"
"""Rows of the store's `meta` table, each followed by the hash of the column names."""
OF_THE_HEADER = ("shape", "roles", "decimal_comma", "missing", "scales")


def remembered_mapping(store: Store, head: TableHead) -> dict[str, Any]:
    """What was corrected the last time these columns came, as far as it fits this table; empty
    where nothing is remembered.
    """
    with store.cursor() as cursor:
        rows = cursor.execute(
            "SELECT value FROM meta WHERE key = ?", [PREFIX + header_hash(head)]
        ).fetchall()
    if not rows:
        return {}
    changes: dict[str, Any] = json.loads(rows[0][0])
    try:
        corrected(guess_mapping(head, checked=False), changes, head, checked=False)
    except ImportFormatError:
        return {}  # of another version of Charybdis
    unsure = guess_mapping(head, checked=False).questions
    scales = {name: scale for name, scale in changes.pop("scales", {}).items() if name in unsure}
    return changes | ({"scales": scales} if scales else {})


def remember_mapping(store: Store, head: TableHead, changes: Mapping[str, Any]) -> None:
    """Keep a correction for the next table with these columns, in place of the one kept before."""
    kept = {name: changes[name] for name in OF_THE_HEADER if changes.get(name) is not None}
    if not kept:
        return
    text, key = json.dumps(kept, ensure_ascii=False, sort_keys=True), PREFIX + header_hash(head)
    with store.cursor() as cursor:
        is_kept = cursor.execute(
            "SELECT 1 FROM meta WHERE key = ? AND value = ?", [key, text]
        ).fetchall()
    if not is_kept:
        with store.transaction(changes_catalog=False) as cursor:
            cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, text])


def forget_mapping(store: Store, head: TableHead) -> None:
    """Guess these columns anew from now on. What was imported stays as it is."""
    with store.transaction(changes_catalog=False) as cursor:
        cursor.execute("DELETE FROM meta WHERE key = ?", [PREFIX + header_hash(head)])


def with_remembered(
    store: Store, sources: Iterable[Source]
) -> tuple[tuple[Source, ...], tuple[Source, ...]]:
    """The sources, tables without a mapping of their own with the remembered one; and those of them
    that got one.
    """
    done, changed = [], []
    for source in sources:
        if source.importer == "table" and not mapping_from_options(source.options):
            try:
                mapping = remembered_mapping(store, read_head(source.path))
            except (ImportFormatError, OSError):
                mapping = {}  # the importer says what is wrong with it
            if mapping:
                source = replace(source, options={**source.options, "mapping": mapping})
                changed.append(source)
        done.append(source)
    return tuple(done), tuple(changed)
