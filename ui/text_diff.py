"""Two texts side by side as one plain text: what is the same once, what differs line by line with
the differing words marked.

What comes out goes to `st.code`: no markup, so nothing that a model wrote can act.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

AT_MOST = 6000
"""Characters of each text that are compared; the time that takes grows with their product."""
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def text_diff(a: str, b: str, *, names: tuple[str, str] = ("A", "B")) -> str:
    """Both texts as lines: "  " before a line that both have, a name before a line of one, ⟦ ⟧
    around words that the other line lacks.

    >>> print(text_diff("sum is 3\\nend", "sum is 4\\nend"))
    A sum is ⟦3⟧
    B sum is ⟦4⟧
      end
    """
    first, second = a[:AT_MOST].split("\n"), b[:AT_MOST].split("\n")
    width = max(map(len, names)) + 1
    lines: list[str] = []
    for tag, i, j, k, m in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [" " * width + line for line in first[i:j]]
        else:
            for one, other in _paired(first[i:j], second[k:m]):
                left, right = (one, other) if one is None or other is None else _marked(one, other)
                lines += [
                    f"{name:<{width}}{line}"
                    for name, line in zip(names, (left, right), strict=True)
                    if line is not None
                ]
    if max(len(a), len(b)) > AT_MOST:
        lines.append(f"[… only the first {AT_MOST:,} characters of each text are compared …]")
    return "\n".join(lines)


def _paired(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    for place in range(max(len(a), len(b))):
        yield (a[place] if place < len(a) else None, b[place] if place < len(b) else None)


def _marked(a: str, b: str) -> tuple[str, str]:
    words = _WORDS.findall(a), _WORDS.findall(b)
    out: tuple[list[str], list[str]] = ([], [])
    for tag, i, j, k, m in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        for side, part in zip(out, ("".join(words[0][i:j]), "".join(words[1][k:m])), strict=True):
            side.append(part if tag == "equal" or not part else f"⟦{part}⟧")
    return "".join(out[0]), "".join(out[1])
