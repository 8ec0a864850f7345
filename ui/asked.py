"""The settings of a study as the page's address says them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from studies.settings import SettingError, read_settings, settings_in
from ui.plain import plain

Settings = TypeVar("Settings")

_REFUSED = "words of the address that are not possible"


def asked(kind: type[Settings]) -> Settings:
    """Settings from the words of the address. A word that is not possible is refused on the page in
    the sentence of shell and API, and its default applies.
    """
    good: dict[str, list[str]] = {}
    refused: dict[str, str] = {}
    for one in settings_in(kind):
        words = st.query_params.get_all(one.name)
        try:
            read_settings(kind, {one.name: words})
            good[one.name] = words
        except SettingError as error:
            refused[one.name] = str(error)
    found = read_settings(kind, good)
    _show(refused, found)
    return found


def labelled(
    widget: Callable[..., Any],
    label: str,
    name: str,
    options: Sequence[Any],
    value: Any,
    *,
    labels: Callable[[Any], str],
    default: Any,
    **how: Any,
) -> Any:
    """A choice whose options have labels on screen and their own words in the address.

    Streamlit binds a widget with labels to the address by its labels; the address of a study takes
    the words of shell and API.

    Args:
        widget: st.selectbox, st.segmented_control or another that takes options.
        name: of the setting, and key of the widget.
        value: what the address says now. default: what it says by having no word.
        how: what else the widget takes.
    """
    st.session_state[name] = value
    chosen = widget(
        label,
        options,
        format_func=labels,
        key=name,
        on_change=_say_chosen,
        args=(name, default),
        **how,
    )
    return value if chosen is None else chosen


def _say_chosen(name: str, default: Any) -> None:
    chosen = st.session_state[name]
    say(name, [] if chosen in (None, default) else [str(chosen)])


def say(name: str, words: Sequence[str]) -> None:
    """Write a setting into the address; no words leave its default, which the address omits. For
    callbacks of widgets that are not bound to the address by Streamlit.
    """
    if words:
        st.query_params[name] = list(words)
    else:
        st.query_params.pop(name, None)


def refuse(text: str) -> None:
    """Say on the page that a word of the address is not possible."""
    st.warning(plain(text), icon=":material/link_off:")


def _show(refused: dict[str, str], found: Any) -> None:
    """Widgets drop a word that they do not know from the address: what was refused stays on the
    page until something else is asked.
    """
    earlier, then = st.session_state.get(_REFUSED, ({}, found))
    shown = (earlier if then == found else {}) | refused
    st.session_state[_REFUSED] = (shown, found)
    for text in shown.values():
        refuse(text)
