"""The machine door on a real store: the same selection words as the URL, pages, refusals that say
what is possible, nothing that writes.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from typer.testing import CliRunner

from api import mount
from cli import cli
from data.bootstrap import open_store
from data.queries import fetch_task_counts
from data.records import Selection
from studies.valley import ValleySettings, valley
from tests.conftest import HOSTILE_NAMES


@pytest.fixture(scope="module")
def client(demo_store: Path, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    store = shutil.copytree(demo_store, tmp_path_factory.mktemp("api") / "store")
    return TestClient(Starlette(routes=[mount(store)]))


def get(client: TestClient, path: str, status: int = 200) -> Any:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_store_says_its_version_and_no_path_of_this_machine(
    client: TestClient, demo_store: Path
) -> None:
    found = get(client, "/store")
    assert found["samples"] == 2_400
    assert found["store_version"] > 0
    assert str(demo_store.parent.parent) not in json.dumps(found)


def test_rows_come_page_by_page(client: TestClient) -> None:
    first, second = (
        get(client, f"/counts?models=demo-small&page_size=20&page={page}") for page in (0, 1)
    )
    assert (first["total"], len(first["rows"]), len(second["rows"])) == (30, 20, 10)
    assert get(client, "/counts?models=demo-small&page=9")["rows"] == []


def test_selection_words_are_those_of_the_url(client: TestClient, demo_store: Path) -> None:
    rows = get(client, "/counts?models=demo-small&models=demo-large&tasks=find_mode")["rows"]
    expected = fetch_task_counts(
        open_store(demo_store), Selection(models=("demo-large", "demo-small"), tasks=("find_mode",))
    )
    assert [(row["model"], row["split"], row["n_correct"]) for row in rows] == list(
        zip(expected["model"], expected["split"], expected["n_correct"], strict=True)
    )
    family = {
        row["model"] for row in get(client, "/scores?models=family:Qwen1.5&page_size=1000")["rows"]
    }
    assert family == {
        f"Qwen1.5-{size}" for size in ("1.8B", "4B", "7B", "14B", "32B", "72B", "110B")
    }


def test_samples_are_filtered_counted_and_opened(client: TestClient) -> None:
    found = get(
        client, "/samples?models=demo-large&split=ood&outcome=wrong&page_size=3&sort=lowest+score"
    )
    assert (found["total"], len(found["rows"])) == (231, 3)
    row = found["rows"][0]
    whole = get(client, f"/samples/{row['run_id']}/{row['row_in_run']}")["sample"]
    assert (whole["outcome"], whole["input"].startswith("Question")) == ("wrong", True)


def test_valley_is_the_one_of_the_shell(client: TestClient, demo_store: Path) -> None:
    (found,) = get(client, "/analyses/valley?models=demo-small&denominator=parsed_only")["models"]
    chosen = Selection(models=("demo-small",), denominator="parsed_only")  # type: ignore[arg-type]
    (expected,) = valley(open_store(demo_store), chosen, ValleySettings()).valleys
    assert found["critical_level"] == expected.critical_level
    assert found["model"] == "demo-small"


def test_comparison_what_if_and_emergence_answer_with_their_numbers(client: TestClient) -> None:
    pair = "models=demo-small&models=demo-large"
    found = get(client, f"/analyses/compare?{pair}&baseline=demo-small&by=overall")
    (row,) = [row for row in found["comparisons"] if row["split"] == "ood"]
    # 324 right answers of demo-large and 189 of demo-small, of the 15 times 39 that did not end in
    # an error.
    assert (row["model"], row["n"]) == ("demo-large", 15 * 39)
    assert row["difference"] == pytest.approx((324 - 189) / (15 * 39))
    what_if = get(
        client, f"/analyses/what-if?{pair}&penalty=0&conclusion=demo-large+above+demo-small+ood"
    )
    assert what_if["what_if"]["n_ranked"] == 2 and what_if["multiverse"][0]["share"] > 0.5
    refused = get(client, f"/analyses/emergence?{pair}&level=1", 400)["error"]
    assert "runs of 2 models are left out: their parameters are unknown" in refused


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/counts?models=nobody", 404, "nobody"),
        ("/counts?tasks=nothing", 404, "find_minimum"),
        ("/counts?scheme=odd", 404, "scylla"),
        (
            "/counts?denominator=all",
            422,
            "denominator 'all' is not possible. Possible: unparsed_is_",
        ),
        ("/samples?page_size=100000", 422, "page_size"),
        ("/samples?sort=random", 422, "lowest score"),
        ("/counts?ood=sideways", 404, "sideways"),
        ("/analyses/compare?models=demo-small", 400, "2 to 6"),
        (
            "/analyses/compare?models=demo-small&models=demo-large&by=moon",
            422,
            "Possible: level, task, overall.",
        ),
        ("/analyses/what-if?metric=moon", 422, "exact_match"),
        ("/analyses/what-if?averaging=moon", 422, "levels, tasks"),
        ("/levels?scheme=odd", 404, "scylla"),
        ("/runs/none", 404, "none"),
        ("/runs/a/b", 404, "'a/b'"),
        ("/moon", 404, "openapi.json"),
        ("/analyses", 404, "openapi.json"),
        ("/samples/run-demo-small/99999", 404, "99999"),
    ],
)
def test_refusal_says_what_was_asked_and_what_is_possible(
    client: TestClient, path: str, status: int, words: str
) -> None:
    assert words in get(client, path, status)["error"]


def test_words_that_an_address_does_not_know_are_named(client: TestClient) -> None:
    page = client.get("/api/v1/counts?modles=demo-small&view=Mirage&models=demo-small")
    assert page.status_code == 200 and page.headers["Charybdis-Ignored"] == "modles, view"
    assert "Charybdis-Ignored" not in client.get("/api/v1/counts?models=demo-small").headers


PAIR = ["demo-small", "demo-large"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/analyses/valley?explain=true", ["valley", "--explain"]),
        ("/analyses/compare", ["compare"]),
        ("/analyses/what-if", ["what-if"]),
        (
            "/analyses/compare?by=task&over=instances",
            ["compare", "--by", "task", "--over", "instances"],
        ),
        (
            "/analyses/what-if?penalty=0&conclusion=demo-large+above+demo-small+ood",
            ["what-if", "--penalty", "0", "--conclusion", "demo-large above demo-small ood"],
        ),
    ],
)
def test_an_analysis_is_that_of_the_shell_to_the_last_digit(
    client: TestClient, demo_store: Path, tmp_path: Path, path: str, words: list[str]
) -> None:
    found = get(
        client, path + ("&" if "?" in path else "?") + "&".join(f"models={model}" for model in PAIR)
    )
    store = shutil.copytree(demo_store, tmp_path / "store")
    named = [word for model in PAIR for word in ("--model", model)]
    done = CliRunner().invoke(cli, ["analyse", *words, *named, "--store", str(store), "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert found.pop("store_version") == open_store(store).version
    printed.pop("store_version", None)
    assert found == printed


def test_hostile_names_come_back_as_they_are(hostile_store: Path, tmp_path: Path) -> None:
    store = shutil.copytree(hostile_store, tmp_path / "store")
    client = TestClient(Starlette(routes=[mount(store)]))
    assert {row["model"] for row in get(client, "/models")["rows"]} == set(HOSTILE_NAMES)
    for name in HOSTILE_NAMES:
        run_id = quote(f"run {name}", safe="")
        assert get(client, f"/runs/{run_id}")["run"]["model"] == name
        assert get(client, f"/samples/{run_id}/0")["sample"]["response"] == name
    assert (
        get(client, f"/samples?models={quote(HOSTILE_NAMES[0])}&sort=longest+response&page_size=1")[
            "total"
        ]
        == 1_601
    )


def test_every_address_is_described_with_its_answer_and_its_refusals(client: TestClient) -> None:
    described = get(client, "/openapi.json")
    assert described["servers"] == [{"url": "/api/v1"}]
    for path, ways in described["paths"].items():
        answers = ways["get"]["responses"]
        assert ways["get"]["summary"] and {"200", "400", "404", "422", "503"} <= set(answers), path
        schemas = {
            status: (
                answers[status]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            )
            for status in answers
        }
        assert schemas.pop("200") in ("Document", "Listing") and set(schemas.values()) == {
            "Refusal"
        }, path


def test_the_dashboards_own_server_answers(
    serve: Callable[..., str], demo_store: Path, tmp_path: Path
) -> None:
    store = shutil.copytree(demo_store, tmp_path / "store")
    address = serve(Path(__file__).parents[2] / "app.py", env={"CHARYBDIS_STORE": str(store)})
    with urllib.request.urlopen(f"{address}/api/v1/store", timeout=30) as answer:
        assert json.load(answer)["samples"] == 2_400


def test_nothing_writes(client: TestClient) -> None:
    described = get(client, "/openapi.json")
    assert {method for path in described["paths"].values() for method in path} == {"get"}
    assert client.post("/api/v1/runs").status_code == 405
    assert {
        "/store",
        "/models",
        "/tasks",
        "/runs",
        "/scores",
        "/counts",
        "/samples",
        "/analyses/valley",
    } <= set(described["paths"])
