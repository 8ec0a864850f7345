"""What lm-evaluation-harness files of all versions share: the harness's name, model arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HARNESS = "lm-evaluation-harness"


def read_model_args(model_args: object) -> dict[str, Any]:
    """Model arguments as a dictionary; text is split at commas that a new `key=` follows, because
    values may hold commas.
    """
    if isinstance(model_args, Mapping):
        return dict(model_args)
    if not isinstance(model_args, str):
        return {}
    pairs = (part.partition("=") for part in re.split(r",(?=\s*[\w.\-]+=)", model_args))
    return {key.strip(): value for key, equals, value in pairs if equals}
