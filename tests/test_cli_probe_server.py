"""The shell against servers: test inputs that a model writes itself, and servers that fail in every
way. See tests/stand_in_server.py.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.store import Store
from tests.stand_in_server import StandIn

ROOT = Path(__file__).resolve().parent.parent


def command(stand_in: StandIn, store: Path, *words: str) -> list[str]:
    ref = f"openai:stand-in@{stand_in.url}"
    return [
        sys.executable,
        str(ROOT / "cli.py"),
        "probe",
        "--model",
        ref,
        "--store",
        str(store),
        "--empty",
        "--json",
        *words,
    ]


def probe(stand_in: StandIn, store: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(stand_in, store, *words), capture_output=True, text=True, timeout=240
    )


def rows(store: Path, sql: str) -> list[tuple[Any, ...]]:
    with Store(store).cursor() as cursor:
        return cursor.execute(sql).fetchall()


def inputs_of(store: Path, task: str, split: str) -> list[list[int]]:
    sql = (
        "SELECT s.metadata::VARCHAR FROM samples s JOIN tasks t USING (task_key) "
        f"WHERE t.task = '{task}' AND s.split = '{split}' ORDER BY row_in_run"
    )
    return [json.loads(metadata)["input"]["numbers"] for (metadata,) in rows(store, sql)]


def test_a_model_writes_its_own_test_inputs_and_is_asked_about_the_rest(
    stand_in: StandIn, tmp_path: Path
) -> None:
    done = probe(
        stand_in,
        tmp_path,
        "--id-source",
        "elicited",
        "--task",
        "sort_numbers",
        "--task",
        "find_minimum",
        "--n",
        "24",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new"]["correct"] == 48  # ID right, OOD wrong
    ((name, metadata),) = rows(tmp_path, "SELECT id_source, metadata::VARCHAR FROM runs")
    source = json.loads(metadata)["id_source"]
    assert name == source["name"] == "elicited" and set(source["tasks"]) == {
        "sort_numbers",
        "find_minimum",
    }
    for task, said in source["tasks"].items():
        read = {int(value) for value in said["elements"]}
        assert (
            read <= {value for one in stand_in.written for value in one} <= set(range(60))
            and len(read) >= 24
        )
        assert said["n_examples"] == sum(said["lengths"].values()) >= 40
        assert sum(said["elements"].values()) == sum(
            int(length) * n for length, n in said["lengths"].items()
        )
        inside, outside = inputs_of(tmp_path, task, "id"), inputs_of(tmp_path, task, "ood")
        assert {value for one in inside for value in one} <= read
        assert {value for one in outside for value in one} <= set(range(10_000)) - read
        assert list(map(len, inside)) == list(map(len, outside)) and set(map(len, inside)) <= set(
            map(int, said["lengths"])
        )
    n_elicited = stand_in.n_elicited
    assert n_elicited == sum(said["n_prompts"] for said in source["tasks"].values())
    again = probe(
        stand_in,
        tmp_path,
        "--id-source",
        "elicited",
        "--task",
        "sort_numbers",
        "--task",
        "find_minimum",
        "--n",
        "24",
    )
    assert json.loads(again.stdout)["samples"] == 96 and stand_in.n_elicited == n_elicited


def test_a_model_that_writes_no_test_inputs_is_told_what_to_do_and_nothing_is_stored(
    stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.behaviour = "prose"
    done = probe(
        stand_in, tmp_path, "--id-source", "elicited", "--task", "sort_numbers", "--n", "4"
    )
    assert (
        done.returncode == 1 and "Use the ID source 'range', or leave this task out" in done.stderr
    )
    assert rows(tmp_path, "SELECT count(*) FROM runs") == [(0,)] and stand_in.n_elicited == 16


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("401", "answered 401.*Set OPENAI_API_KEY"),
        ("404", "answered 404.*Does the server have a model 'stand-in'"),
        ("400", "nothing but errors for 3 batches.*answered 400.*told to fail"),
        ("foreign", "nothing but errors for 3 batches.*not of OpenAI's form"),
        ("nulls", "nothing but errors for 3 batches.*not of OpenAI's form"),
    ],
)
def test_a_server_that_cannot_answer_ends_the_run_with_its_words(
    stand_in: StandIn, tmp_path: Path, behaviour: str, words: str
) -> None:
    stand_in.behaviour = behaviour
    done = probe(stand_in, tmp_path, "--task", "find_minimum", "--n", "32")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search(words, done.stderr, re.DOTALL), done.stderr
    ((status, n),) = rows(tmp_path, "SELECT status, (SELECT count(*) FROM samples) FROM runs")
    assert status == "error" and n in (0, 24) and stand_in.n_asked <= 24


@pytest.mark.parametrize("behaviour", ["empty", "huge"])
def test_a_reply_without_an_answer_is_unparsed_and_no_error(
    stand_in: StandIn, tmp_path: Path, behaviour: str
) -> None:
    stand_in.behaviour = behaviour
    done = probe(stand_in, tmp_path, "--task", "find_minimum", "--n", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["new"] == {"correct": 0, "wrong": 0, "unparsed": 2, "error": 0}


def test_ctrl_c_while_a_server_says_nothing_ends_the_run_as_partial(
    stand_in: StandIn, tmp_path: Path
) -> None:
    stand_in.behaviour = "slow"
    asked = command(stand_in, tmp_path, "--task", "find_minimum", "--n", "4")
    with subprocess.Popen(
        asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert stand_in.was_asked.wait(120)
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
    assert (
        process.returncode == 1
        and "Stopping" in told
        and "goes on from here" in json.loads(said)["message"]
    )
    assert rows(tmp_path, "SELECT status, (SELECT count(*) FROM samples) FROM runs") == [
        ("partial", 0)
    ]
