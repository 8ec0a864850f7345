"""Numbers, names and lists as people read them, on screen, in figures, tables and sentences and in
the shell; and results as plain JSON values.

One function per meaning, so that a number has the same spelling everywhere: "62 %", "p < .001",
"−0.29". What is not defined is a dash (`NONE`), never "nan". JSON, exports, addresses and shell
options do not pass through here, except through `plain_value`: they keep values and identifiers.

This module imports the standard library only, so that everything may import it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from functools import partial
from numbers import Real
from typing import Any, TypeGuard

NONE = "–"
"""Where a number would stand that is not defined."""
MINUS = "−"

# -- numbers ---------------------------------------------------------------------------------------


def is_number(value: object) -> TypeGuard[float]:
    """Whether the value is a finite number. None, NaN, infinities and text are not."""
    return isinstance(value, Real) and math.isfinite(value)


def number(value: float | None, digits: int = 2, *, sign: bool = False) -> str:
    """A number with a fixed count of decimals, a real minus sign and no negative zero.

    Args:
        sign: write "+" before positive numbers, for differences.

    >>> number(-0.29), number(1234.5, 1), number(0.5, sign=True), number(-0.001), number(None)
    ('−0.29', '1,234.5', '+0.50', '0.00', '–')
    """
    if not is_number(value):
        return NONE
    rounded = round(float(value), digits) or 0.0
    text = f"{rounded:,.{digits}f}".replace("-", MINUS)
    return f"+{text}" if sign and rounded > 0 else text


def signed(value: float | None, digits: int = 2) -> str:
    """A difference: a number that always carries its sign, except zero.

    >>> signed(0.5), signed(-1.25, 1), signed(-0.001)
    ('+0.50', '−1.2', '0.00')
    """
    return number(value, digits, sign=True)


def significant(value: float | None, digits: int = 3) -> str:
    """A number with this many significant digits, for values of any size.

    >>> significant(0.01234), significant(-7.36e11, 2), significant(1.2e-9), significant(40)
    ('0.0123', '−7.4e11', '1.2e−9', '40')
    """
    if not is_number(value):
        return NONE
    mantissa, exponent, power = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}{exponent}{int(power) if power else ''}".replace("-", MINUS)


def short_count(n: float | None) -> str:
    """A large count with three significant digits and a suffix, as sizes of models are written.

    >>> short_count(1.8e9), short_count(306160), short_count(999_600), short_count(70)
    ('1.8B', '306k', '1M', '70')
    """
    if is_number(n):
        for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
            if abs(n) >= 0.9995 * unit:
                return significant(n / unit) + suffix
    return significant(n)


def percent(share: float | None, digits: int = 0) -> str:
    """A share (0-1) in percent.

    >>> percent(0.62), percent(0.1234, 1), percent(float("nan"))
    ('62 %', '12.3 %', '–')
    """
    return f"{number(100 * share, digits)} %" if is_number(share) else NONE


def percent_of_draws(share: float | None) -> str:
    """A share (0-1) of resamples or draws, which is never certainty: "0 %" and "100 %" only where
    it is exactly that.

    >>> percent_of_draws(0.62), percent_of_draws(0.0004), percent_of_draws(0.998)
    ('62 %', 'under 1 %', 'over 99 %')
    """
    if is_number(share) and 0 < share < 0.01:
        return "under 1 %"
    if is_number(share) and 0.99 < share < 1:
        return "over 99 %"
    return percent(share)


def percent_range(low: float, high: float) -> str:
    """Two shares (0-1) in whole percents, once where they round to the same.

    >>> percent_range(0.702, 0.876), percent_range(0.936, 0.938)
    ('70–88 %', '94 %')
    """
    ends = percent(low), percent(high)
    return ends[0] if ends[0] == ends[1] else f"{number(100 * low, 0)}–{ends[1]}"


def points(difference: float | None, digits: int = 1) -> str:
    """A difference of shares in percentage points, with its sign and its unit.

    >>> points(-0.0029), points(0.05)
    ('−0.3 points', '+5.0 points')
    """
    return f"{signed(100 * difference, digits)} points" if is_number(difference) else NONE


def hundredfold(share: float | None, digits: int = 1) -> str:
    """A share or a difference of shares times 100, without a unit: for a sentence or a column that
    names the unit (percent or points) once.

    >>> hundredfold(-0.0029), hundredfold(0.05)
    ('−0.3', '5.0')
    """
    return number(100 * share, digits) if is_number(share) else NONE


def p_value(p: float | None) -> str:
    """A p-value without the letter, for a column or a row named p.

    >>> p_value(0.0412), p_value(0.00002), p_value(0.347), p_value(float("nan"))
    ('.041', '< .001', '.35', '–')
    """
    if not is_number(p):
        return NONE
    if p < 0.001:
        return "< .001"
    return number(p, 3 if p < 0.1 else 2).removeprefix("0")


def p_text(p: float | None) -> str:
    """A p-value in a sentence.

    >>> p_text(0.0412), p_text(0.0004), p_text(None)
    ('p = .041', 'p < .001', 'p –')
    """
    text = p_value(p)
    return f"p = {text}" if text.startswith((".", "1")) else f"p {text}"


def interval(
    low: float | None, high: float | None, write: Callable[[float | None], str] = number
) -> str:
    """An interval that stands behind its estimate; empty where there is none.

    Args:
        write: how an end is written.

    >>> interval(-0.2, 1.35), interval(float("nan"), 1.0)
    ('[−0.20, 1.35]', '')
    """
    return f"[{write(low)}, {write(high)}]" if is_number(low) and is_number(high) else ""


def with_interval(
    value: float | None,
    low: float | None,
    high: float | None,
    write: Callable[[float | None], str] = number,
) -> str:
    """An estimate with its interval; the estimate alone where it has none.

    >>> with_interval(0.61, 0.55, 0.67, hundredfold), with_interval(0.5, None, None)
    ('61.0 [55.0, 67.0]', '0.50')
    """
    return f"{write(value)} {interval(low, high, write)}".rstrip()


def span(
    low: float | None, high: float | None, write: Callable[[float | None], str] = number
) -> str:
    """An interval on its own, in running text or in a row that is named after it.

    >>> span(-0.2, 1.35), span(0.1, 0.25, percent), span(None, 1.0)
    ('−0.20 to 1.35', '10 % to 25 %', 'not defined')
    """
    if not (is_number(low) and is_number(high)):
        return "not defined"
    return f"{write(low)} to {write(high)}"


# -- counts, sizes, times --------------------------------------------------------------------------


def whole(n: float | None) -> str:
    """A count, grouped in thousands.

    >>> whole(1200), whole(3.0), whole(None)
    ('1,200', '3', '–')
    """
    return number(n, 0)


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "run"), counted(1200, "sample"), counted(0, "accuracy", "accuracies")
    ('1 run', '1,200 samples', '0 accuracies')
    """
    return f"{whole(n)} {noun if n == 1 else plural or noun + 's'}"


def size_text(n_bytes: float) -> str:
    """A size in bytes, in decimal units.

    >>> size_text(512), size_text(2_500_000)
    ('512 B', '2.5 MB')
    """
    if n_bytes < 1000:
        return f"{n_bytes:.0f} B"
    for unit in ("kB", "MB"):
        n_bytes /= 1000
        if n_bytes < 1000:
            return f"{n_bytes:.1f} {unit}"
    return f"{n_bytes / 1000:.1f} GB"


def duration_text(seconds: float | None) -> str:
    """A duration in the unit that fits it.

    >>> duration_text(0.42), duration_text(9), duration_text(600), duration_text(9000)
    ('0.42 s', '9 s', '10 min', '2.5 h')
    """
    if not is_number(seconds):
        return NONE
    if seconds < 90:
        return f"{significant(seconds, 2)} s"
    return f"{number(seconds / 60, 0)} min" if seconds < 5400 else f"{number(seconds / 3600, 1)} h"


def ago(moment: datetime, *, now: datetime | None = None) -> str:
    """How long ago a moment was. A moment without a time zone is UTC.

    >>> ago(datetime(2025, 1, 1, 12, 0), now=datetime(2025, 1, 1, 12, 3, tzinfo=UTC))
    '3 minutes ago'
    """
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for unit, length_s, until_s in (
        ("minute", 60, 3600),
        ("hour", 3600, 2 * 86400),
        ("day", 86400, 60 * 86400),
    ):
        if seconds < until_s:
            return counted(int(seconds // length_s), unit) + " ago"
    return f"on {moment:%Y-%m-%d}"


def at(moment: datetime) -> str:
    """A moment (UTC) in a text that is read later.

    >>> at(datetime(2025, 1, 1, 12, 3))
    'at 2025-01-01 12:03 UTC'
    """
    return f"at {moment:%Y-%m-%d %H:%M} UTC"


# -- lists and clauses -----------------------------------------------------------------------------


def listed(words: Iterable[str], *, at_most: int | None = None, noun: str = "other") -> str:
    """Words in a sentence, joined by commas and "and".

    Args:
        at_most: name no more than this many; the rest is counted.
        noun: what the rest is called.

    >>> listed(["A"]), listed("AB"), listed("ABC"), listed("ABCDE", at_most=2), listed([])
    ('A', 'A and B', 'A, B and C', 'A, B and 3 others', '')
    """
    named = list(words)
    if at_most is not None and len(named) > at_most:
        named[at_most:] = [counted(len(named) - at_most, noun)]
    return " and ".join(filter(None, [", ".join(named[:-1]), *named[-1:]]))


def listed_or_counted(words: Iterable[str], noun: str = "model", *, at_most: int = 6) -> str:
    """Words in a sentence while there are few, else how many there are.

    >>> listed_or_counted("AB"), listed_or_counted("ABC", "task", at_most=2)
    ('A and B', '3 tasks')
    """
    named = list(words)
    return listed(named) if 0 < len(named) <= at_most else counted(len(named), noun)


def joined(clauses: Iterable[str | None]) -> str:
    """Clauses as one sentence: separated by semicolons, with a capital and a full stop. Empty ones
    are left out; no clause gives no sentence.

    >>> joined(["two runs", None, "one failed"])
    'Two runs; one failed.'
    """
    text = "; ".join(clause.rstrip(".") for clause in clauses if clause)
    return f"{capitalised(text)}." if text else ""


def capitalised(text: str) -> str:
    """The text with its first letter as a capital; the rest stays.

    >>> capitalised("the OOD split")
    'The OOD split'
    """
    return text[:1].upper() + text[1:]


def shortened(text: str, at_most: int) -> str:
    """The text, cut to this many characters; an ellipsis is the last where it was longer.

    >>> shortened("complexity", 8), shortened("complex", 8)
    ('complex…', 'complex')
    """
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def natural_order(text: str) -> tuple[tuple[int, float, str], ...]:
    """Sort key under which 4B comes before 14B, and 300k and 70m before 1B: a k, m or b that ends a
    number is its unit.

    >>> sorted(["Q-14B", "Q-1.8B", "Q-500m"], key=natural_order)
    ['Q-500m', 'Q-1.8B', 'Q-14B']
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)((?:[kmb](?![a-z]))?)|(\D+)", text.casefold(), re.ASCII)
    return tuple(
        (0, float(number) * _UNITS[unit], unit) if number else (1, 0.0, word)
        for number, unit, word in parts
    )


_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}


# -- labels ----------------------------------------------------------------------------------------

SPLITS = {"id": "ID", "ood": "OOD"}


def split_label(split: str | None) -> str:
    """A split as people read it.

    >>> split_label("ood"), split_label(None)
    ('OOD', 'no split')
    """
    return SPLITS.get(split or "", split or "no split")


_POWER = re.compile(r"\^([0-9N]+)")
_RAISED = str.maketrans("0123456789N", "⁰¹²³⁴⁵⁶⁷⁸⁹ᴺ")


def level_name(label: object, level: int) -> str:
    """A level's label with raised powers, or its number. It is not escaped.

    >>> level_name("O([N^2,N^3])", 3), level_name(None, 3)
    ('O([N²,N³])', 'level 3')
    """
    if not isinstance(label, str) or not label:
        return f"level {level}"
    return raised(label)


def raised(text: str) -> str:
    """The text with its powers as superscripts.

    >>> raised("the peak at O([N^2,N^3])")
    'the peak at O([N²,N³])'
    """
    return _POWER.sub(lambda power: power.group(1).translate(_RAISED), text)


# -- text that came from files and models ----------------------------------------------------------

UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Control characters, invisible ones, and the marks that change the direction of text."""
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escape(text: object, *, at_most: int | None = None) -> str:
    """Text from data that Plotly (which reads some HTML) draws as it is written; unseen characters
    become a replacement mark.

    Args:
        at_most: longest text in characters.

    >>> escape("<b>&lt;</b>")
    '&lt;b&gt;&amp;lt;&lt;/b&gt;'
    """
    plain = UNSEEN.sub("\ufffd", str(text))
    if at_most is not None:
        plain = shortened(plain, at_most)
    # Plotly takes text between two dollar signs for TeX where MathJax is present (a notebook): a
    # space in front keeps it text.
    if plain.startswith("$"):
        plain = " " + plain
    return plain.translate(_MARKUP)


def printable(text: str, *, keep: str = "") -> str:
    """Text from a file or a model without the characters that would act on a terminal.

    Args:
        keep: control characters that stay.

    >>> printable("a\x1b[31mb") == "a\ufffd[31mb"
    True
    """
    return "".join(
        sign if sign.isprintable() or sign in keep else "\N{REPLACEMENT CHARACTER}" for sign in text
    )


# -- results as JSON -------------------------------------------------------------------------------

_KEPT = (str, bytes, int, bool, date)


def plain_value(value: Any, *, leave_out: Iterable[str] = (), name_infinite: bool = False) -> Any:
    """A result as values that JSON has, for `as_record` methods and for encoders.

    Undefined numbers, NaT and NA become None; arrays, tuples and sets lists; a DataFrame a list of
    rows; dataclasses dicts of their public fields; dates stay for the encoder; anything else
    becomes its text.

    Args:
        leave_out: fields of dataclasses that are not taken, at any depth.
        name_infinite: infinite numbers become "inf" and "-inf" instead of None.

    >>> plain_value({"gap": float("nan"), "levels": (1, 2)})
    {'gap': None, 'levels': [1, 2]}
    """
    if value is None or isinstance(value, _KEPT):
        return None if value != value else value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return f"{value:.0f}" if name_infinite and math.isinf(value) else None
    leave_out = tuple(leave_out)
    recur = partial(plain_value, leave_out=leave_out, name_infinite=name_infinite)
    if is_dataclass(value) and not isinstance(value, type):
        names = [one.name for one in fields(value) if not one.name.startswith("_")]
        return {name: recur(getattr(value, name)) for name in names if name not in leave_out}
    if isinstance(value, Mapping):
        return {str(name): recur(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [recur(item) for item in value]
    return _of_library(value, recur)


def json_hook(value: Any) -> Any:
    """For encoders of JSON: what they write for a value that they do not know.

    >>> import msgspec, pathlib
    >>> msgspec.json.encode([pathlib.PurePosixPath("a/b")], enc_hook=json_hook)
    b'["a/b"]'
    """
    plain = plain_value(value)
    return str(value) if plain is value else plain


def _of_library(value: Any, recur: Callable[[Any], Any]) -> Any:
    """A value of NumPy or pandas, found by what it can do: neither is imported here."""
    if type(value).__name__ == "NAType":
        return None
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return [recur(row) for row in value.to_dict("records")]
    if hasattr(value, "tolist"):
        return recur(value.tolist())
    return str(value)
