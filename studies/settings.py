"""What can be set in a study, and how the words of a request become settings.

Shell, API and pages read their words here, so the same word means the same thing in all three, has
the same default, and is refused in the same sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from data.records import CharybdisError

Settings = TypeVar("Settings")


class SettingError(CharybdisError):
    """A word of a request is not possible; the text says which are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a study.

    name      as in the API and in page addresses; the shell writes it with hyphens.
    kind      int, float, bool or str: what a word is read as.
    repeats   several words may be given, in order.
    default   what applies when no word is given.
    words     the only words allowed; empty: any. least, most: ends of a number, included.
    check     raises CharybdisError for a value that is not possible.
    help      one sentence.
    """

    name: str
    kind: type
    repeats: bool
    default: Any
    words: tuple[str, ...]
    least: float | None
    most: float | None
    check: Callable[[Any], object] | None
    help: str

    @property
    def allowed(self) -> str:
        """What can be given, in words."""
        if self.words:
            return ", ".join(self.words)
        if self.kind is bool:
            return "true, false"
        if self.kind is str:
            return "any text"
        number = "whole numbers" if self.kind is int else "numbers"
        if self.most is not None:
            return f"{number} from {self.least:g} to {self.most:g}"
        return number if self.least is None else f"{number} of {self.least:g} or more"


def setting(
    default: Any,
    text: str,
    *,
    words: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
    check: Callable[[Any], object] | None = None,
) -> Any:
    """A field of a settings dataclass. Arguments as in `Setting`."""
    rules = {"help": text, "words": words, "least": least, "most": most, "check": check}
    return field(default=default, metadata=rules)


def settings_in(kind: type[Any]) -> tuple[Setting, ...]:
    """Every setting of a settings dataclass, in order."""
    return _settings_in(cast(Hashable, kind))


@cache
def _settings_in(kind: Hashable) -> tuple[Setting, ...]:
    hints = get_type_hints(kind)
    return tuple(
        Setting(
            name=one.name,
            kind=_base_type(hints[one.name]),
            repeats=get_origin(hints[one.name]) is tuple,
            default=one.default,
            **one.metadata,
        )
        for one in fields(cast(Any, kind))
    )


def read_settings(kind: type[Settings], said: Mapping[str, Sequence[str]]) -> Settings:
    """Settings from the words of a request; words that name no setting are not looked at.

    Args:
        said: name -> its words; no word and an empty one mean the default. Of several words for a
            setting that takes one, the last counts.

    Raises:
        SettingError: a word that is not possible.
    """
    given = {}
    for one in settings_in(kind):
        words = [word for word in said.get(one.name, ()) if word != ""]
        if words:
            values = tuple(_read(one, word) for word in words)
            given[one.name] = values if one.repeats else values[-1]
    return kind(**given)


def not_possible(name: str, word: str, allowed: Sequence[str]) -> str:
    """The refusal of a word, in every door."""
    named = ", ".join(allowed[:_MOST_NAMED]) or "none"
    more = f" and {len(allowed) - _MOST_NAMED} more" if len(allowed) > _MOST_NAMED else ""
    return f"{name} {word!r} is not possible. Possible: {named}{more}."


_MOST_NAMED = 60


def _base_type(hint: Any) -> type:
    """`int` of `int`, `int | None` and `tuple[int, ...]`."""
    inner = [part for part in get_args(hint) if part not in (type(None), Ellipsis)]
    found: type = inner[0] if inner else hint
    return found


def _read(one: Setting, word: str) -> Any:
    value = _parse(one, word)
    if value is None or not _is_allowed(one, value):
        raise SettingError(not_possible(one.name, word, [one.allowed]))
    if one.check is not None:
        try:
            one.check(value)
        except CharybdisError as error:
            raise SettingError(str(error)) from error
    return value


def _parse(one: Setting, word: str) -> Any:
    """The word as a value; None where it is none of that kind."""
    if one.kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(word.lower())
    try:
        value = one.kind(word)
    except ValueError:
        return None
    return None if one.kind is float and not math.isfinite(value) else value


def _is_allowed(one: Setting, value: Any) -> bool:
    if one.words:
        return value in one.words
    is_high_enough = one.least is None or value >= one.least
    return is_high_enough and (one.most is None or value <= one.most)
