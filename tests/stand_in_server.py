"""A stand-in for a capable model: an OpenAI-compatible server that writes SCYLLA's test inputs when
asked for them, and answers by rule.

No model small enough for a test can write test inputs; this one is no model at all. It keeps what
it wrote, so that a test knows what must have been read, and it fails on demand the way servers
fail. `stand_in.behaviour` is one of:

rule          test inputs of numbers below 60 in several forms, with lists among them that cannot be
              used; questions about numbers below 100 are answered right, others with -1;
prose         as a chatty model that never writes a list;
empty         an empty reply; malformed: half of a JSON text; foreign: JSON of another form; nulls:
              choices that are null;
huge          5 MB of one line without an answer;
slow          nothing for an hour (until the server is closed);
429, 500, ... that HTTP status.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

_NUMBERS = re.compile(r"^Numbers: ([0-9 ]+)$", re.MULTILINE)
USABLE_LENGTHS = range(4, 9)


class StandIn:
    """See the head of this file. Written by the server's threads, read by the test."""

    def __init__(self) -> None:
        self.behaviour = "rule"
        self.written: set[tuple[int, ...]] = set()
        """Usable test inputs that were written."""
        self.n_asked = self.n_elicited = 0
        self.was_asked, self.closing = threading.Event(), threading.Event()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, answer = stand_in.answer(body)
                with suppress(ConnectionError):  # who asked may be gone by now
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body of the answer to one request."""
        self.n_asked += 1
        self.was_asked.set()
        if self.behaviour.isdigit():
            return int(self.behaviour), b'{"error": {"message": "told to fail"}}'
        if self.behaviour == "slow":
            self.closing.wait(3600)
        odd = {
            "malformed": b'{"choices": [{"mess',
            "foreign": b'["unexpected"]',
            "nulls": b'{"choices": null}',
        }
        if self.behaviour in odd:
            return 200, odd[self.behaviour]
        text = {"empty": "", "huge": "0 1 2 " * 900_000}.get(self.behaviour)
        text = self._say(body) if text is None else text
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        return (
            200,
            json.dumps(
                {"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 9}}
            ).encode(),
        )

    def _say(self, body: dict[str, Any]) -> str:
        question = body["messages"][0]["content"]
        if "Test inputs" in question:
            self.n_elicited += 1
            return (
                "What a lovely task! Let me think."
                if self.behaviour == "prose"
                else self._test_inputs(body["seed"])
            )
        (numbers,) = _NUMBERS.findall(question)
        values = [int(word) for word in numbers.split()]
        right: Any = sorted(values) if "Sort the numbers" in question else min(values)
        return f"The answer is {right if max(values) < 100 else -1}."

    def _test_inputs(self, seed: int) -> str:
        rng = random.Random(seed)
        lists = [[rng.randrange(60) for _ in range(rng.choice(USABLE_LENGTHS))] for _ in range(3)]
        self.written |= set(map(tuple, lists))
        first, second, third = lists
        spaced = " ".join(map(str, third))
        return (
            f"Sure! Here are some:\n1. {first}\n- `{second}`\n[{spaced}]\n[1, 2]\n[1.5, 2.5, 3.5,"
            " 4.5]\n[-7, 8, 9, 10]\n[10000, 1, 2, 3]"
        )


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A started stand-in."""
    started = StandIn()
    yield started
    started.close()
