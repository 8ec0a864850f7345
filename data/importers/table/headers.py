"""The words of plain tables: what a column can be, and the headers by which it is known."""

from __future__ import annotations

import re
from collections.abc import Mapping

SHAPES = {
    "long": "one number a row: model, task, value",
    "wide": "one model a row, one benchmark a column",
    "samples": "one answer a row: model, task, sample id, correct or score",
}
SCALES = ("0-1", "0-100", "logprob", "raw")

ROLES: Mapping[str, str] = {
    "model": "name of the model",
    "model_variant": "second part of the model's name (say deduped); several columns are joined",
    "params": "number of parameters",
    "params_b": "parameters in billions",
    "params_m": "parameters in millions",
    "tokens": "training tokens seen",
    "tokens_b": "training tokens in billions",
    "tokens_t": "training tokens in trillions",
    "step": "training step of the checkpoint",
    "checkpoint": "revision or hash of the weights",
    "dtype": "precision of the weights",
    "seed": "random seed",
    "n_shot": "worked examples in the prompt",
    "run_label": "anything else that tells runs apart (suite, run id)",
    "date": "when it was run",
    "code_git": "commit of the code",
    "task": "task or benchmark",
    "parent_group": "group the task belongs to",
    "metric": "name of the metric",
    "value": "the number itself",
    "stderr": "its standard error",
    "n": "number of answers behind it",
    "scale": "0-1, 0-100, logprob or raw",
    "flag": "a known problem with the number; empty when there is none",
    "variant": "filter, scorer or prompt that tells readings apart",
    "subset": "part of the task",
    "split": "id or ood",
    "level": "complexity level as a whole number",
    "level_label": "complexity level by its label",
    "level_scheme": "level scheme that the levels belong to",
    "benchmark_value": "the numbers of the benchmark the column is named after",
    "sample_id": "which question",
    "epoch": "repeat of the same question, from 1",
    "correct": "whether the answer is right",
    "outcome": "correct, wrong, unparsed or error",
    "score": "score of the answer",
    "input": "the prompt",
    "target": "the reference answer",
    "response": "what the model wrote",
    "parsed_answer": "the answer as it was read",
    "answer_logprob": "log-probability of the reference answer",
    "duration_s": "seconds it took",
    "error": "why no answer was obtained",
    "metadata": "kept beside the numbers as it stands",
    "untrusted": "kept as it stands, not believed: such filter columns are often inverted",
    "index": "row number, left out",
}
"""What a column can be, in words for the person who corrects the guess."""

HEADERS: Mapping[str, tuple[str, ...]] = {
    "model": ("fullname", "model_name", "model", "model_id", "models", "model_name_or_path", "llm"),
    "params": ("params", "n_params", "num_params", "parameters", "parameter_count", "n_parameters"),
    "params_b": (
        "params_b",
        "parameters_b",
        "n_params_b",
        "model_size_b",
        "size_b",
        "num_params_b",
        "param_b",
    ),
    "params_m": ("params_m", "parameters_m", "n_params_m", "model_size_m"),
    "tokens": ("train_tokens", "tokens", "training_tokens", "pretraining_tokens", "n_tokens"),
    "tokens_b": ("tokens_b", "train_tokens_b", "training_tokens_b", "pretraining_data_size_b"),
    "tokens_t": ("tokens_t", "train_tokens_t", "training_tokens_t", "pretraining_data_size_t"),
    "step": ("step", "global_step", "training_step", "train_step", "iteration"),
    "checkpoint": ("checkpoint", "revision", "model_revision", "model_sha", "sha"),
    "dtype": ("dtype", "precision"),
    "seed": ("seed", "random_seed"),
    "n_shot": (
        "shots",
        "n_shot",
        "n_shots",
        "num_fewshot",
        "num_shots",
        "shot",
        "fewshot",
        "few_shot",
    ),
    "date": ("date", "run_date", "submission_date", "eval_date", "timestamp", "evaluated_at"),
    "code_git": ("git_hash", "commit", "git_commit"),
    "task": ("task", "task_name", "benchmark", "dataset", "eval", "evaluation", "benchmark_name"),
    "metric": ("metric", "metric_name", "measure"),
    "value": ("value", "result", "score", "accuracy", "acc", "exact_match", "metric_value"),
    "stderr": ("stderr", "std_err", "se", "standard_error", "sem", "acc_stderr", "value_stderr"),
    "n": (
        "n",
        "n_inferred",
        "num_samples",
        "n_samples",
        "n_instances",
        "num_instances",
        "sample_size",
        "n_examples",
    ),
    "scale": ("scale",),
    "flag": ("flag", "flags"),
    "level": ("level", "complexity_level"),
    "level_scheme": ("level_scheme",),
    "level_label": ("complexity", "level_label", "level_name", "difficulty"),
    "split": ("split", "distribution", "id_ood"),
    "sample_id": ("sample_id", "instance_id", "item_id", "question_id", "doc_id", "example_id"),
    "epoch": ("epoch", "repeat", "trial"),
    "correct": ("correct", "is_correct", "right"),
    "outcome": ("outcome",),
    "answer_logprob": ("answer_logprob", "target_logprob", "logprob"),
    "duration_s": ("duration_s", "latency_s", "seconds"),
}
HEADERS_OF_MANY: Mapping[str, tuple[str, ...]] = {
    "untrusted": ("moe", "flagged", "merged", "not_merged"),
    "model_variant": ("variant", "model_variant", "suite_version", "model_version"),
    "run_label": ("suite", "kind", "run", "run_id", "run_name", "experiment", "harness"),
}
HEADERS_BY_SHAPE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "long": {
        "variant": ("filter", "scorer", "prompt", "prompt_variant", "prompt_template"),
        "subset": ("subset", "subject", "category"),
    },
    "wide": {"variant": ("filter", "scorer"), "subset": ("subset",)},
    "samples": {
        "score": ("score", "value", "acc", "accuracy", "exact_match"),
        "input": ("input", "prompt", "question", "query"),
        "target": ("target", "reference", "gold", "expected", "ideal"),
        "response": ("response", "generation", "output", "completion", "model_output", "reply"),
        "parsed_answer": ("parsed_answer", "answer", "prediction", "pred", "extracted_answer"),
        "error": ("error",),
        "variant": ("filter", "scorer"),
        "subset": ("subset", "subject", "category"),
    },
}
NO_BENCHMARK = frozenset(
    (
        "family",
        "model_family",
        "type",
        "t",
        "architecture",
        "weight_type",
        "license",
        "hub_license",
        "likes",
        "hub_likes",
        "hub",
        "downloads",
        "base_model",
        "co2_cost_kg",
        "co_cost_kg",
        "generation",
        "available_on_the_hub",
        "upload_to_hub_date",
        "chat_template",
        "official_providers",
        "maintainers_highlight",
        "flops",
        "flops_1e21",
        "flops_e21",
        "params_nonembed",
        "train_seed",
        "task_version",
        "context_length",
        "latency",
        "cost",
        "price",
        "rank",
        "year",
        "votes",
        "organization",
        "eval_name",
        "source_file",
        "url",
        "release_date",
        "size",
        "hidden_size",
        "n_layers",
        "vocab_size",
        "id",
        "name",
    )
)
"""Columns of wide tables that may be numeric and are no benchmark."""
AVERAGES = frozenset(("average", "avg", "mean", "overall", "overall_average"))
RAW_TWIN = " Raw"
"""Leaderboard exports have a benchmark twice: normalised so that chance is 0 (percent), and under
this name as it was measured (0-1).
"""
INDEX_NAME = re.compile(r"(unnamed_\d+|index|level_0|row|)")


def normalised(header: str) -> str:
    """Header in the form in which headers are compared.

    >>> normalised("#Params (B)"), normalised(" Tokens (T)")
    ('params_b', 'tokens_t')
    """
    return re.sub(r"[^0-9a-z]+", "_", header.lower()).strip("_")
