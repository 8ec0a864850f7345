"""One sample on screen: what was asked, what came back, what was read out of it, and why it counts
as it does.

Everything here was written by a model or a file: it is shown by `st.code`, in table cells and as
plain text, never as Markdown or HTML.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from analysis.text import counted, number, significant, size_text, split_label
from data.queries import fetch_levels
from ui import screen
from ui.chart import show_chart
from ui.figures.tokens import token_logprobs_figure
from ui.kept import kept
from ui.raw_text import excerpt, one_line, visible

TONES: dict[str, Literal["blue", "orange", "gray"]] = {
    "correct": "blue",
    "wrong": "orange",
    "unparsed": "gray",
    "error": "gray",
}
_IN_SHORT = {
    "correct": "The source counts this answer as correct and gives no reason.",
    "wrong": "The source counts this answer as wrong and gives no reason.",
    "unparsed": "No answer could be read from the response.",
    "error": "No answer was obtained; this sample counts in no accuracy.",
}
"""Said where the source gives no reason of its own."""
_SHOWN_ABOVE = {
    "input",
    "target",
    "response",
    "parsed_answer",
    "reason",
    "token_logprobs",
    "choice_logprobs",
    "metrics",
    "metadata",
}
_TALL = 1200
"""Texts longer than this get a box of fixed height that scrolls."""


def draw_sample(sample: Mapping[str, Any], level_labels: Mapping[int, str]) -> None:
    """Draw one sample as `data.queries.fetch_sample` gives it."""
    _draw_head(sample, level_labels)
    left, right = st.columns(2, gap="small")
    with left:
        _draw_text("Answer read", sample["parsed_answer"], sample, "parsed_answer", absent="none")
    with right:
        _draw_text("Target", sample["target"], sample, "target", absent="not given")
    _draw_text(
        "Response", sample["response"], sample, "response", absent="The source keeps no response."
    )
    _draw_text("Prompt", sample["input"], sample, "input", absent="The source keeps no prompt.")
    _draw_probabilities(sample)
    _draw_facts(sample)


def _draw_head(sample: Mapping[str, Any], level_labels: Mapping[int, str]) -> None:
    outcome = sample["outcome"]
    level = sample["level"]
    place = [
        sample["task_label"],
        (
            None
            if level is None
            else f"level {level}" + (f" {level_labels[level]}" if level in level_labels else "")
        ),
        split_label(sample["split"]) if sample["split"] else None,
        sample["model"],
        sample["variant"],
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(outcome or "not graded", color=TONES.get(outcome or "", "gray"))
        st.caption(screen.plain(" · ".join(str(part) for part in place if part)))
    st.text(
        visible(sample["reason"])
        if sample["reason"]
        else _IN_SHORT.get(outcome or "", "Scored, but not as right or wrong.")
    )
    if sample["run_status"] != "success":
        st.caption(screen.plain(f"The run this comes from has the status {sample['run_status']}."))


def _draw_text(
    label: str, text: str | None, sample: Mapping[str, Any], field: str, *, absent: str
) -> None:
    if text is None:
        st.caption(f"{label}: {absent}")
        return
    shown = excerpt(text)
    st.caption(
        f"{label} · {counted(shown.n_characters, 'character')}"
        if shown.n_characters > 200 or shown.is_cut
        else label
    )
    if text == "":
        st.caption("(empty)")
        return
    st.code(
        shown.text,
        language=None,
        wrap_lines=True,
        height=320 if len(shown.text) > _TALL else "content",
    )
    if shown.is_cut:
        screen.save_button(
            f"Save the whole {label.lower()} ({size_text(len(text.encode()))})",
            partial(_bytes_of, text),
            f"{sample['run_id']}-{sample['row_in_run']}-{field}.txt",
            "text/plain",
            key=f"whole {field}",
        )


def _draw_probabilities(sample: Mapping[str, Any]) -> None:
    choices, tokens = sample["choice_logprobs"], sample["token_logprobs"]
    if sample["answer_logprob"] is not None:
        st.caption(
            f"log p of the reference answer: {number(sample['answer_logprob'], 3)} nats (p ="
            f" {significant(math.exp(sample['answer_logprob']))})"
        )
    if choices is not None and len(choices):
        st.caption("Choices, by what the model made of them")
        st.dataframe(choice_table(choices), hide_index=True)
    if tokens is not None and len(tokens):
        finite = [value for value in tokens if math.isfinite(value)]
        words = (
            f"Log-probabilities of {counted(len(tokens), 'token')}: sum {number(sum(finite))} nats"
        )
        if len(finite) < len(tokens):
            words += (
                f", {counted(len(tokens) - len(finite), 'token')} without a finite one left out"
            )
        st.caption(words)
        show_chart(token_logprobs_figure(tokens), key="token log-probabilities", on_click=False)


def choice_table(logprobs: list[float]) -> pd.DataFrame:
    """Choices with their log-probability and their share among the choices (softmax). Undefined
    shares are NaN.
    """
    top = max((value for value in logprobs if math.isfinite(value)), default=math.nan)
    weights = [math.exp(value - top) if math.isfinite(value) else 0.0 for value in logprobs]
    total = sum(weights)
    shares = [weight / total if total and math.isfinite(top) else math.nan for weight in weights]
    return pd.DataFrame(
        {
            "choice": range(1, len(logprobs) + 1),
            "log p (nats)": logprobs,
            "share among the choices": shares,
        }
    )


def _draw_facts(sample: Mapping[str, Any]) -> None:
    with st.expander("Everything known about this sample", icon=":material/list_alt:"):
        st.dataframe(facts_table(sample), hide_index=True)
        with st.container(horizontal=True):
            screen.save_button(
                "Save this sample (JSON)",
                partial(sample_json, sample),
                f"{sample['run_id']}-{sample['row_in_run']}.json",
                "application/json",
                key="save sample",
            )
            screen.page_link(
                "runs", "The run it comes from", icon=":material/inventory_2:", run=sample["run_id"]
            )


def facts_table(sample: Mapping[str, Any]) -> pd.DataFrame:
    """Fields and values as text, one row each: the columns of the store, then what the source's
    metrics and metadata hold.
    """
    rows = [
        (name, _word(value))
        for name, value in sample.items()
        if name not in _SHOWN_ABOVE and value is not None
    ]
    for name in ("metrics", "metadata"):
        rows += [
            (f"{name}: {key}", _word(value)) for key, value in parse_object(sample[name]).items()
        ]
    return pd.DataFrame(
        [(one_line(name), one_line(value, at_most=2000)) for name, value in rows],
        columns=["field", "value"],
    )


def parse_object(text: str | None) -> dict[str, Any]:
    """A JSON object as stored; what is none comes back under the key "text" instead of failing the
    page.
    """
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"text": value}


def sample_json(sample: Mapping[str, Any]) -> str:
    """The whole sample as one JSON object, texts uncut."""
    plain = {
        **sample,
        "metrics": parse_object(sample["metrics"]),
        "metadata": parse_object(sample["metadata"]),
    }
    for name in ("token_logprobs", "choice_logprobs"):
        plain[name] = (
            None
            if sample[name] is None
            else [value if math.isfinite(value) else None for value in sample[name]]
        )
    return json.dumps(plain, ensure_ascii=False, indent=1, default=str)


def level_labels(scheme: str) -> dict[int, str]:
    """Labels of the levels of a scheme."""
    frame = kept(fetch_levels)(scheme)
    return {
        int(level): str(label) for level, label in zip(frame["level"], frame["label"], strict=True)
    }


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8")
