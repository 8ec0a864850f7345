"""How models look in every chart, and how large they are, from what the store knows of them."""

from __future__ import annotations

from collections.abc import Collection

from data.model_order import fetch_model_order
from data.queries import fetch_models
from ui.figures.theme import ModelStyle
from ui.figures.theme import model_styles as styles_of
from ui.kept import kept


def model_styles(together: Collection[str] = ()) -> dict[str, ModelStyle]:
    """Colour and symbol of every model of the store. Pages ask `ui.selection.styles`, which knows
    which models are drawn together.
    """
    known = kept(fetch_models)().set_index("model")["family"]
    first = (model for model in kept(fetch_model_order)() if model in known)
    families = {
        model: known[model] if isinstance(known[model], str) else None
        for model in [*first, *known.index]
    }
    return styles_of(families, together=together)


def model_sizes() -> dict[str, tuple[str, int]]:
    """Family and number of parameters of the models for which both are known."""
    known = kept(fetch_models)().dropna(subset=["family", "n_params"])
    rows = zip(known["model"], known["family"], known["n_params"], strict=True)
    return {model: (family, int(n_params)) for model, family, n_params in rows}
