"""The live side of the shell: real processes, real models of the ladder, real stores."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from data.probe_sink import StoreSink
from data.store import Store
from probe.models import ladder_names
from probe.tasks import TASKS

ROOT = Path(__file__).resolve().parent.parent


def run_cli(*words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the shell in a process of its own."""
    command = [sys.executable, str(ROOT / "cli.py"), *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=240, cwd=ROOT.parent, input=stdin
    )


def read_json(done: subprocess.CompletedProcess[str], *, status: int = 0) -> Any:
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def test_tasks_prints_every_task_the_same_way_each_time() -> None:
    words = ("tasks", "--split", "id,ood", "--n", "2", "--seed", "5", "--json")
    first, second = read_json(run_cli(*words)), read_json(run_cli(*words))
    assert first == second and set(first) == {"instances"}
    assert {"instance_id", "task", "level", "split", "input", "prompt", "reference"} <= first[
        "instances"
    ][0].keys()
    assert [(one["task"], one["split"]) for one in first["instances"][::2]] == [
        (task, split) for task in TASKS for split in ("id", "ood")
    ]


def test_what_tasks_prints_is_graded_as_printed_in_the_order_given() -> None:
    instances = read_json(
        run_cli(
            "tasks", "--task", "two_sum", "--task", "tsp", "--split", "ood", "--n", "2", "--json"
        )
    )["instances"]
    asked = [{"instance": one, "reply": f"The answer is {one['reference']}."} for one in instances]
    asked.insert(1, {"instance": instances[0], "reply": "It is hard to say."})
    for grader, reason in (("charybdis", "no answer was found"), ("scylla", "")):
        results = read_json(
            run_cli("grade", "--grader", grader, "--json", stdin=json.dumps(asked))
        )["results"]
        assert [one["outcome"] for one in results] == [
            "correct",
            "unparsed",
            "correct",
            "correct",
            "correct",
        ]
        assert results[0]["answer"] == instances[0]["reference"] and results[1]["answer"] is None
        assert reason in results[1]["reason"] and all(
            isinstance(one["reason"], str) for one in results
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{}", "JSON dict and not an array"),
        ("[3]", "Record 0"),
        ('[{"instance": {}, "reply": 5}]', "Record 0"),
        (
            '[{"instance": {"task": "two_sum"}, "reply": "5"}]',
            "Record 0 (counted from 0): An instance needs the keys",
        ),
    ],
)
def test_input_that_cannot_be_graded_is_named(text: str, words: str) -> None:
    done = run_cli("grade", "--task", "two_sum", "--json", stdin=text)
    assert words in read_json(done, status=1)["error"] and words in done.stderr


def test_an_instance_of_another_task_is_refused() -> None:
    instances = read_json(run_cli("tasks", "--task", "tsp", "--split", "id", "--n", "1", "--json"))[
        "instances"
    ]
    done = run_cli(
        "grade",
        "--task",
        "two_sum",
        "--json",
        stdin=json.dumps([{"instance": instances[0], "reply": ""}]),
    )
    assert "instance of tsp, and --task is two_sum" in read_json(done, status=1)["error"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("tasks", "--split", "sideways"), 2),
        (("tasks", "--n", "0"), 2),
        (("grade", "--grader", "mother"), 2),
        (("probe",), 2),
        (("tasks", "--task", "juggling"), 2),
        (("probe", "--model", "demo:nobody"), 1),
        (("probe", "--model", "demo:echo", "--level", "9"), 1),
    ],
)
def test_wrong_usage_is_two_and_what_is_not_there_is_one(
    words: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    store = ("--store", str(tmp_path / "store"), "--empty") if words[0] == "probe" else ()
    done = run_cli(*words, *store)
    assert done.returncode == status and done.stderr.strip() and "Traceback" not in done.stderr


def test_a_probe_of_the_ladder_lands_in_the_store_and_is_done_once(tmp_path: Path) -> None:
    name = ladder_names()[0]
    words = (
        "probe",
        "--model",
        f"ladder:{name}",
        "--level",
        "1",
        "--n",
        "16",
        "--store",
        tmp_path / "store",
        "--empty",
        "--json",
    )
    first, second = read_json(run_cli(*words)), read_json(run_cli(*words))
    assert (first["status"], first["samples"], first["total"]) == ("success", 3 * 2 * 16, 96)
    assert sum(first["new"].values()) == 96 and sum(second["new"].values()) == 0
    assert second["run_id"] == first["run_id"] and first["model"] == name
    table = read_json(
        run_cli("export", "task_counts", "--format", "json", "--store", tmp_path / "store")
    )
    assert sum(row["n_correct"] + row["n_wrong"] + row["n_unparsed"] for row in table) == 96


def _stopped_after(seconds: float, words: list[str]) -> Any:
    """What a probe prints that gets Ctrl-C so long after its model is open."""
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None and process.stdout is not None
        # The model is open, Ctrl-C is listened to.
        assert process.stderr.readline().startswith("ladder-")
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        stopped = json.loads(process.stdout.read())
        assert process.wait(60) == (1 if stopped["status"] == "partial" else 0)
    return stopped


def test_ctrl_c_stops_and_the_same_command_goes_on(tmp_path: Path) -> None:
    words = [
        "probe",
        "--model",
        f"ladder:{ladder_names()[-1]}",
        "--n",
        "256",
        "--split",
        "id",
        "--task",
        "sort_numbers",
        "--task",
        "three_sum",
    ]
    words += [
        "--task",
        "find_mode",
        "--task",
        "subset_sum",
        "--store",
        str(tmp_path / "store"),
        "--empty",
        "--json",
    ]
    stopped = _stopped_after(0.05, words)
    if not stopped["samples"]:  # a slow machine had not finished a first batch
        stopped = _stopped_after(2.0, words)
    assert stopped["status"] == "partial" and stopped["samples"] < 1024
    store = Store(tmp_path / "store")
    assert StoreSink(store).stored_metadata(stopped["run_id"]) is not None
    store.close()
    done = read_json(run_cli(*words))
    assert (done["status"], done["samples"]) == ("success", 1024)
    assert (
        sum(done["new"].values()) == 1024 - stopped["samples"]
        and done["run_id"] == stopped["run_id"]
    )
