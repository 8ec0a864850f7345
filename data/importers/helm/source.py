"""HELM: one run folder (`run_spec.json` with `stats.json`) is one run of one scenario.

The folder's name is never parsed: copies rename it. Statistics come for each split, and again for
perturbations even where none was applied, so only the unperturbed ones of the main split (test,
else valid) have no subset. HELM states no standard error of its own: what it calls a deviation is
over train trials. Here it is computed over instances.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from data.importers.helm.samples import LISTS, STAT, VERDICTS, AnswerReader, Indexed, index
from data.importers.kit.base import Batch, Listing, ReportReject, RunNotice, Source, stable_run_id
from data.importers.kit.field_map import (
    COUNT,
    LIST,
    NUMBER,
    TABLE,
    TEXT,
    BadFieldError,
    Mapped,
    mapped,
    pick,
    read_fields,
    read_leniently,
)
from data.importers.kit.json_parts import decode as decode_record
from data.importers.kit.json_parts import load_object, read_spans, split_json
from data.importers.kit.metrics import points_up, value_scale
from data.importers.kit.recount import Recount, agrees
from data.importers.kit.values import shorten
from data.records import ImportFormatError, Reject, RunInfo, RunStatus, Score

HARNESS = "helm"
BATCH_ROWS = 1000
_EXPECTED = "run_spec.json of a HELM run"
MAIN_METRICS = (*VERDICTS[:2], "f1_score", "rouge_l", *VERDICTS[4:], "ndcg_cut_10", "bits_per_byte")
"""Where the suite's schema does not say which metric counts: the first of these that there is."""
BOOKKEEPING = re.compile(
    r"num_|finish_reason_|training_|inference_|batch_size|max_prob|prompt_truncated|predicted_index|cached"
)
"""Statistics about the requests, not about the answers."""
_NO_SHARE = re.compile(r"logprob|perplexity|bits_per_byte|num_|_cost|runtime")
_FILES = ("run_spec.json", "stats.json", "scenario.json", *(name for name, _ in LISTS.values()))

RUN: tuple[Mapped, ...] = (
    mapped("name", "name", TEXT, is_required=True),
    mapped(
        "model_raw", "adapter_spec.model | adapter_spec.model_deployment", TEXT, is_required=True
    ),
    mapped("scenario", "scenario_spec.class_name", TEXT),
    mapped("groups", "groups", LIST),
    mapped("n_shot", "adapter_spec.max_train_instances", COUNT),
    mapped("sample_limit", "adapter_spec.max_eval_instances", NUMBER),
    mapped("n_trials", "adapter_spec.num_train_trials", COUNT),
    mapped("adapter", "adapter_spec", TABLE),
)
"""Fields of `run_spec.json`."""
_GENERATION = (
    "method",
    "temperature",
    "max_tokens",
    "num_outputs",
    "stop_sequences",
    "random",
    "instructions",
)


class HelmImporter:
    """Reads HELM run folders; contract of `data.importers.kit.base.Importer`."""

    name = "helm"
    label = "HELM"
    version = 1

    def claim(self, listing: Listing) -> list[Source]:
        """One source per run folder."""
        by_folder: dict[Path, dict[str, Path]] = {}
        for file in listing.files:
            if file.name in _FILES:
                by_folder.setdefault(file.parent, {})[file.name] = file
        sources = []
        for folder, files in by_folder.items():
            spec = files.get("run_spec.json")
            if (
                spec is None
                or not _is_run_spec(listing.heads[spec])
                or not {"stats.json", "scenario_state.json", "per_instance_stats.json"} & set(files)
            ):
                continue
            sources.append(Source(self.name, folder, tuple(sorted(files.values()))))
        return sources

    def read(self, source: Source, report: ReportReject) -> Iterator[Batch]:
        """The run, its answers, its statistics, and where they contradict each other."""
        folder = source.path if source.path.is_dir() else source.path.parent
        spec = load_object(folder / "run_spec.json", expected=_EXPECTED)
        try:
            facts = read_leniently(spec, RUN, report, "run_spec.json", "run_spec")
        except BadFieldError as cause:
            raise ImportFormatError(
                f"{folder / 'run_spec.json'}: {cause}. Expected is {_EXPECTED}."
            ) from cause
        stats = _read_stats(folder, report)
        lists = {
            part: found for part in LISTS if (found := index(folder, part, report)) is not None
        }
        splits = dict.fromkeys(split for stat in stats if (split := stat.get("split")))
        main = (
            "test"
            if "test" in splits or not splits
            else next(iter(splits))
            if "valid" not in splits
            else "valid"
        )
        metric = _main_metric(folder, facts, stats, main, lists)
        run = _run_info(folder, facts, stats, lists, main)
        yield run
        recount = Recount(has_repeats=facts.get("n_trials", 2) > 1)
        reader = AnswerReader(
            run_id=run.run_id,
            task=_task(facts["name"]),
            main_split=main,
            main_metric=metric,
            lists=lists,
            recount=recount,
            report=report,
        )
        rows = reader.rows()
        while batch := list(islice(rows, BATCH_ROWS)):
            yield batch
        warnings: list[str] = []
        scores = _scores(run.run_id, reader, stats, warnings)
        if scores:
            yield scores
        if warnings:
            yield RunNotice(run.run_id, tuple(warnings))


IMPORTER = HelmImporter()


def _is_run_spec(head: bytes) -> bool:
    return (
        head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
        and b'"scenario_spec"' in head
        and b'"adapter_spec"' in head
    )


def _task(name: str) -> str:
    """The run's name up to its model."""
    return re.split(r"[,:]?model=", name, maxsplit=1)[0] or name


def _read_stats(folder: Path, report: ReportReject) -> list[dict[str, Any]]:
    file = folder / "stats.json"
    if not file.is_file():
        return []
    spans = split_json(file, expected="stats.json of a HELM run").spans.get("")
    if spans is None:
        raise ImportFormatError(f"{file} holds no list. Expected is stats.json of a HELM run.")
    found = []
    for place, text in enumerate(read_spans(file, spans)):
        try:
            found.append(read_fields(decode_record(text or b""), STAT))
        except BadFieldError as cause:
            report(cause.at(file.name, f"[{place}]"))
        except (ValueError, RecursionError) as cause:
            report(Reject(file.name, f"[{place}]", "record", shorten(str(cause)), "one statistic"))
    return found


def _main_metric(
    folder: Path,
    facts: Mapping[str, Any],
    stats: list[dict[str, Any]],
    main: str,
    lists: Mapping[str, Indexed],
) -> str | None:
    """The metric that counts: as the suite's schema says for the run's groups, else the first
    well-known one of the answers.
    """
    present = {
        stat["metric"] for stat in stats if stat.get("split") == main and "perturbation" not in stat
    }
    if not present and "stats" in lists and lists["stats"].order:
        with lists["stats"].file.open("rb") as stream:
            first = next(lists["stats"].read(lists["stats"].order[0], stream), None)
        present = {str(pick(stat, "name.name")) for stat in pick(first, "stats") or ()}
    named = [name for name in _schema_metrics(folder, facts.get("groups", [])) if name in present]
    return next(iter([*named, *(name for name in MAIN_METRICS if name in present)]), None)


def _schema_metrics(folder: Path, groups: list[Any]) -> list[str]:
    file = folder.parent / "schema.json"
    if not file.is_file() or file.is_symlink():
        return []
    try:
        listed = load_object(file, expected="schema.json of a HELM suite").get("run_groups")
    except ImportFormatError:  # without it the metric is told by its name
        return []
    found = [
        pick(group, "environment.main_name")
        for group in (listed if isinstance(listed, list) else [])
        if pick(group, "name") in groups
    ]
    return [name for name in found if isinstance(name, str)]


# -- the run ---------------------------------------------------------------------------------------


def _run_info(
    folder: Path,
    facts: Mapping[str, Any],
    stats: list[dict[str, Any]],
    lists: Mapping[str, Indexed],
    main: str,
) -> RunInfo:
    warnings = []
    adapter = facts.get("adapter", {})
    if "sample_limit" in facts:
        warnings.append(
            f"at most {facts['sample_limit']:g} instances were asked (max_eval_instances)"
        )
    requested = facts.get("n_shot")
    used = next(
        (
            s.get("value")
            for s in stats
            if (s["metric"], s.get("split")) == ("num_train_instances", main)
            and "perturbation" not in s
        ),
        None,
    )
    n_shot = requested
    if used is not None and used != requested:
        warnings.append(f"{requested} examples in the prompt requested, {used:g} used on average")
        n_shot = int(used) if used % 1 == 0 else None
    status = RunStatus.SUCCESS
    if not (folder / "stats.json").is_file():
        status = RunStatus.STARTED
        warnings.append("the folder has no stats.json: the run was killed or still goes on")
    dates = _dates(folder, lists.get("state"))
    digest = [
        sha256((folder / name).read_bytes()).hexdigest()
        for name in ("run_spec.json", "stats.json")
        if (folder / name).is_file()
    ]
    groups = [str(group) for group in facts.get("groups", [])]
    scenario = facts.get("scenario", "").rpartition(".")[2]
    return RunInfo(
        run_id=stable_run_id(IMPORTER.name, *digest),
        model_raw=facts["model_raw"],
        format=IMPORTER.name,
        harness=HARNESS,
        status=status,
        benchmark=groups[0] if groups else scenario or None,
        started_at=dates[0],
        finished_at=dates[1],
        date_source=dates[2],
        n_shot=n_shot,
        sample_limit=facts.get("sample_limit"),
        source_path=str(folder),
        generation={
            name: adapter[name] for name in _GENERATION if adapter.get(name) not in (None, "", [])
        },
        metadata={
            "run_spec": load_object(folder / "run_spec.json", expected=_EXPECTED),
            "suite": folder.parent.name,
            "main_split": main,
        },
        warnings=tuple(warnings),
    )


def _dates(
    folder: Path, states: Indexed | None
) -> tuple[datetime | None, datetime | None, str | None]:
    """From the requests, which may have been answered by a cache years before; else from the
    suite's summary.
    """
    if states is not None and states.first_time is not None and states.last_time is not None:
        first, last = (
            datetime.fromtimestamp(time, UTC).replace(tzinfo=None)
            for time in (states.first_time, states.last_time)
        )
        return first, last, "request_datetime (may be from a cache)"
    summary = folder.parent / "summary.json"
    if summary.is_file() and not summary.is_symlink():
        try:
            return (
                None,
                datetime.fromisoformat(
                    str(load_object(summary, expected="summary.json").get("date"))
                ),
                "summary.json of the suite",
            )
        except (ImportFormatError, ValueError):
            return None, None, None
    return None, None, None


# -- scores ----------------------------------------------------------------------------------------


def _scores(
    run_id: str, reader: AnswerReader, stats: list[dict[str, Any]], warnings: list[str]
) -> list[Score]:
    """A score per statistic, in the file's order."""
    ns = {_where(stat): stat.get("value") for stat in stats if stat["metric"] == "num_instances"}
    scores = []
    for stat in stats:
        split, perturbation = stat.get("split"), stat.get("perturbation")
        subset = " ".join(
            [
                *([split] if split and split != reader.main_split else []),
                *([_perturbed(perturbation)] if perturbation else []),
            ]
        )
        is_bookkeeping = BOOKKEEPING.match(stat["metric"]) is not None
        value = stat.get("value")
        scale, value01 = (
            ("raw", None)
            if _NO_SHARE.search(stat["metric"]) or is_bookkeeping
            else value_scale(stat["metric"], value)
        )
        n = ns.get(_where(stat))
        metadata = {
            "split": split,
            "perturbation": perturbation,
            "n_trials": stat.get("count"),
            "stddev_over_trials": stat.get("stddev"),
            "bookkeeping": is_bookkeeping or None,
            "main": (stat["metric"] == reader.main_metric and not subset) or None,
        }
        score = Score(
            run_id=run_id,
            task=reader.task,
            metric=stat["metric"],
            value=value,
            subset=subset or None,
            scale=scale,
            value01=value01,
            n=int(n) if n is not None and n % 1 == 0 else None,
            n_kind="reported" if n is not None and n % 1 == 0 else None,
            higher_is_better=(
                None
                if is_bookkeeping
                else True
                if stat["metric"] in VERDICTS
                else points_up(stat["metric"])
            ),
            metadata={name: found for name, found in metadata.items() if found is not None},
        )
        if not is_bookkeeping and not perturbation:
            score = _held_against(
                score, reader.recount, None if split == reader.main_split else split, warnings
            )
        scores.append(score)
    return scores


def _where(stat: Mapping[str, Any]) -> tuple[Any, str]:
    return stat.get("split"), _perturbed(stat.get("perturbation"))


def _perturbed(perturbation: Any) -> str:
    """Name of a perturbation, and which of the instance's versions it was computed on."""
    if not perturbation:
        return ""
    on = perturbation.get("computed_on")
    return f"{perturbation.get('name', 'perturbed')}{f' ({on})' if on else ''}"


def _held_against(
    score: Score, recount: Recount, variant: str | None, warnings: list[str]
) -> Score:
    counted = recount.mean((variant, score.metric))
    if counted is None or score.value is None:
        return score
    if not agrees(score.value, counted.value):
        where = f" ({score.subset})" if score.subset else ""
        warnings.append(
            f"{score.metric}{where}: {score.value:.6g} reported, {counted.value:.6g} from the"
            " instances"
        )
        return replace(score, flag="disagrees_with_samples")
    if score.n is None:
        score = replace(score, n=counted.n, n_kind="counted")
    return (
        score
        if counted.stderr is None
        else replace(score, stderr=counted.stderr, stderr_kind="recomputed")
    )
