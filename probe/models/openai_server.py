"""Models behind a server with OpenAI's API: vLLM, llama.cpp, Ollama, `transformers serve` and the
like. REF: `openai:<model>@<base_url>`.

The key comes from the environment variable OPENAI_API_KEY alone; it is sent to the named server and
neither stored nor shown.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx

from probe.models.base import (
    N_ALTERNATIVES,
    Closing,
    Decoding,
    ModelError,
    ModelFacts,
    Prompt,
    Reply,
    ShouldStop,
    StoppedError,
    Token,
    never,
)

CONCURRENCY = 8
TRIES = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
TIMEOUT = httpx.Timeout(600.0, connect=10.0)
"""A long chain of thought takes minutes; a running server accepts connections at once."""
_LOOK_S = 0.1
"""Interval at which a requested stop is checked."""
_WORTH_ANOTHER_TRY = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_HOPELESS = frozenset({401, 403, 404})


class _Refused(Exception):
    """The server refused this one request; the text states the reason."""


class ServerModel(Closing):
    """One model of a server.

    Args:
        model: its name on the server. base_url: up to and including the version, for example
        http://127.0.0.1:8000/v1.
    """

    def __init__(
        self, model: str, base_url: str, *, ref: str, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        super().__init__()
        self.ref, self.name = ref, model
        self.batch_size = CONCURRENCY
        self._base_url = base_url.rstrip("/")
        self._first_pause_s = first_pause_s
        key = os.environ.get("OPENAI_API_KEY")
        self._client = httpx.Client(
            timeout=TIMEOUT,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            limits=httpx.Limits(max_connections=CONCURRENCY + 1),
        )
        self._gives_logprobs: bool | None = None

    @property
    def facts(self) -> ModelFacts:
        return ModelFacts(
            device="server",
            device_label=f"server {urlsplit(self._base_url).netloc}",
            has_chat_template=True,
            has_logprobs=self._gives_logprobs is not False,
            style="chat",
            versions={"httpx2": httpx.__version__},
            metadata={"base_url": self._base_url},
        )

    def close(self) -> None:
        self._client.close()

    # -- replies -----------------------------------------------------------------------------------

    def reply(
        self, prompts: Sequence[Prompt], decoding: Decoding, *, should_stop: ShouldStop = never
    ) -> list[Reply]:
        gave_up = threading.Event()

        def is_over() -> bool:
            return gave_up.is_set() or should_stop()

        def work(place: int) -> Reply:
            # Equal prompts of one call get different seeds; otherwise the server would return the
            # same reply for all of them.
            return self._reply(
                prompts[place], replace(decoding, seed=decoding.seed + place), is_over
            )

        try:
            return _in_parallel(work, len(prompts), is_over)
        finally:
            gave_up.set()

    def _reply(self, prompt: Prompt, decoding: Decoding, should_stop: ShouldStop) -> Reply:
        began = time.perf_counter()
        try:
            answer = self._post(prompt, decoding, should_stop)
            choice = answer["choices"][0]
            text = choice["message"]["content"] if prompt.is_chat else choice["text"]
        except _Refused as refusal:
            return Reply(error=str(refusal))
        except (KeyError, IndexError, TypeError, AttributeError):
            return Reply(error=f"The server's answer is not of OpenAI's form: {str(answer)[:200]}")
        usage = answer.get("usage") or {}
        logprobs = _chosen_logprobs(choice.get("logprobs"))
        if self._gives_logprobs is None and logprobs is None:
            self._gives_logprobs = False
            self._note("The server gives no log-probabilities.")
        elif logprobs is not None:
            self._gives_logprobs = True
        ended = choice.get("finish_reason") == "stop"
        return Reply(
            text=(text or "") + (decoding.end_sign if ended and decoding.keep_end else ""),
            token_logprobs=logprobs,
            n_input_tokens=usage.get("prompt_tokens"),
            n_output_tokens=usage.get("completion_tokens"),
            duration_s=time.perf_counter() - began,
            is_cut=choice.get("finish_reason") == "length",
        )

    def stream(self, prompt: Prompt, decoding: Decoding) -> Iterator[Token]:
        while True:
            body = self._body(prompt, decoding) | {"stream": True}
            try:
                with self._client.stream("POST", self._url(prompt), json=body) as response:
                    if response.is_error:
                        response.read()
                        if self._drops_logprobs(response, body):
                            continue
                        raise ModelError(self._told(response))
                    for line in response.iter_lines():
                        if line.startswith("data:") and line[5:].strip() not in ("", "[DONE]"):
                            yield from _streamed(json.loads(line[5:]), prompt.is_chat, decoding)
                    return
            except (httpx.TransportError, ValueError) as cause:
                raise ModelError(
                    f"The stream from {self._base_url} broke off ({_words(cause)}). Try again."
                ) from cause

    def answer_logprobs(self, questions: Sequence[tuple[Prompt, str]]) -> list[float | None]:
        """None: OpenAI's API has no way to score a given answer."""
        return [None] * len(questions)

    # -- requests ----------------------------------------------------------------------------------

    def _url(self, prompt: Prompt) -> str:
        return f"{self._base_url}/{'chat/completions' if prompt.is_chat else 'completions'}"

    def _body(self, prompt: Prompt, decoding: Decoding) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "temperature": decoding.temperature,
            "max_tokens": decoding.max_new_tokens,
        }
        if decoding.temperature:
            body["seed"] = decoding.seed
        if prompt.is_chat:
            body["messages"] = [{"role": "user", "content": prompt.text}]
            # servers differ in how they continue their own turn; all accept a user's turn
            if prompt.lead:
                body["messages"] += [
                    {"role": "assistant", "content": prompt.lead},
                    {"role": "user", "content": prompt.lead.split("\n")[-1]},
                ]
        else:
            body["prompt"] = prompt.text + prompt.lead
        if self._gives_logprobs is not False:
            body |= (
                {"logprobs": True, "top_logprobs": N_ALTERNATIVES}
                if prompt.is_chat
                else {"logprobs": N_ALTERNATIVES}
            )
        return body

    def _post(self, prompt: Prompt, decoding: Decoding, should_stop: ShouldStop) -> Any:
        problem = ""
        for attempt in range(TRIES):
            if should_stop():
                raise StoppedError("Stopped.")
            body = self._body(prompt, decoding)
            asked_to_wait_s = 0.0
            try:
                response = self._client.post(self._url(prompt), json=body)
                if response.is_success:
                    return response.json()
                if self._drops_logprobs(response, body):
                    continue
                problem = self._told(response)
                if response.status_code in _HOPELESS:
                    raise ModelError(problem)
                if response.status_code not in _WORTH_ANOTHER_TRY:
                    raise _Refused(problem)
                asked_to_wait_s = _retry_after_s(response)
            except httpx.TransportError as cause:
                problem = (
                    f"No answer from {self._base_url}: {_words(cause)}. Is the server running, and"
                    " is this its address?"
                )
            except ValueError as cause:
                problem = (
                    f"The answer of {self._base_url} is not JSON ({cause}). Is this the address of"
                    " an OpenAI-compatible API?"
                )
            if attempt + 1 < TRIES:
                # Half of the pause is random, so that clients that failed together do not retry
                # together.
                pause_s = min(LONGEST_PAUSE_S, self._first_pause_s * 2**attempt) * (
                    0.5 + random.random() / 2
                )
                _wait(max(pause_s, asked_to_wait_s), should_stop)
        raise _Refused(f"{problem} Tried {TRIES} times.")

    def _drops_logprobs(self, response: httpx.Response, body: dict[str, Any]) -> bool:
        """Whether the server refused log-probabilities; if so, they are not requested again."""
        if (
            "logprobs" in body
            and response.status_code in (400, 422, 501)
            and "logprob" in response.text
        ):
            self._gives_logprobs = False
            self._note("The server gives no log-probabilities.")
            return True
        return False

    def _told(self, response: httpx.Response) -> str:
        said = " ".join(response.text.split())[:300] or response.reason_phrase
        advice = {
            401: " Set OPENAI_API_KEY to a key that the server accepts.",
            403: " Set OPENAI_API_KEY to a key that the server accepts.",
            404: f" Does the server have a model '{self.name}', and does its address end in /v1?",
        }.get(response.status_code, "")
        return f"{self._base_url} answered {response.status_code}: {said}{advice}"


def open_server(ref: str) -> ServerModel:
    """The model of `openai:<model>@<base_url>`.

    Raises: ModelError unless REF names a model and an http(s) address without a password in it.
    """
    model, _, base_url = ref.removeprefix("openai:").rpartition("@")
    address = urlsplit(base_url)
    if not model or address.scheme not in ("http", "https") or not address.hostname:
        raise ModelError(
            f"'{ref}' is no server model. Write openai:<model>@<base_url>, say"
            " openai:qwen@http://127.0.0.1:8000/v1."
        )
    if address.username or address.password or ("@" in model.split("/")[-1] and "://" in model):
        raise ModelError(
            "Leave user name and password out of the address; a key comes from OPENAI_API_KEY."
        )
    return ServerModel(model, base_url, ref=ref)


def _in_parallel(work: Callable[[int], Reply], n: int, is_over: ShouldStop) -> list[Reply]:
    """Results of `work` for 0 to n - 1, in their order, CONCURRENCY at a time.

    The threads are daemons that nobody waits for, unlike those of a ThreadPoolExecutor: a request
    that a server leaves unanswered for minutes is abandoned at once on a stop, and does not keep
    the process from ending. Raises: StoppedError, and the exceptions of `work`.
    """
    places: SimpleQueue[int] = SimpleQueue()
    for place in range(n):
        places.put(place)
    came: SimpleQueue[tuple[int, Reply | BaseException]] = SimpleQueue()

    def run() -> None:
        while not is_over():
            try:
                place = places.get_nowait()
            except Empty:
                return
            try:
                came.put((place, work(place)))
            except BaseException as fault:  # noqa: BLE001 (raised again by the caller's thread)
                came.put((place, fault))
                return

    for _ in range(min(CONCURRENCY, n)):
        threading.Thread(target=run, name="request to a server", daemon=True).start()
    found: dict[int, Reply] = {}
    while len(found) < n:
        if is_over():
            raise StoppedError("Stopped.")
        with suppress(Empty):
            place, reply = came.get(timeout=_LOOK_S)
            if isinstance(reply, BaseException):
                raise reply
            found[place] = reply
    return [found[place] for place in range(n)]


def _wait(pause_s: float, should_stop: ShouldStop) -> None:
    until = time.monotonic() + pause_s
    while (left_s := until - time.monotonic()) > 0:
        if should_stop():
            raise StoppedError("Stopped.")
        time.sleep(min(left_s, 0.1))


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return min(LONGEST_PAUSE_S, float(response.headers.get("retry-after", 0)))
    except ValueError:  # a date
        return 0.0


def _words(cause: Exception) -> str:
    return f"{type(cause).__name__}{f', {cause}' if str(cause) else ''}"


def _chosen_logprobs(given: Any) -> tuple[float, ...] | None:
    """Log-probabilities of a reply's tokens, in the format of either endpoint; None when there are
    none.
    """
    if not isinstance(given, dict):
        return None
    content = given.get("content")
    values = (
        [token.get("logprob") for token in content]
        if isinstance(content, list)
        else given.get("token_logprobs")
    )
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        return None
    return tuple(map(float, values)) or None


def _streamed(part: Any, is_chat: bool, decoding: Decoding) -> Iterator[Token]:
    """Tokens of one event of a stream. An event without log-probabilities counts as one token."""
    if "error" in part:
        raise ModelError(f"The server broke off: {str(part['error'])[:300]}")
    for choice in part.get("choices") or ():
        text = (choice.get("delta") or {}).get("content") if is_chat else choice.get("text")
        given = choice.get("logprobs") or {}
        if isinstance(given.get("content"), list) and given["content"]:
            for token in given["content"]:
                likely = tuple(
                    (one["token"], one["logprob"]) for one in token.get("top_logprobs") or ()
                )
                yield Token(token["token"], token["logprob"], likely)
        elif given.get("tokens"):
            tops = given.get("top_logprobs") or [{}] * len(given["tokens"])
            for name, value, top in zip(
                given["tokens"], given["token_logprobs"], tops, strict=True
            ):
                yield Token(
                    name, value, tuple(sorted((top or {}).items(), key=lambda pair: -pair[1]))
                )
        elif text:
            yield Token(text)
        if choice.get("finish_reason") == "stop" and decoding.keep_end:
            yield Token(decoding.end_sign)
