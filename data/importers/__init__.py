"""Every importer, in the order in which they are asked: the more particular format first."""

from __future__ import annotations

from data.importers.charybdis import source as charybdis
from data.importers.every_eval_ever import source as every_eval_ever
from data.importers.helm import source as helm
from data.importers.inspect_ai import log as inspect_log
from data.importers.kit.base import Importer
from data.importers.lighteval import source as lighteval
from data.importers.lm_eval import v0 as lm_eval_v0
from data.importers.lm_eval import v04 as lm_eval_v04
from data.importers.opencompass import source as opencompass
from data.importers.published import source as published
from data.importers.scylla import source as scylla
from data.importers.table import source as table

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


BROUGHT: tuple[Importer, ...] = tuple(one for one in IMPORTERS if one is not published.IMPORTER)
"""The importers of files that people bring. Figures typed from papers ship with Charybdis."""


def format_label(name: str) -> str:
    """What a format is called on screen; files and the store keep its short name.

    >>> format_label("lm_eval_v04")
    'lm-evaluation-harness 0.4'
    """
    return next((importer.label for importer in IMPORTERS if importer.name == name), str(name))
