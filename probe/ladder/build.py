"""`make ladder`: train and evaluate every rung. Finished parts are skipped, so the build can be
stopped and resumed.

`build/ladder/<model>/` contains intermediate checkpoints and samples. The shipped files are written
when they are complete: weights in `probe/ladder/weights/<model>/`, the runs of all models with
every sample in `data/ladder/runs.parquet`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from safetensors.torch import load_file, save_file

from data.importers.charybdis.source import IMPORTER
from data.importers.kit.base import Batch, Source
from data.interchange import write_parquet
from data.records import RunInfo
from probe.ladder.evaluate import Moment, evaluate
from probe.ladder.sizes import RUNGS, TRAIN_TOKENS, Rung, every_model, model_name
from probe.ladder.stream import token_examples
from probe.ladder.train import Checkpoint, Stream, describe, new_model, save, train
from probe.models.hf import LocalModel
from probe.models.weights import checkpoint_of

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "ladder"
WEIGHTS = Path(__file__).parent / "weights"
SHIPPED_RUNS = ROOT / "data" / "ladder" / "runs.parquet"
"""One file: every model answered the same instances, and in one file each prompt is written once (9
MB instead of 14).
"""
SHIPPED_EFFORT = 19
"""zstd level of the shipped file: an eighth smaller than the default, and as fast to read."""
TRAINED, SAMPLES = "trained.json", "samples.parquet"
"""Written last: their presence in a folder marks a finished training, and a finished evaluation."""


def say(text: str) -> None:
    """A progress line, with the time."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stderr.flush()


def train_model(rung: Rung, seed: int, work: Path = WORK, weights: Path = WEIGHTS) -> None:
    """Train one model unless it is trained already; keep its checkpoints under `work` and its
    weights under `weights`.
    """
    name = model_name(rung, seed)
    folder = work / name
    if (folder / TRAINED).is_file() and (weights / name / "model.safetensors").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    steps: list[dict[str, Any]] = []
    began = time.monotonic()

    def keep(checkpoint: Checkpoint) -> None:
        steps.append({"step": checkpoint.step, "tokens": checkpoint.tokens, **describe(checkpoint)})
        minutes = (time.monotonic() - began) / 60
        left = minutes * (TRAIN_TOKENS / checkpoint.tokens - 1)
        say(
            f"{name}  {checkpoint.tokens / 1e6:.2f} M tokens  loss per answer token"
            f" {checkpoint.answer_loss:.3f}  {checkpoint.cpu_seconds:.0f} CPU s  about {left:.1f}"
            " min left"
        )
        state = {
            key: value.contiguous().clone()
            for key, value in checkpoint.model.state_dict().items()
            if key != "lm_head.weight"
        }
        save_file(state, folder / f"step-{checkpoint.step}.safetensors")

    model = train(rung, seed, keep, _stream(seed, work))
    save(model, weights / name, rung, seed)
    facts = {"rung": rung.name, "seed": seed, "steps": steps, "torch": torch.__version__}
    (folder / TRAINED).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def _stream(seed: int, work: Path) -> Stream:
    """The training instances of a seed; all rungs share them, so they are made once."""
    file = work / f"stream-{seed}.npz"
    if not file.is_file():
        say(f"making the training instances of seed {seed}")
        rows, prompts = token_examples(seed, TRAIN_TOKENS)
        part = file.with_suffix(".part.npz")
        np.savez(
            part,
            ids=np.concatenate(rows),
            lengths=np.array([len(row) for row in rows]),
            prompts=np.array(prompts),
        )
        part.replace(file)
    with np.load(file) as stored:
        ends = np.cumsum(stored["lengths"])[:-1]
        return np.split(stored["ids"], ends), stored["prompts"].tolist()


# -- evaluation ------------------------------------------------------------------------------------


def evaluate_model(rung: Rung, seed: int, work: Path = WORK, weights: Path = WEIGHTS) -> None:
    """Evaluate one trained model and its checkpoints unless they are evaluated already."""
    name = model_name(rung, seed)
    folder = work / name
    if (folder / SAMPLES).is_file():
        return
    torch.set_num_threads(1)
    began = time.process_time()
    steps = json.loads((folder / TRAINED).read_text(encoding="utf-8"))["steps"]
    batches: list[Batch] = []
    for facts in steps:
        is_last = facts is steps[-1]
        source = (
            weights / name
            if is_last
            else _unpack(rung, seed, folder / f"step-{facts['step']}.safetensors")
        )
        model = LocalModel(str(source), ref=f"ladder:{name}", device="cpu", dtype="float32")
        known = {key: facts[key] for key in ("answer_loss", "train_cpu_seconds")}
        moment = Moment(facts["step"], facts["tokens"], checkpoint_of(source), known, is_last)
        batches += list(evaluate(model, rung, seed, moment))
        model.close()
    written = write_parquet(folder / SAMPLES, batches)
    say(
        f"{name}  {written.samples} samples in {written.runs} runs "
        f" {time.process_time() - began:.0f} CPU s"
    )


def _unpack(rung: Rung, seed: int, file: Path) -> Path:
    """A checkpoint as a folder that transformers loads."""
    folder = file.with_suffix("")
    model = new_model(rung, seed)
    model.load_state_dict(load_file(file), strict=False)
    model.tie_weights()
    save(model, folder, rung, seed)
    return folder


def ship(rung: Rung, work: Path = WORK, target: Path = SHIPPED_RUNS) -> None:
    """Rewrite the shipped runs: the seeds of a rung that are evaluated here, and the shipped runs
    of all other models.
    """
    parts = {
        model_name(rung, seed): part
        for seed in rung.seeds
        if (part := work / model_name(rung, seed) / SAMPLES).is_file()
    }
    if not parts or (
        target.is_file()
        and all(part.stat().st_mtime < target.stat().st_mtime for part in parts.values())
    ):
        return
    described, tables = _runs_of(target, besides=set(parts)) if target.is_file() else ([], [])
    for part in parts.values():
        runs_here, samples_here = _runs_of(part)
        described, tables = described + runs_here, tables + samples_here
    target.parent.mkdir(parents=True, exist_ok=True)
    described.sort(
        key=lambda run: run.model_raw
    )  # the same file for any order of training; the sort is stable, so steps stay in order
    # One table is one row group, and a dictionary applies to one row group.
    write_parquet(target, [*described, pa.concat_tables(tables)], effort=SHIPPED_EFFORT)
    say(f"{target.name}  {target.stat().st_size / 1e6:.2f} MB")


def _runs_of(file: Path, besides: Collection[str] = ()) -> tuple[list[RunInfo], list[pa.Table]]:
    """The runs of a file with their samples, except those of the models in `besides`."""
    described: list[RunInfo] = []
    tables: list[pa.Table] = []
    for batch in IMPORTER.read(
        Source(IMPORTER.name, file, (file,)), lambda reject: say(str(reject))
    ):
        if isinstance(batch, RunInfo):
            described.append(batch)
        elif isinstance(batch, pa.Table):
            tables.append(batch)
    kept = [run for run in described if run.model_raw not in besides]
    wanted = pa.array([run.run_id for run in kept], pa.string())
    return kept, [table.filter(pc.is_in(table["run_id"], wanted)) for table in tables]


def main() -> None:
    """Train and evaluate the rungs named in the arguments; without arguments, all rungs."""
    parser = argparse.ArgumentParser(description="Train and evaluate the ladder.")
    parser.add_argument("rungs", nargs="*", help=f"of {', '.join(RUNGS)}; all when none is named")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2], help="only these seeds")
    parser.add_argument("--train-only", action="store_true", help="leave the evaluation for later")
    wanted = parser.parse_args()
    if unknown := set(wanted.rungs) - set(RUNGS):
        parser.error(f"no rung {', '.join(sorted(unknown))}; rungs are {', '.join(RUNGS)}")
    os.nice(10)
    WORK.mkdir(parents=True, exist_ok=True)
    for rung, seed in every_model():
        if seed in wanted.seeds and (not wanted.rungs or rung.name in wanted.rungs):
            train_model(rung, seed)
            if not wanted.train_only:
                evaluate_model(rung, seed)
                ship(rung)


if __name__ == "__main__":
    main()
