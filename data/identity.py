"""Which names mean the same model, and which runs are one run: suggested with a reason, decided by
a person, undone by a click.

What a person decides is kept in the store apart from the catalog (row `model_names` of `meta`), so
that an edited catalog does not undo it; the table `model_aliases`, which every import asks, holds
the catalog's names with these decisions laid over them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import duckdb
import pandas as pd

from data.catalog import read_catalog
from data.queries.identity import fetch_fingerprints, fetch_model_names, fetch_stated_scores
from data.records import CharybdisError
from data.store import NEXT_VERSION, Store

NAMES_KEY, APART_KEY = "model_names", "models_apart"
"""Rows of `meta`: decided names ({name: model}), and pairs of models that a person said are two."""
FEW_SAMPLES = 10
"""Fewer equal outcomes than these may be chance, and count only with equal texts."""
SAME_VALUE = 1e-6


# -- decisions -------------------------------------------------------------------------------------


def merge_models(store: Store, names: Iterable[str], into: str) -> int:
    """Let the runs of these models be runs of `into`, and so the runs that come later under any of
    their names. Returns how many moved.

    All of it is stored in one transaction, or nothing. `split_model` takes a name out again.

    Raises:
        CharybdisError: a model is not known, or nothing but `into` is named.
    """
    merged = sorted(set(names) - {into})
    if not merged:
        raise CharybdisError(
            f"Name another model to be merged into {into}; one model alone has nothing to merge."
        )
    with store.transaction() as cursor:
        keys = dict(cursor.execute("SELECT model, model_key FROM models").fetchall())
        if unknown := [name for name in (*merged, into) if name not in keys]:
            raise CharybdisError(
                f"No model {', '.join(map(repr, unknown))} is stored. The runs page lists the"
                " models there are."
            )
        old_keys = [keys[name] for name in merged]
        rows = cursor.execute(
            "SELECT model_raw FROM runs WHERE model_key IN (SELECT unnest($keys::INTEGER[])) UNION"
            " SELECT alias FROM model_aliases WHERE model IN (SELECT unnest($models::VARCHAR[]))",
            {"keys": old_keys, "models": merged},
        ).fetchall()
        _decide(
            cursor, {**{name: into for (name,) in rows}, **dict.fromkeys(merged, into), into: into}
        )
        ((n_moved,),) = cursor.execute(
            f"UPDATE runs SET version = {NEXT_VERSION}, model_key = ? WHERE model_key IN (SELECT"
            " unnest(?::INTEGER[]))",
            [keys[into], old_keys],
        ).fetchall()
    return int(n_moved)


def split_model(store: Store, raw_name: str) -> str:
    """Take a name out of its model, with the runs that were imported under it and those that will
    be. Returns the model it means then.

    A merge is undone: the name means what the catalog says, if that is another model than now, else
    a model of its own. A model of the catalog takes the other names along that the catalog has for
    it. One transaction.

    Raises:
        CharybdisError: the name is not known, or it is a model of its own already.
    """
    by_catalog: dict[str, str] = dict(read_catalog().model_aliases.itertuples(index=False))
    with store.transaction() as cursor:
        present = dict(cursor.execute("SELECT alias, model FROM model_aliases").fetchall())
        is_used = bool(
            cursor.execute("SELECT 1 FROM runs WHERE model_raw = ? LIMIT 1", [raw_name]).fetchall()
        )
        if not is_used and raw_name not in present:
            raise CharybdisError(
                f"No run came under the name {raw_name!r}. The runs page lists the names there are."
            )
        now = str(present.get(raw_name, raw_name))
        if now == raw_name:
            raise CharybdisError(f"{raw_name} is a model of its own already.")
        model = by_catalog.get(raw_name, raw_name)
        model = raw_name if model == now else model
        if model != raw_name and present.get(model, model) != model:
            model = raw_name  # the catalog's model was itself merged away
        cursor.execute(
            "INSERT INTO models (model_key, model) SELECT nextval('keys'), $m WHERE $m NOT IN"
            " (SELECT model FROM models)",
            {"m": model},
        )
        # With a model of the catalog go the other names that the catalog has for it.
        names = [
            raw_name,
            *(
                alias
                for alias, owner in by_catalog.items()
                if owner == raw_name == model and present.get(alias) == now
            ),
        ]
        _decide(cursor, dict.fromkeys(names, model))
        cursor.execute(
            f"UPDATE runs SET version = {NEXT_VERSION}, model_key = (SELECT model_key FROM models"
            " WHERE model = ?) WHERE model_raw IN (SELECT unnest(?::VARCHAR[]))",
            [model, names],
        )
    return model


def keep_apart(store: Store, first: str, second: str) -> None:
    """Remember that these two models are two, so that they are not suggested again."""
    with store.transaction() as cursor:
        pairs = {tuple(pair) for pair in json.loads(_read(cursor, APART_KEY) or "[]")} | {
            tuple(sorted((first, second)))
        }
        _write(cursor, APART_KEY, json.dumps(sorted(pairs)))


def apart(store: Store) -> frozenset[tuple[str, str]]:
    """Pairs of models, each in order, that a person said are two."""
    with store.cursor() as cursor:
        return frozenset(
            (first, second) for first, second in json.loads(_read(cursor, APART_KEY) or "[]")
        )


def decided_names(store: Store) -> dict[str, str]:
    """Names that a person decided on, each with its model."""
    with store.cursor() as cursor:
        return dict(json.loads(_read(cursor, NAMES_KEY) or "{}"))


def lay_over(cursor: duckdb.DuckDBPyConnection) -> None:
    """Put the decided names over those of a catalog that was just taken over; for `data.bootstrap`,
    inside its transaction.
    """
    for name, model in json.loads(_read(cursor, NAMES_KEY) or "{}").items():
        cursor.execute("INSERT OR REPLACE INTO model_aliases VALUES (?, ?)", [name, model])


def _decide(cursor: duckdb.DuckDBPyConnection, names: dict[str, str]) -> None:
    decided = json.loads(_read(cursor, NAMES_KEY) or "{}") | names
    _write(cursor, NAMES_KEY, json.dumps(decided, ensure_ascii=False, sort_keys=True))
    for name, model in names.items():
        cursor.execute("INSERT OR REPLACE INTO model_aliases VALUES (?, ?)", [name, model])


def _read(cursor: duckdb.DuckDBPyConnection, key: str) -> str | None:
    rows = cursor.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return rows[0][0] if rows else None


def _write(cursor: duckdb.DuckDBPyConnection, key: str, text: str) -> None:
    cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, text])


# -- models that may be one ------------------------------------------------------------------------

_DTYPE = re.compile(r"[-_.](float16|float32|bfloat16|fp16|fp32|bf16|half)$", re.IGNORECASE)
_ENDING = re.compile(r"[-_]hf$", re.IGNORECASE)
_SERVED_BY = re.compile(
    r"^(hf|huggingface|vllm|transformers|local|openai-api|together|ollama)/(?=.)", re.IGNORECASE
)
_HUB_FOLDER = re.compile(r"models--([^/]+?)--([^/]+)")
_FOLDER_OF_WEIGHTS = re.compile(
    r"^([0-9a-f]{8,64}|final|model|weights|main|snapshots|hf|last|best)$", re.IGNORECASE
)
_BETWEEN = re.compile(r"[-_ ]+")
_PATH = re.compile(r"^([/~.]|[A-Za-z]:[\\/])|[/\\].*[/\\]")


def suggest_same(models: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Models that may be one, each with the reason; nothing is changed.

    Args:
        models: model str, family str|None (of models of the catalog), n_params float; further rows
            of a model count once.

    Returns: (model to merge, model to keep, reason), by model. Two models of the catalog are two
        and never suggested. The kept one is the catalog's, else the shorter name. Quantised
        weights, revisions and versions are no mere spelling and stay apart.
    """
    known = models.drop_duplicates("model").set_index("model")
    in_catalog = {str(model) for model in known.index[known["family"].notna()]}
    by_bare: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for model in map(str, known.index):
        bare, taken = bare_name(model)
        by_bare[bare].append((model, taken))
    found: dict[tuple[str, str], str] = {}
    for bare, group in by_bare.items():
        group.sort(key=lambda item: (item[0] not in in_catalog, len(item[0]), item[0]))
        kept = [item for item in group if item[0] in in_catalog] or group[:1]
        for one, other in product(kept, group):
            if other[0] not in in_catalog and other != one:
                found[other[0], one[0]] = _spelling(bare, *one, *other)
    for pair, reason in _same_size(known, in_catalog):
        found.setdefault(pair, reason)
    return [(merged, kept, reason) for (merged, kept), reason in sorted(found.items())]


def bare_name(name: str) -> tuple[str, list[str]]:
    """A model's name without what sources add to it, and what was taken off, in words.

    >>> bare_name("hf/meta-llama/Llama-2-7b-hf")
    ('llama2-7b', ["'hf/'", "the organisation 'meta-llama/'", "the ending '-hf'"])
    >>> bare_name("/data/models/Qwen1.5-7B_bf16/")
    ('qwen1.5-7b', ["the folder '/data/models/'", "the dtype '_bf16'"])
    """
    taken: list[str] = []
    rest = name.strip()
    if served := _SERVED_BY.match(rest):
        taken.append(f"'{served[0]}'")
        rest = rest[served.end() :]
    rest = _without_folder(rest, taken)
    for pattern, word in ((_DTYPE, "dtype"), (_ENDING, "ending"), (_DTYPE, "dtype")):
        if end := pattern.search(rest):
            taken.append(f"the {word} '{end[0]}'")
            rest = rest[: end.start()]
    joined = _BETWEEN.sub("-", rest.lower())
    # A dash between two digits tells numbers apart (gemma-2-7b is not gemma-27b); any other is a
    # matter of spelling.
    return re.sub(r"(?<!\d)-|-(?!\d)", "", joined) or name, taken


def _without_folder(name: str, taken: list[str]) -> str:
    hub = _HUB_FOLDER.search(name)
    if hub:
        taken.append("the folder of the hub's cache")
        return hub[2]
    if _PATH.search(name):
        parts = [part for part in re.split(r"[/\\]", name) if part]
        while len(parts) > 1 and _FOLDER_OF_WEIGHTS.match(parts[-1]):
            parts.pop()
        taken.append(f"the folder '{name[: name.rfind(parts[-1])]}'")
        return parts[-1]
    for between in ("/", "__"):
        organisation, found, rest = name.partition(between)
        if found and organisation and rest:
            taken.append(f"the organisation '{organisation}{between}'")
            return rest
    return name


def _spelling(
    bare: str, kept: str, off_kept: Sequence[str], merged: str, off_merged: Sequence[str]
) -> str:
    without = list(dict.fromkeys([*off_merged, *off_kept]))
    if not without:
        return f"the names differ only in capitals and dashes (both read {bare!r})"
    return f"without {' and '.join(without)} both read {bare!r}"


def _same_size(known: pd.DataFrame, in_catalog: set[str]) -> Iterator[tuple[tuple[str, str], str]]:
    """Models the catalog does not know, of exactly as many parameters as the only catalog model of
    that family and size.
    """
    families = known.dropna(subset=["family", "n_params"])
    for model, n_params in known["n_params"].dropna().items():
        if model in in_catalog:
            continue
        bare = bare_name(str(model))[0]
        alike = [
            (str(other), str(family))
            for other, family, size in zip(
                families.index, families["family"], families["n_params"], strict=True
            )
            if size == n_params and bare_name(str(family))[0] in bare
        ]
        if len(alike) == 1:
            ((other, family),) = alike
            yield (
                (str(model), other),
                (
                    f"its runs state {int(n_params):,} parameters, as {other} has, and its name has"
                    f" {family!r} in it"
                ),
            )


# -- runs that may be one --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SameRuns:
    """Two stored runs of one model that are probably one. `first` came in before `second`."""

    model: str
    first: str
    second: str
    first_format: str
    second_format: str
    reason: str


def same_runs(prints: pd.DataFrame, scores: pd.DataFrame) -> list[SameRuns]:
    """Runs of one model that are probably one run, imported twice or in two formats; nothing is
    changed.

    Args:
        prints: as `fetch_fingerprints`. Two runs match when all their answers are to the same
            instances with the same outcomes: at least FEW_SAMPLES of them with more than one
            outcome among them, or with the same texts.
        scores: as `fetch_stated_scores`. Two runs of two formats that no answers compare match when
            every number that both state is the same to within 1e-6; numbers that are all 0 or 1
            tell nothing.

    Runs whose checkpoint, step or number of shots are both known and differ never match.
    """
    found: dict[tuple[str, str], SameRuns] = {}
    for _, group in prints.groupby(["model", "outcomes", "n_samples"], sort=False):
        for one, other in combinations(_records(group), 2):
            if _may_be_one(one, other) and (reason := _same_answers(one, other)):
                found[one["run_id"], other["run_id"]] = _pair(one, other, reason)
    sampled = dict(zip(prints["run_id"], prints["n_samples"], strict=True))
    for _, group in scores.groupby("model", sort=False):
        runs = [
            (_records(rows.head(1))[0], rows.set_index("place")["value"])
            for _, rows in group.groupby("run_id", sort=False)
        ]
        for (one, mine), (other, theirs) in combinations(runs, 2):
            pair = (one["run_id"], other["run_id"])
            is_compared = pair in found or pair[::-1] in found
            if one["format"] == other["format"] or is_compared or not _may_be_one(one, other):
                continue
            if sampled.get(pair[0], -1) != sampled.get(pair[1], -1) and set(pair) <= set(sampled):
                continue  # both have answers, of different number
            if reason := _same_numbers(mine, theirs):
                found[pair] = _pair(one, other, reason)
    return list(found.values())


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _may_be_one(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        pd.isna(one[name]) or pd.isna(other[name]) or one[name] == other[name]
        for name in ("checkpoint", "step", "n_shot")
    )


def _same_answers(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    n_samples = int(one["n_samples"])
    same_texts = isinstance(one["responses"], str) and one["responses"] == other["responses"]
    if not same_texts and (n_samples < FEW_SAMPLES or one["n_kinds"] < 2):
        return None
    texts = " and the same texts" if same_texts else ""
    return f"the same outcomes{texts} on the same {n_samples:,} instances"


def _same_numbers(mine: pd.Series, theirs: pd.Series) -> str | None:
    both = mine.index.intersection(theirs.index)
    values = mine[both].to_numpy(dtype=float)
    if (
        not len(both)
        or set(values) <= {0.0, 1.0}
        or abs(values - theirs[both].to_numpy(dtype=float)).max() > SAME_VALUE
    ):
        return None
    return (
        f"all {len(both):,} numbers that both state are equal"
        if len(both) > 1
        else "the one number that both state is equal"
    )


def _pair(one: dict[str, Any], other: dict[str, Any], reason: str) -> SameRuns:
    return SameRuns(
        model=one["model"],
        first=one["run_id"],
        second=other["run_id"],
        first_format=one["format"],
        second_format=other["format"],
        reason=reason,
    )


def suggested_merges(store: Store) -> list[tuple[str, str, str]]:
    """`suggest_same` over the models with results, without the pairs that a person said are two."""
    two = apart(store)
    names = fetch_model_names(store)
    used = set(names["model"][names["n_runs"] > 0])
    return [
        row
        for row in suggest_same(names)
        if row[0] in used and (min(row[:2]), max(row[:2])) not in two
    ]


def suggested_same_runs(store: Store) -> list[SameRuns]:
    """`same_runs` over everything that is stored."""
    return same_runs(fetch_fingerprints(store), fetch_stated_scores(store))
