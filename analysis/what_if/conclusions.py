"""What is said about the models, so that a multiverse can put it to the test: one of three forms,
read from words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from analysis.what_if.evaluating import Quantity
from data.records import NotEnoughDataError


class Kind(StrEnum):
    ABOVE = "above"
    CRITICAL = "critical"
    EMERGES = "emerges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What is put to the test.

    ABOVE     `first` has a better `quantity` than `second`; at one `level`, or over all.
    CRITICAL  the gap of `first` is largest at `level`, and above 0.
    EMERGES   between `first` and `second`: see LITTLE and MUCH, of the rise from the worst to the
              best model. ID or OOD values.
    """

    kind: Kind
    first: str
    second: str | None = None
    level: int | None = None
    quantity: Quantity = Quantity.OOD

    def text(self, labels: Mapping[int, str] | None = None) -> str:
        where = (
            f" at {(labels or {}).get(self.level, f'level {self.level}')}"
            if self.level is not None
            else ""
        )
        side = {Quantity.SCORE: " in S", Quantity.GAP: " in the gap"}.get(
            self.quantity, f" {self.quantity.upper()}"
        )
        if self.kind is Kind.CRITICAL:
            return (
                f"The critical level of {self.first} is"
                f" {(labels or {}).get(self.level or 0, f'level {self.level}')}"
            )
        if self.kind is Kind.EMERGES:
            return f"The ability{where} emerges between {self.first} and {self.second}{side}"
        return f"{self.first} is above {self.second}{side}{where}"


def conclusion_words(conclusion: Conclusion) -> str:
    """The words from which `read_conclusion` reads this conclusion again."""
    where = "" if conclusion.level is None else f" at {conclusion.level}"
    if conclusion.kind is Kind.CRITICAL:
        return f"critical level of {conclusion.first} is {conclusion.level}"
    pair = f"{conclusion.first} above {conclusion.second}"
    if conclusion.kind is Kind.EMERGES:
        pair = f"emerges between {conclusion.first} and {conclusion.second}"
    return f"{pair} {conclusion.quantity}{where}"


def read_conclusion(text: str, models: Sequence[str], levels: Mapping[int, str]) -> Conclusion:
    """Read "A above B [ood|id|score|gap] [at LEVEL]", "critical level of A is LEVEL" or "emerges
    between A and B [ood|id] [at LEVEL]".

    Raises:
        NotEnoughDataError: another form, or a model or level that is not here; says what is.
    """
    tail = r"(?:\s+(?P<quantity>ood|id|score|gap))?(?:\s+at\s+(?:level\s+)?(?P<level>.+))?\s*$"
    forms = {
        Kind.CRITICAL: r"^\s*critical level of (?P<first>.+?) is (?:level\s+)?(?P<level>.+?)\s*$",
        Kind.EMERGES: r"^\s*emerges between (?P<first>.+?) and (?P<second>.+?)" + tail,
        Kind.ABOVE: r"^\s*(?P<first>.+?) (?:is )?above (?P<second>.+?)" + tail,
    }
    for kind, form in forms.items():
        match = re.match(form, text, re.IGNORECASE)
        if match:
            said = match.groupdict()
            for name in filter(None, (said["first"], said.get("second"))):
                if name not in models:
                    raise NotEnoughDataError(
                        f"No model {name!r} is among those compared: {', '.join(models) or 'none'}."
                    )
            quantity = Quantity((said.get("quantity") or "ood").lower())
            level = _level_of(said["level"], levels) if said.get("level") else None
            return Conclusion(
                kind=kind,
                first=said["first"],
                second=said.get("second"),
                level=level,
                quantity=quantity,
            )
    raise NotEnoughDataError(
        f"{text!r} is no conclusion that can be tested. Write 'A above B ood', 'A above B score at"
        " 3', 'critical level of A is 2' or 'emerges between A and B ood at 3', with the names of"
        " models."
    )


def _level_of(text: str, levels: Mapping[int, str]) -> int:
    found = [level for level, label in levels.items() if text.strip() in (str(level), label)]
    if not found:
        raise NotEnoughDataError(
            f"There is no level {text!r}. Levels here:"
            f" {', '.join(f'{k} ({v})' for k, v in levels.items())}."
        )
    return found[0]
