"""Which samples the reader wants to see: widgets of the samples page, bound to the URL, as a
Selection and a SampleFilter.

Streamlit drops a bound value that it does not know without a word, so the words of the URL are
looked at before the widgets are drawn, and what was ignored is said until the reader changes
something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from analysis.text import counted, listed, natural_order
from data.queries import SAMPLE_SORTS, SampleFilter, fetch_levels, fetch_runs, fetch_tasks
from data.records import Outcome, Selection, Split
from studies.steps import task_counts
from ui import screen
from ui.kept import kept

NEWEST, EVERY = "newest", "every"
"""Words for `run`: of each model and task the run that charts count, or all of them; anything else
is a run's id.
"""
FILTER_KEYS = ("model", "task", "run", "split", "level", "outcome", "text", "sort")
"""Keys of the widgets, and words of the URL; `page` and `sample` are the page's own."""
PAGE_SIZE = 50
_IGNORED, _IGNORED_WITH = "samples: ignored words", "samples: ignored words were for"


@dataclass(frozen=True, slots=True)
class SampleChoice:
    """What the reader asks for."""

    selection: Selection
    wanted: SampleFilter
    sort: str

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter of the page is set."""
        return self.wanted != SampleFilter(every_run=self.wanted.every_run)


def pick_samples(chosen: Selection) -> SampleChoice:
    """Draw the filters and return what they say. A change of any goes back to the first page and
    closes the open sample.
    """
    options = _options(chosen)
    remember_ignored(options)
    top = st.columns([3, 3, 3, 2])
    model = _pick(top[0], "Model", "model", options)
    task = _pick(top[1], "Task", "task", options)
    text = top[2].text_input(
        "Text",
        key="text",
        bind="query-params",
        type="search",
        placeholder="in prompt or response",
        on_change=start_over,
    )
    run = top[3].selectbox(
        "Run", options["run"], key="run", bind="query-params", on_change=start_over
    )
    row = st.columns([1.5, 3.9, 1.6, 2.2])
    split = row[0].segmented_control(
        "Split", options["split"], key="split", bind="query-params", on_change=start_over
    )
    outcome = row[1].segmented_control(
        "Outcome", options["outcome"], key="outcome", bind="query-params", on_change=start_over
    )
    level = _pick(row[2], "Level", "level", options)
    sort = row[3].selectbox(
        "Sort", options["sort"], key="sort", bind="query-params", on_change=start_over
    )
    selection = replace(
        chosen,
        models=(model,) if model else chosen.models,
        tasks=(task,) if task else chosen.tasks,
        runs=(run,) if run and run not in (NEWEST, EVERY) else chosen.runs,
    )
    wanted = SampleFilter(
        split=Split(split) if split else None,
        level=int(level) if level else None,
        outcome=Outcome(outcome) if outcome else None,
        text=text or "",
        every_run=run == EVERY,
    )
    return SampleChoice(selection, wanted, sort or next(iter(SAMPLE_SORTS)))


def start_over() -> None:
    """Another list: from its first page, with no sample open."""
    st.session_state["page"] = 1
    st.query_params.pop("sample", None)


def clear_filters() -> None:
    """Set every filter of the page back to "any"."""
    for key in FILTER_KEYS:
        st.session_state[key] = {"run": NEWEST, "sort": next(iter(SAMPLE_SORTS)), "text": ""}.get(
            key
        )
    start_over()


def in_words(choice: SampleChoice, n_matching: int) -> str:
    """How many samples there are of what: `231 samples of demo-large: wrong, OOD, level 3.`"""
    wanted, selection = choice.wanted, choice.selection
    origin = [
        f" of {selection.models[0]}" if len(selection.models) == 1 else "",
        f" in {selection.tasks[0]}" if len(selection.tasks) == 1 else "",
        (
            " of every run"
            if wanted.every_run
            else f" of run {listed(list(selection.runs))}"
            if selection.runs
            else ""
        ),
    ]
    kind = [
        str(wanted.outcome) if wanted.outcome else "",
        {Split.ID: "ID", Split.OOD: "OOD"}[wanted.split] if wanted.split else "",
        f"level {wanted.level}" if wanted.level else "",
        f"with “{wanted.text}” in them" if wanted.text else "",
    ]
    return (
        counted(n_matching, "sample")
        + "".join(origin)
        + (": " if any(kind) else "")
        + ", ".join(filter(None, kind))
        + "."
    )


def lies_outside(sample: Mapping[str, Any], choice: SampleChoice) -> bool:
    """Whether a sample, opened by its address, is none of those that the filters list (texts
    aside).
    """
    wanted, selection = choice.wanted, choice.selection
    return any(
        allowed and sample[name] not in allowed
        for name, allowed in (
            ("split", [wanted.split]),
            ("level", [wanted.level]),
            ("outcome", [wanted.outcome]),
            ("model", selection.models),
            ("task", selection.tasks),
            ("run_id", selection.runs),
        )
        if list(allowed) != [None]
    )


def remember_ignored(options: Mapping[str, Sequence[str]]) -> None:
    """Note the words of the URL that name nothing here, and say so while the filters stay as they
    are.
    """
    found = {
        key: st.query_params[key]
        for key in options
        if st.query_params.get(key) and st.query_params[key] not in options[key]
    }
    state = tuple(st.session_state.get(key) for key in FILTER_KEYS)
    if found:
        st.session_state[_IGNORED] = {
            key: (word, tuple(options[key])) for key, word in found.items()
        }
        st.session_state[_IGNORED_WITH] = None
    elif st.session_state.get(_IGNORED) and st.session_state[_IGNORED_WITH] is None:
        st.session_state[_IGNORED_WITH] = state
    elif st.session_state.get(_IGNORED_WITH) != state:
        st.session_state.pop(_IGNORED, None)
    for key, (word, allowed) in st.session_state.get(_IGNORED, {}).items():
        some = ", ".join(allowed[:8]) + (
            f" and {len(allowed) - 8} more" if len(allowed) > 8 else ""
        )
        say_ignored(key, word, f"Possible: {some or 'none yet'}.")


def say_ignored(key: str, word: str, allowed: str) -> None:
    """Notice that a word of the URL was ignored, and what is allowed in its place."""
    text = f"The link asks for {key} {word}, which is not to be had here; it was ignored. {allowed}"
    st.warning(screen.plain(text), icon=":material/link_off:")


# -- details ---------------------------------------------------------------------------------------


def _options(chosen: Selection) -> dict[str, list[str]]:
    """Words that each filter takes. Lists are the store's, not the selection's: a link may name
    what the sidebar leaves out.
    """
    runs = kept(fetch_runs)()
    model = st.query_params.get("model") or st.session_state.get("model")
    mine = runs[runs["model"] == model] if model in set(runs["model"]) else runs
    levels = {int(level) for level in kept(fetch_levels)(chosen.scheme)["level"]}
    levels |= {
        int(level)
        for level in kept(task_counts)(replace(chosen, models=(), tasks=(), runs=()))[
            "level"
        ].dropna()
    }
    return {
        "model": sorted(runs.loc[runs["n_samples"] > 0, "model"].unique(), key=natural_order),
        "task": list(kept(fetch_tasks)().query("n_samples > 0")["task"]),
        "run": [NEWEST, EVERY, *mine.loc[mine["n_samples"] > 0, "run_id"]],
        "split": [str(split) for split in Split],
        "level": [str(level) for level in sorted(levels)],
        "outcome": [str(outcome) for outcome in Outcome],
        "sort": list(SAMPLE_SORTS),
    }


def _pick(
    place: st.delta_generator.DeltaGenerator,
    label: str,
    key: str,
    options: Mapping[str, Sequence[str]],
) -> str | None:
    picked: str | None = place.selectbox(
        label,
        options[key],
        index=None,
        key=key,
        bind="query-params",
        placeholder="any",
        on_change=start_over,
    )
    return picked
