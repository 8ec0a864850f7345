"""The analyses of the API: every study at an address of its own, with the settings it declares."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from api.documents import Document, document
from data.store import Store
from studies import STUDIES, Study
from studies.selection import SelectionWords, read_words
from studies.settings import Setting, read_settings, settings_in


def add_to(api: FastAPI, store: Store) -> None:
    """Add one address per study."""
    for study in STUDIES:
        _add(api, store, study)


def _add(api: FastAPI, store: Store, study: Study) -> None:
    def answer(request: Request, **_: Any) -> Response:
        said = words_of_request(request)
        settings = read_settings(study.settings, said)
        found = study.run(store, read_words(store, said), settings)
        return document(store, found.as_record())

    settings = (*settings_in(SelectionWords), *settings_in(study.settings))
    answer.__name__ = study.name.replace("-", "_")
    api.get(f"/analyses/{study.name}", response_model=Document, summary=study.summary)(
        described(answer, settings)
    )


def words_of_request(request: Request) -> dict[str, list[str]]:
    """The query parameters of a request, by name."""
    return {name: request.query_params.getlist(name) for name in request.query_params}


def described(answer: Callable[..., Any], settings: tuple[Setting, ...]) -> Callable[..., Any]:
    """The function with these settings as parameters of its address. They are declared as text:
    `read_settings` parses and refuses them, so that shell and API refuse the same values.
    """
    named = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=[] if one.repeats else None,
            annotation=_annotation(one),
        )
        for one in settings
    ]
    others = [
        one
        for one in inspect.signature(answer).parameters.values()
        if one.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    others = [
        one.replace(annotation=Request if one.name == "request" else one.annotation)
        for one in others
    ]
    answer.__dict__["__signature__"] = inspect.Signature([*others, *named])
    return answer


def _annotation(one: Setting) -> Any:
    default = "" if one.default in (None, (), "") else f" Default: {one.default}."
    text = f"{one.help}{default} Possible: {one.allowed}."
    kind = list[str] if one.repeats else str | None
    return Annotated[kind, Query(description=text)]
