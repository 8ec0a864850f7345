"""The responses of the API: one JSON document with the store version, or one page of a frame."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pandas as pd
from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from analysis.text import json_hook
from data.exporting import table_as
from data.store import Store


class Document(BaseModel):
    """One JSON object. Its other fields are described in docs/api.md, or are those that the shell's
    `analyse ... --json` prints.
    """

    model_config = ConfigDict(extra="allow")
    store_version: Annotated[int, Field(description="Number of the last change of the store.")]


class Listing(Document):
    """One page of a list. An undefined number is null."""

    page: Annotated[int, Field(description="Counts from 0.")]
    page_size: int
    total: Annotated[int, Field(description="Rows of all pages.")]
    rows: list[dict[str, Any]]


class Refusal(BaseModel):
    """What happened, and what is possible."""

    error: str


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "Nothing can be computed from what was asked"},
    404: {"model": Refusal, "description": "Not stored"},
    422: {"model": Refusal, "description": "A parameter cannot be read"},
    503: {"model": Refusal, "description": "Another process writes just now: ask again"},
}


def document(store: Store, content: dict[str, Any]) -> Response:
    """The content with the store version. Undefined numbers are null: msgspec writes no NaN."""
    body = msgspec.json.encode({"store_version": store.version, **content}, enc_hook=json_hook)
    return Response(body, media_type="application/json")


def page_of(store: Store, frame: pd.DataFrame, page: int, page_size: int) -> Response:
    """One page of a frame that was read completely."""
    rows = frame.iloc[page * page_size : (page + 1) * page_size]
    return rows_document(store, rows, page=page, page_size=page_size, total=len(frame))


def rows_document(
    store: Store, rows: pd.DataFrame, *, page: int, page_size: int, total: int
) -> Response:
    """The rows of one page, and the total number of rows."""
    return document(
        store,
        {
            "page": page,
            "page_size": page_size,
            "total": total,
            "rows": msgspec.Raw(table_as(rows, "json")),
        },
    )
