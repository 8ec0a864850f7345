"""Reading the answer of a reply: text in, `Reading` out: an integer or a list of integers, or the
reason why none could be read.

The rules, in this order:

1. An answer follows a marker: "answer is", "answer:", "answer =", `\\boxed{`, `<answer>` (any
   case). The last marker that is followed by a value counts; markers followed by words ("the answer
   is not clear") are skipped. Markup between marker and value is ignored.
2. If that value is not a well-formed answer, the reply is refused with a reason: nothing else in
   the text is taken instead.
3. Without such a marker, the last line counts if it contains only the answer. Numbers elsewhere in
   the text are never taken.

The text of a reasoning model up to `</think>` is not read. An integer keeps its sign; `1,234` is
1234; decimals, fractions, powers, expressions, several numbers, numbers with letters attached and
digits of other scripts are refused. A list is enclosed in [], () or {}, its numbers separated by
commas or all by spaces; without brackets, commas are required and the list must end its sentence.
`[1,234, 5]` is refused, because it has two readings. A value on another line than its marker must
fill it.

Cost is linear in the reply and nothing is kept between calls. Nothing is evaluated.
"""

from __future__ import annotations

import re
from collections import deque

from probe.tasks.base import Answer, AnswerKind, Reading

MARKERS_READ = 1_000
"""If there are more markers than this, only the last ones are examined."""
LONGEST_LIST_TEXT = 5_000
MOST_DIGITS = 18

_MARKER = re.compile(
    r"\\boxed\s{0,3}\{|<answer>|\banswers?\b(?: to the (?:task|problem|question))?[\"'*_`"
    r" ]{0,6}\s{0,3}(?:is|are|[:=：])",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:`{3}[a-z]{0,12}(?=\s)|[\s*_\"'`$:<>=]|\\(?:boxed|text|textbf|mathbf|mathrm|displaystyle|,|;)\s{0,3}\{?)*"
)
_INTEGER = re.compile(r"[-+]?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9])|[0-9]+)")
_PLAIN_INTEGER = re.compile(r"[-+]?[0-9]+")
_BARE_LIST = re.compile(r"[-+]?[0-9]+(?:[ \t]*,[ \t]*[-+]?[0-9]+)+")
_SENTENCE_END = re.compile(r"[ \t*_\"'`$>})\]]{0,12}(?:\.(?![0-9])|[;!(\r\n]|$)")
_ANOTHER_LIST = re.compile(
    r"[ \t*_$`]{0,6}(?:,|;|\+|or\b|and\b)[ \t*_$`]{0,6}[\[({][ \t]{0,3}[-+]?[0-9]"
)
_REST_OF_LINE = re.compile(
    r"[ \t*_\"'`$>})\].!]{0,24}(?:</answer>)?[ \t*_\"'`$.!]{0,8}(?=[\r\n]|$)", re.IGNORECASE
)
_VALUE_START = re.compile(
    r"[-+]?[ \t]{0,3}\d|\.[0-9]|[\[({][\s\"'`$*]{0,20}(?:[-+.]?\d|[\[({\])}])|\\d?frac|\\sqrt"
)
"""Digits of any script: such a value is refused, and not skipped in favour of an earlier one."""

_BAD_TAILS = (
    (re.compile(r"\.[0-9]"), "a decimal, and an integer is asked for"),
    (re.compile(r"[ \t]?[\\]?%"), "a percentage, and an integer is asked for"),
    (re.compile(r"[^\W_]|_[0-9]"), "a number with letters attached"),
    (re.compile(r"['’٬\u2009\u200b\u2060][0-9]"), "a number with signs between its digits"),
    (re.compile(r",[0-9]"), "a number with commas that do not separate thousands"),
    (
        re.compile(r"[ \t]{0,3}(?:[-+/^=×÷–−]|\*{1,2}|\\times|\\cdot)[ \t]{0,3}[-+(]?[0-9]"),
        "an expression and not one number",
    ),
    (
        re.compile(r"[ \t]{0,3}(?:,|;|&|and\b|or\b)[ \t]{0,3}[-+]?[0-9]|[ \t]+[-+]?[0-9]"),
        "more than one number",
    ),
)
_MARKUP = " \t\r\n*_\"'`$"
_OPENING = {"]": "[", ")": "(", "}": "{"}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_NORMALISE = (
    ("\u2212", "-"),
    ("\u2013", "-"),
    ("\u00a0", " "),
    ("\u202f", " "),
    ("\\left", ""),
    ("\\right", ""),
    ("\\{", "{"),
    ("\\}", "}"),
    ("\\[", " "),
    ("\\]", " "),
    ("\\(", " "),
    ("\\)", " "),
)


class _Refused(Exception):
    """There is a value here that is not a well-formed answer."""


def read_answer(reply: str, kind: AnswerKind) -> Reading:
    """The last well-formed answer of a reply.

    Returns: the answer and its position, or None and the reason.
    Edge cases: an empty reply, a reply of one 5 MB line and one with a million markers are read in
    linear time.
    """
    said = reply.rpartition("</think>")[2]
    if not said.strip():
        return Reading(
            None, "nothing stands after the reasoning" if reply.strip() else "the reply is empty"
        )
    text = _normalise(said)
    markers = deque(_MARKER.finditer(text), maxlen=MARKERS_READ)
    limit = len(text)
    try:
        while markers:
            marker = markers.pop()
            found = _read_at(text, marker.end(), limit, kind)
            if found is not None:
                return Reading(found, f"read after '{_clip(marker.group())}'")
            limit = marker.start()
        found = _read_last_line(text, kind)
    except _Refused as refused:
        return Reading(None, str(refused))
    if found is not None:
        return Reading(found, "read from the last line")
    asked = "an integer" if kind is AnswerKind.INTEGER else "a list of integers"
    return Reading(None, f"no answer was found: {asked} after 'The answer is' is asked for")


def _normalise(text: str) -> str:
    for old, new in _NORMALISE:
        if old in text:
            text = text.replace(old, new)
    return text


def _read_last_line(text: str, kind: AnswerKind) -> Answer | None:
    end = len(text.rstrip(_MARKUP + "."))
    opening = end
    if kind is AnswerKind.LIST and text[end - 1 : end] in _OPENING:
        # A list may be written over several lines.
        opening = text.rfind(_OPENING[text[end - 1]], max(0, end - LONGEST_LIST_TEXT), end)
    start = max(text.rfind("\n", 0, opening), text.rfind("\r", 0, opening)) + 1
    try:
        return _read_at(text, start, end, kind, fills_line=True)
    except _Refused:
        # Without a marker, a malformed value is ordinary text.
        return None


def _read_at(
    text: str, start: int, limit: int, kind: AnswerKind, *, fills_line: bool = False
) -> Answer | None:
    """The answer that begins here; None when no value begins here. Raises _Refused for a value that
    is not an answer.
    """
    lead = _LEAD.match(text, start, limit)
    at = lead.end() if lead else start
    if not _VALUE_START.match(text, at, limit):
        return None
    found: Answer
    if text[at] in _CLOSING:
        found, end = _read_bracketed(text, at, limit)
        if kind is AnswerKind.INTEGER:
            if len(found) != 1:
                raise _Refused(
                    f"a list of {len(found)} numbers stands where one integer is asked for"
                )
            found = found[0]
    elif kind is AnswerKind.INTEGER:
        found, end = _read_integer(text, at, limit)
    else:
        found, end = _read_bare_list(text, at, limit)
    alone = fills_line or "\n" in lead.group() if lead else fills_line
    if alone and not _REST_OF_LINE.match(text, end, limit):
        return None
    return found


def _read_integer(text: str, at: int, limit: int) -> tuple[int, int]:
    match = _INTEGER.match(text, at, limit)
    if match is None:
        raise _Refused(f"'{_clip(text[at : min(limit, at + 40)])}' is no integer")
    end = match.end()
    for tail, fault in _BAD_TAILS:
        if tail.match(text, end, limit):
            raise _Refused(f"'{_clip(text[at : min(limit, end + 12)])}' is {fault}")
    return _integer(match.group().replace(",", "")), end


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS + 1:
        raise _Refused(f"a number of {len(digits)} digits is longer than any answer")
    return int(digits)


def _read_bracketed(text: str, at: int, limit: int) -> tuple[list[int], int]:
    closing = text.find(_CLOSING[text[at]], at + 1, min(limit, at + LONGEST_LIST_TEXT))
    if closing < 0:
        raise _Refused(f"the list '{_clip(text[at : min(limit, at + 40)])}' is not closed")
    items = _read_items(text[at + 1 : closing])
    if _ANOTHER_LIST.match(text, closing + 1, limit):
        raise _Refused(f"'{_clip(text[at : min(limit, closing + 20)])}' is more than one list")
    return items, closing + 1


def _read_bare_list(text: str, at: int, limit: int) -> tuple[list[int], int]:
    match = _BARE_LIST.match(text, at, min(limit, at + LONGEST_LIST_TEXT))
    if match is None or not _SENTENCE_END.match(text, match.end(), limit):
        raise _Refused(
            f"'{_clip(text[at : min(limit, at + 40)])}' is no list in square brackets such as"
            " [12, 34]"
        )
    return _read_items(match.group()), match.end()


def _read_items(inner: str) -> list[int]:
    if not inner.strip():
        return []
    if any(bracket in inner for bracket in "[({"):
        raise _Refused(f"'{_clip(inner)}' is a list within a list")
    if "," not in inner:
        return [_item(part) for part in inner.split()]
    parts = inner.split(",")
    _refuse_two_readings(parts, inner)
    return [_item(part) for part in parts]


def _refuse_two_readings(parts: list[str], inner: str) -> None:
    """Raises _Refused when some commas are followed by a space and one without a space is where
    thousands would be separated.
    """
    tight = [not part[:1].isspace() for part in parts[1:]]
    if all(tight) or not any(tight):
        return
    for before, after, is_tight in zip(parts, parts[1:], tight, strict=False):
        digits = before.strip().lstrip("+-")
        if is_tight and len(digits) <= 3 and len(after.strip()) == 3:
            raise _Refused(
                f"'{_clip(inner)}' has two readings: a comma separates numbers here and thousands"
                " there"
            )


def _item(part: str) -> int:
    word = part.strip(" \t\r\n\"'`*$")
    if not _PLAIN_INTEGER.fullmatch(word):
        raise _Refused(f"'{_clip(word)}' in the list is no integer")
    return _integer(word)


def _clip(text: str) -> str:
    line = " ".join(text[:200].split())
    short = line if len(line) <= 40 else line[:39] + "…"
    # Half of a surrogate pair cannot be written to a file or a database.
    return short.encode(errors="backslashreplace").decode()
