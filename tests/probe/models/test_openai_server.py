"""Models behind a real OpenAI-compatible server: `transformers serve` on a tiny model, and the same
behind a front that fails at times.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from data.bootstrap import open_store
from data.probe_sink import StoreSink
from data.queries import fetch_task_counts
from data.records import Selection
from probe.models import ModelError, Prompt, StoppedError, open_model
from probe.models.openai_server import ServerModel, _chosen_logprobs, _streamed
from probe.prompts import style_named
from probe.run_loop import ProbeSpec, run_probe
from probe.tasks import make_batch

COMPACT = style_named("compact")
DECODING = COMPACT.decoding(max_new_tokens=16)
PROMPTS = [
    COMPACT.prompt(instance) for instance in make_batch("sort_numbers", "id", 6, 0, lengths=(4, 6))
]


@pytest.fixture(scope="module")
def server(tiny_chat: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Base URL of a started `transformers serve`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("serve") / "log"
    program = str(Path(sys.executable).with_name("transformers"))
    command = [
        program,
        "serve",
        str(tiny_chat),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
        "--dtype",
        "float32",
    ]
    with (
        log.open("w") as sink,
        subprocess.Popen(
            command, stdout=sink, stderr=sink, env=os.environ | {"HF_HUB_OFFLINE": "1"}
        ) as process,
    ):
        try:
            for _ in range(600):
                try:
                    urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                    break
                except (URLError, TimeoutError):
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def model(server: str, tiny_chat: Path) -> Iterator[ServerModel]:
    with ServerModel(
        str(tiny_chat), server, ref=f"openai:tiny@{server}", first_pause_s=0.01
    ) as opened:
        yield opened


class Front:
    """A server in front of another: gives the statuses it is told to first, then hands on."""

    def __init__(
        self, target: str, statuses: list[int], headers: dict[str, str] | None = None
    ) -> None:
        front, self.statuses, self.n_asked, self.seen = self, statuses, 0, list[dict[str, str]]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                front.n_asked += 1
                front.seen.append(dict(self.headers))
                body = self.rfile.read(int(self.headers["content-length"]))
                status = front.statuses.pop(0) if front.statuses else 0
                if status:
                    answer, kind = b'{"error": "told to fail: logprobs"}', "application/json"
                else:
                    request = Request(
                        target + self.path.removeprefix("/v1"),
                        body,
                        {"content-type": "application/json"},
                    )
                    with urlopen(request, timeout=60) as response:
                        status, answer, kind = (
                            response.status,
                            response.read(),
                            response.headers["content-type"],
                        )
                self.send_response(status)
                for name, value in {
                    "content-type": kind,
                    "content-length": str(len(answer)),
                    **(headers or {}),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Front:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def behind(front: Front, tiny_chat: Path) -> ServerModel:
    return ServerModel(str(tiny_chat), front.url, ref="openai:tiny@front", first_pause_s=0.01)


def test_a_server_replies_as_the_same_model_does_here(model: ServerModel, tiny_chat: Path) -> None:
    with open_model(str(tiny_chat), device="cpu", dtype="float32") as here:
        expected = here.reply(PROMPTS, DECODING)
    replies = model.reply(PROMPTS, DECODING)
    assert [(reply.text, reply.is_cut) for reply in replies] == [
        (reply.text, reply.is_cut) for reply in expected
    ]
    assert [reply.n_input_tokens for reply in replies] == [
        reply.n_input_tokens for reply in expected
    ]
    assert (
        model.notes() == ("The server gives no log-probabilities.",)
        and not model.facts.has_logprobs
    )


def test_a_chat_and_a_stream_say_the_same_as_a_completion(model: ServerModel) -> None:
    (plain,) = model.reply(PROMPTS[:1], DECODING)
    chat = Prompt(PROMPTS[0].text.removesuffix("="), is_chat=True)
    assert model.reply([chat], DECODING)[0].text == plain.text
    assert "".join(token.text for token in model.stream(PROMPTS[0], DECODING)) == plain.text
    assert "".join(token.text for token in model.stream(chat, DECODING)) == plain.text


def test_a_probe_of_a_server_lands_in_the_store(model: ServerModel, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store", empty=True)
    spec = ProbeSpec(tasks=("sort_numbers", "find_minimum"), n=6, style="compact", max_new_tokens=8)
    events = list(run_probe(model, spec, StoreSink(store)))
    counts = fetch_task_counts(store, Selection())
    assert (
        counts[["n_correct", "n_wrong", "n_unparsed"]].sum().sum() == 24
        and counts["n_error"].sum() == 0
    )
    metadata = StoreSink(store).stored_metadata(events[-1].run_id)  # type: ignore[union-attr]
    assert metadata is not None and metadata["base_url"].startswith("http://127.0.0.1:")


def test_a_busy_server_is_asked_again(server: str, tiny_chat: Path, model: ServerModel) -> None:
    (expected,) = model.reply(PROMPTS[:1], DECODING)
    with (
        Front(server, [503, 429, 500], {"retry-after": "0"}) as front,
        behind(front, tiny_chat) as asked,
    ):
        assert asked.reply(PROMPTS[:1], DECODING)[0].text == expected.text
        assert front.n_asked == 4


def test_a_server_that_stays_busy_gives_an_error_for_each_prompt(
    server: str, tiny_chat: Path
) -> None:
    with Front(server, [503] * 10) as front, behind(front, tiny_chat) as asked:
        first, second = asked.reply(PROMPTS[:2], DECODING)
        assert (
            first.error is not None
            and "503" in first.error
            and "Tried 5 times" in first.error
            and second.error is not None
        )


def test_a_server_that_refuses_log_probabilities_is_asked_without(
    server: str, tiny_chat: Path
) -> None:
    with Front(server, [400]) as front, behind(front, tiny_chat) as asked:
        assert asked.reply(PROMPTS[:1], DECODING)[0].error is None
        assert front.n_asked == 2 and asked.notes() == ("The server gives no log-probabilities.",)
    with Front(server, [400]) as front, behind(front, tiny_chat) as asked:
        assert list(asked.stream(PROMPTS[0], DECODING))


@pytest.mark.parametrize(("status", "words"), [(401, "OPENAI_API_KEY"), (404, "a model")])
def test_a_hopeless_refusal_ends_at_once(
    server: str, tiny_chat: Path, status: int, words: str
) -> None:
    with (
        Front(server, [status]) as front,
        behind(front, tiny_chat) as asked,
        pytest.raises(ModelError, match=f"{status}.*{words}"),
    ):
        asked.reply(PROMPTS[:1], DECODING)


def test_the_key_is_sent_and_never_shown(
    server: str, tiny_chat: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with Front(server, [422]) as front, behind(front, tiny_chat) as asked:
        replies = asked.reply(PROMPTS[:1], DECODING)
        assert {key.lower(): value for key, value in front.seen[0].items()}[
            "authorization"
        ] == "Bearer sk-secret"
        assert "sk-secret" not in f"{replies}{asked.facts}{asked.notes()}"


def test_nobody_at_the_address_is_an_error_that_names_it(tiny_chat: Path) -> None:
    with ServerModel("m", "http://127.0.0.1:9/v1", ref="r", first_pause_s=0.001) as model:
        (reply,) = model.reply(PROMPTS[:1], DECODING)
        assert (
            reply.error is not None
            and "http://127.0.0.1:9/v1" in reply.error
            and "Is the server running" in reply.error
        )
        with pytest.raises(ModelError, match="broke off"):
            list(model.stream(PROMPTS[0], DECODING))


def test_stopping_ends_the_pauses_between_tries() -> None:
    with ServerModel("m", "http://127.0.0.1:9/v1", ref="r", first_pause_s=30.0) as model:
        began = time.monotonic()
        with pytest.raises(StoppedError):
            model.reply(PROMPTS[:3], DECODING, should_stop=lambda: time.monotonic() - began > 0.3)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "ref",
    [
        "openai:",
        "openai:model",
        "openai:model@localhost",
        "openai:@http://x/v1",
        "openai:m@ftp://x/v1",
        "openai:m@http://u:p@x/v1",
    ],
)
def test_an_address_that_cannot_be_used_is_refused(ref: str) -> None:
    with pytest.raises(ModelError):
        open_model(ref)


def test_a_model_name_may_hold_slashes_and_at_signs() -> None:
    with open_model("openai:org/name@main@http://127.0.0.1:1/v1") as model:
        assert model.name == "org/name@main"


def test_log_probabilities_are_read_from_both_endpoints_forms() -> None:
    chat = {
        "content": [
            {
                "token": "a",
                "logprob": -0.5,
                "top_logprobs": [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.0}],
            }
        ]
    }
    plain = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{"b": -1.0, "a": -0.5}]}
    assert _chosen_logprobs(chat) == _chosen_logprobs(plain) == (-0.5,)
    for is_chat, given in ((True, chat), (False, plain)):
        part = {"choices": [{"delta": {"content": "a"}, "text": "a", "logprobs": given}]}
        (token,) = _streamed(json.loads(json.dumps(part)), is_chat, DECODING)
        assert (token.text, token.logprob, token.alternatives) == (
            "a",
            -0.5,
            (("a", -0.5), ("b", -1.0)),
        )
    assert (
        _chosen_logprobs(None) is None
        and _chosen_logprobs({"token_logprobs": [None, -1.0]}) is None
    )
