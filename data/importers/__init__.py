"""Every importer, in the order in which they are asked: the more particular format first."""

from __future__ import annotations

from data.importers import (
    charybdis,
    every_eval_ever,
    helm,
    inspect_log,
    lighteval,
    lm_eval_v0,
    lm_eval_v04,
    opencompass,
    published,
    scylla,
    table,
)
from data.importers.base import Importer

IMPORTERS: tuple[Importer, ...] = (
    published.IMPORTER,
    charybdis.IMPORTER,
    inspect_log.IMPORTER,
    every_eval_ever.IMPORTER,
    lighteval.IMPORTER,
    helm.IMPORTER,
    opencompass.IMPORTER,
    lm_eval_v04.IMPORTER,
    lm_eval_v0.IMPORTER,
    scylla.IMPORTER,
    table.IMPORTER,
)
