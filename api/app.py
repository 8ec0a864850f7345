"""Read-only JSON API: runs, scores, samples and analyses of the store, selected with the parameters
of the dashboard's URL and returned in pages.

Every response states the store version it was read at. Undefined numbers are null. Errors are
{"error": what happened and what is possible}. `/api/v1/openapi.json` describes the API.
"""

# No `from __future__ import annotations` here: FastAPI reads the annotations of functions that are
# made inside of functions.

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from api import analyses
from api.analyses import described, words_of_request
from api.documents import REFUSALS, Document, Listing, document, page_of, rows_document
from data import queries
from data.bootstrap import open_store
from data.queries import SAMPLE_SORTS, SampleFilter, UnknownWordError, check_scheme
from data.records import (
    SCYLLA_SCHEME,
    CharybdisError,
    Outcome,
    Selection,
    Split,
    StoreBusyError,
    StoreError,
)
from data.store import Store
from studies.selection import SelectionWords, read_words
from studies.settings import SettingError, settings_in

MAX_PAGE_SIZE = 1_000
SUMMARY = (
    "Benchmark results with their complexity levels, as the dashboard shows them. Nothing here"
    " changes the store."
)

Page = Annotated[int, Query(ge=0, description="Counts from 0.")]
PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)]


def make_api(folder: Path) -> FastAPI:
    """The API over the store of this folder, which is created if it does not exist."""
    api = FastAPI(
        title="Charybdis",
        version="1",
        description=SUMMARY,
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    store = open_store(folder)

    def selected(request: Request, **_: Any) -> Selection:
        return read_words(store, words_of_request(request))

    chosen = Annotated[Selection, Depends(described(selected, settings_in(SelectionWords)))]
    _add_errors(api)
    _add_inventory(api, store)
    _add_results(api, store, chosen)
    _add_samples(api, store, chosen)
    analyses.add_to(api, store)
    return api


def _add_errors(api: FastAPI) -> None:
    def told(status: int, text: str) -> Response:
        return Response(
            msgspec.json.encode({"error": text}), status_code=status, media_type="application/json"
        )

    @api.exception_handler(CharybdisError)
    def refused(_: Request, error: CharybdisError) -> Response:
        kinds: list[tuple[type[CharybdisError], int]] = [
            (StoreBusyError, 503),
            (SettingError, 422),
            (UnknownWordError, 404),
            (StoreError, 404),
        ]
        return told(
            next((status for kind, status in kinds if isinstance(error, kind)), 400), str(error)
        )

    @api.exception_handler(HTTPException)
    def no_address(request: Request, error: HTTPException) -> Response:
        what = f"{request.method} {request.url.path}: {error.detail}"
        return told(
            error.status_code,
            f"{what}. Everything here is read with GET; /api/v1/openapi.json lists the addresses.",
        )

    @api.middleware("http")
    async def say_ignored(request: Request, answer: Any) -> Response:
        """Parameters that a page's address has and this one does not know are ignored and named in
        a header.
        """
        response: Response = await answer(request)
        if isinstance(route := request.scope.get("route"), APIRoute):
            described = api.openapi()["paths"][route.path_format]["get"].get("parameters", [])
            known = {parameter["name"] for parameter in described if parameter["in"] == "query"}
            if ignored := sorted(set(request.query_params) - known):
                response.headers["Charybdis-Ignored"] = quote(", ".join(ignored), safe=", ")
        return response

    @api.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> Response:
        return told(
            422,
            "; ".join(
                f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in error.errors()
            ),
        )


def _add_inventory(api: FastAPI, store: Store) -> None:
    @api.get(
        "/store",
        response_model=Document,
        summary="How much of everything is stored, and which version this is",
    )
    def info() -> Response:
        facts = queries.fetch_store_info(store)
        return document(
            store, {name: facts[name] for name in facts if name not in ("path", "file", "version")}
        )

    @api.get("/models", response_model=Listing, summary="Models with results")
    def models(page: Page = 0, page_size: PageSize = 200) -> Response:
        return page_of(store, queries.fetch_models(store), page, page_size)

    @api.get("/tasks", response_model=Listing, summary="Tasks with results")
    def tasks(page: Page = 0, page_size: PageSize = 200) -> Response:
        return page_of(store, queries.fetch_tasks(store), page, page_size)

    @api.get("/levels", response_model=Listing, summary="Levels of a scheme, in order")
    def levels(scheme: str = SCYLLA_SCHEME) -> Response:
        check_scheme(store, scheme)
        return page_of(store, queries.fetch_levels(store, scheme), 0, MAX_PAGE_SIZE)

    @api.get("/runs", response_model=Listing, summary="Runs, newest first")
    def runs(page: Page = 0, page_size: PageSize = 100) -> Response:
        return page_of(store, queries.fetch_runs(store), page, page_size)

    @api.get(
        "/runs/{run_id:path}",
        response_model=Document,
        summary="One run with its provenance and settings",
    )
    def run(run_id: str) -> Response:
        return document(store, {"run": queries.fetch_run(store, run_id)})


def _add_results(api: FastAPI, store: Store, chosen: Any) -> None:
    @api.get(
        "/scores",
        response_model=Listing,
        summary="Numbers over many answers, as their sources state them",
    )
    def scores(selection: chosen, page: Page = 0, page_size: PageSize = 200) -> Response:
        return page_of(store, queries.fetch_scores(store, selection), page, page_size)

    @api.get(
        "/counts",
        response_model=Listing,
        summary="Outcomes by model, task, level and split: what every accuracy is made of",
    )
    def counts(selection: chosen, page: Page = 0, page_size: PageSize = 200) -> Response:
        return page_of(store, queries.fetch_task_counts(store, selection), page, page_size)


def _add_samples(api: FastAPI, store: Store, chosen: Any) -> None:
    @api.get(
        "/samples",
        response_model=Listing,
        summary="Single answers, filtered and sorted, without their full texts",
    )
    def samples(
        selection: chosen,
        split: Split | None = None,
        level: int | None = None,
        outcome: Outcome | None = None,
        text: str = "",
        sort: Annotated[str, Query(pattern=f"^({'|'.join(SAMPLE_SORTS)})$")] = "run order",
        every_run: bool = False,
        page: Page = 0,
        page_size: PageSize = 100,
    ) -> Response:
        wanted = SampleFilter(
            split=split, level=level, outcome=outcome, text=text, every_run=every_run
        )
        rows = queries.fetch_sample_page(
            store, selection, wanted, sort=sort, page=page, page_size=page_size
        )
        total = queries.count_samples(store, selection, wanted)
        return rows_document(store, rows, page=page, page_size=page_size, total=total)

    @api.get(
        "/samples/{run_id:path}/{row_in_run}", response_model=Document, summary="One answer, whole"
    )
    def sample(run_id: str, row_in_run: int, scheme: str = SCYLLA_SCHEME) -> Response:
        return document(
            store, {"sample": queries.fetch_sample(store, run_id, row_in_run, scheme=scheme)}
        )
