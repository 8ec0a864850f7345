"""The global selection: widgets in the sidebar, words in the URL, a `Selection` for the pages.

The widgets are drawn by app.py on every page and bound to the URL by Streamlit itself, so they
outlive navigation, reload, Back and a pasted link. Streamlit drops a URL value it does not know
without a word; `_remember_ignored` says which, and what is allowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

import streamlit as st

from analysis.text import counted, natural_order
from data.queries import fetch_models, fetch_ood_kinds, fetch_schemes, fetch_tasks
from data.records import FAMILY_WORD, SCYLLA_SCHEME, Denominator, Selection
from studies.selection import expand_models
from ui.figures.theme import MAX_LINES, ModelStyle
from ui.kept import kept
from ui.models import model_styles
from ui.plain import plain

URL_KEYS = ("models", "tasks", "scheme", "denominator", "ood")
"""Words of the URL that belong to the selection; no page uses them as widget keys."""

MAIN_OOD = "main"
"""Word of the URL for each model's main kind of OOD instances."""

MAX_DRAWN = 4
"""How many models a chart of lines draws when the reader has chosen none."""

SCHEME_TEXTS = {SCYLLA_SCHEME: "Levels of time complexity, as the SCYLLA paper orders them"}
"""What a level scheme means, under the word that the URL keeps."""
DENOMINATOR_TEXTS = {
    Denominator.UNPARSED_IS_WRONG: (
        "Unreadable (unparsed) answers count as wrong: correct / (correct + wrong + unparsed)"
    ),
    Denominator.PARSED_ONLY: (
        "Unreadable (unparsed) answers are left out: correct / (correct + wrong)"
    ),
    Denominator.AUTHORS: (
        "The SCYLLA authors' rule: unparsed answers are left out, and accuracy is 0 when under 10 %"
        " of the answers parse"
    ),
}

CHOSEN, _IGNORED, _SEEN = "chosen selection", "ignored words", "ignored words were for"


def choose() -> None:
    """Draw the widgets in the sidebar and keep what they say for `current`. Called by the shell,
    once per rerun.
    """
    options = _options()
    _remember_ignored(options)
    with st.sidebar:
        models = st.multiselect(
            "Models", options["models"], key="models", bind="query-params", placeholder="all models"
        )
        tasks = st.multiselect(
            "Tasks", options["tasks"], key="tasks", bind="query-params", placeholder="all tasks"
        )
        scheme = st.selectbox(
            "Level scheme",
            options["scheme"],
            index=_place(options["scheme"], SCYLLA_SCHEME),
            key="scheme",
            bind="query-params",
        )
        st.caption(
            plain(SCHEME_TEXTS.get(scheme or SCYLLA_SCHEME, f"Levels as {scheme} names them."))
        )
        denominator = Denominator(
            st.selectbox(
                "Denominator", options["denominator"], key="denominator", bind="query-params"
            )
        )
        st.caption(DENOMINATOR_TEXTS[denominator])
        ood = _choose_ood(options["ood"])
    st.session_state[CHOSEN] = Selection(
        models=expand_models(kept(fetch_models)(), models),
        tasks=tuple(sorted(tasks)),
        scheme=scheme or SCYLLA_SCHEME,
        denominator=denominator,
        ood=ood,
    )
    _show_ignored()


def _choose_ood(options: Sequence[str]) -> str:
    """Draw the choice of OOD kind where runs differ in it, and say what the kind means; an empty
    word is each model's main kind.
    """
    if len(options) < 3:  # one kind alone is every model's main kind
        return ""
    chosen = st.selectbox("OOD kind", options, key="ood", bind="query-params") or MAIN_OOD
    kinds = kept(fetch_ood_kinds)().set_index("ood")
    if chosen == MAIN_OOD:
        st.caption(
            "OOD instances as each model's main run has them: of several runs with both splits the"
            " one with most answers."
        )
        return ""
    label, n_models = kinds["label"][chosen], int(kinds["n_models"][chosen])
    meaning = f"{label[0].upper()}{label[1:]}. " if isinstance(label, str) and label else ""
    st.caption(plain(f"{meaning}Shown: {counted(n_models, 'model')} with such runs."))
    return chosen


def choose_words(words: Sequence[tuple[str, str]]) -> None:
    """Choose what a link's words say, and nothing else: for a callback, before the widgets are
    drawn. Unknown words are left out.
    """
    options = _options()
    for key in URL_KEYS:
        said = [word for name, word in words if name == key and word in options[key]]
        if key in ("models", "tasks"):
            st.session_state[key] = said
        elif said:
            st.session_state[key] = said[0]
        elif key in st.session_state and options[key]:
            st.session_state[key] = (
                SCYLLA_SCHEME
                if key == "scheme" and SCYLLA_SCHEME in options[key]
                else options[key][0]
            )


def current() -> Selection:
    """What the reader is looking at."""
    chosen = st.session_state.get(CHOSEN)
    return chosen if isinstance(chosen, Selection) else Selection()


def styles(drawn: Collection[str] = ()) -> dict[str, ModelStyle]:
    """Colour and symbol of every model, for a chart of these. What is chosen has the same colours
    on every page.
    """
    chosen = current().models
    is_small = 0 < len(chosen) <= MAX_LINES and set(drawn) <= set(chosen)
    return model_styles(chosen if is_small else tuple(drawn))


def shown_models(
    chosen: Selection,
    counted: Sequence[str],
    published: Sequence[str],
    *,
    styles: Mapping[str, ModelStyle] | None = None,
    sizes: Mapping[str, tuple[str, int]] | None = None,
) -> tuple[tuple[str, ...], str | None]:
    """Which models a chart of lines should draw, and the sentence that says so when it leaves some
    out.

    The reader's own choice is followed as it is. Without one, models with counted answers go before
    those with published numbers only, and of too many for one calm chart an even spread is drawn.

    Args:
        counted: models that have what the chart needs as counted answers, in their order on screen.
        published: further models that have it as published numbers.
        styles: looks of the models; of those that an even spread could take, models of one hue are
            not drawn together.
        sizes: family and number of parameters of the models where both are known; of a family's
            models of one size (seeds, say) an even
            spread takes one, and goes from the smallest to the largest. A family that could fill
            the chart goes before single models, which often answered other tasks: one file imported
            beside it does not change what is drawn.
    """
    if chosen.models:
        every = {*counted, *published}
        return tuple(model for model in chosen.models if model in every), None
    kind, pool = (
        ("with counted answers", tuple(counted))
        if counted
        else ("with published means", tuple(published))
    )
    n_others = len(published) if counted else 0
    if len(pool) > MAX_DRAWN:
        apart = _one_per_size(_largest_family(pool, sizes or {}), sizes or {})
        drawn = _spread(apart, MAX_DRAWN, styles or {}) if len(apart) > MAX_DRAWN else apart
        said = f"Drawn are {len(drawn)} of the {len(pool)} models {kind}"
    else:
        drawn, said = pool, f"Drawn are the models {kind}" if n_others else ""
    more = f"; {n_others} more have published means only" if n_others else ""
    return drawn, f"{said}{more}. Choose others under Models on the left." if said else None


def _largest_family(pool: Sequence[str], sizes: Mapping[str, tuple[str, int]]) -> Sequence[str]:
    """The models of the family with most of them in the pool, if they fill a chart; else the
    pool.
    """
    members = Counter(sizes[model][0] for model in pool if model in sizes)
    family, n = members.most_common(1)[0] if members else ("", 0)
    return (
        [model for model in pool if model in sizes and sizes[model][0] == family]
        if n >= MAX_DRAWN
        else pool
    )


def _one_per_size(pool: Sequence[str], sizes: Mapping[str, tuple[str, int]]) -> tuple[str, ...]:
    """The pool with one model, that of the shortest name, for each family and size; by size where a
    size is known.
    """
    first: dict[tuple[str, int], str] = {}
    for model in sorted(pool, key=len):
        first.setdefault(sizes.get(model, (model, 0)), model)
    return tuple(
        sorted(first.values(), key=lambda model: (sizes.get(model, ("", 0))[1], pool.index(model)))
    )


def _spread(pool: Sequence[str], n: int, styles: Mapping[str, ModelStyle]) -> tuple[str, ...]:
    """`n` models evenly over the pool, the last one first; where its hue is taken already, the
    nearest model with another.
    """
    picked: list[int] = []
    for step in reversed(range(n)):
        ideal = step * (len(pool) - 1) / (n - 1)
        away = {abs(place - ideal): place for place in range(len(pool)) if place not in picked}
        nearest = [away[distance] for distance in sorted(away)]
        hues = [styles[model].hue if model in styles else None for model in pool]
        taken = {hues[place] for place in picked} - {None}
        picked.append(next((place for place in nearest if hues[place] not in taken), nearest[0]))
    return tuple(pool[place] for place in sorted(picked))


# -- details ---------------------------------------------------------------------------------------


def _options() -> dict[str, list[str]]:
    models = kept(fetch_models)()
    families = sorted(
        models["family"].dropna().value_counts().loc[lambda n: n > 1].index, key=natural_order
    )
    schemes = list(kept(fetch_schemes)()["scheme"])
    return {
        "models": [
            *(FAMILY_WORD + family for family in families),
            *sorted(models["model"], key=natural_order),
        ],
        "tasks": list(kept(fetch_tasks)()["task"]),
        "scheme": schemes or [SCYLLA_SCHEME],
        "denominator": [str(denominator) for denominator in Denominator],
        "ood": [MAIN_OOD, *kept(fetch_ood_kinds)()["ood"]],
    }


def _place(options: Sequence[str], wanted: str) -> int:
    return options.index(wanted) if wanted in options else 0


def _remember_ignored(options: Mapping[str, Sequence[str]]) -> None:
    """Note the words of the URL that name nothing, before the widgets drop them."""
    found = {
        key: [word for word in st.query_params.get_all(key) if word and word not in options[key]]
        for key in URL_KEYS
    }
    found = {key: words for key, words in found.items() if words}
    if found:
        st.session_state[_IGNORED] = {
            key: (tuple(words), tuple(options[key])) for key, words in found.items()
        }
        st.session_state[_SEEN] = None


def _show_ignored() -> None:
    """Say what was ignored until the reader changes the selection."""
    ignored = st.session_state.get(_IGNORED)
    if not ignored:
        return
    if st.session_state[_SEEN] not in (None, current()):
        del st.session_state[_IGNORED]
        return
    st.session_state[_SEEN] = current()
    for key, (words, allowed) in ignored.items():
        st.warning(
            f"The link asks for {key} {plain(', '.join(words))}, which this store does not have; it"
            f" was ignored. {plain(_possible(words, allowed))}",
            icon=":material/link_off:",
        )


def _possible(words: Sequence[str], allowed: Sequence[str]) -> str:
    """What the link could have asked for: all of it while that is short, else what looks most
    alike.
    """
    if len(allowed) <= 8:
        return f"Possible: {', '.join(allowed) or 'none yet'}."
    alike = [name for word in words for name in get_close_matches(word, allowed, n=4, cutoff=0.4)]
    listed = ", ".join(dict.fromkeys(alike)) or ", ".join(allowed[:4])
    return f"Possible: {listed} or another of the {len(allowed)} in the list on the left."
