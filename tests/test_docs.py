"""What the documents promise is there: commands, targets, pages, dependencies, formats, pictures,
links.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from cli import cli
from data.importers import BROUGHT
from data.importers.kit.base import Importer

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DECISIONS = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(
    (ROOT / "docs").glob("**/*.md")
)
PAGES = sorted(path.parent.name for path in (ROOT / "pages").glob("*/page.py"))


def _code_lines(text: str) -> list[str]:
    return [
        line
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
        for line in block.splitlines()
        if line.strip()
    ]


def _help_of(words: list[str]) -> str:
    done = CliRunner().invoke(cli, [*words, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return re.sub(r"\x1b\[[0-9;]*m", "", done.output)


@pytest.mark.parametrize("line", [line for line in _code_lines(README) if "cli.py" in line])
def test_the_readmes_commands_exist_with_their_options(line: str) -> None:
    words = shlex.split(line.split("cli.py", 1)[1])
    groups = {"analyse", "store"}
    command = words[: 2 if words[0] in groups else 1]
    text = _help_of(command)
    assert not [word for word in words if word.startswith("--") and word not in text]


def test_the_readmes_first_two_commands_start_it() -> None:
    clone, start = _code_lines(README)[:2]
    assert clone.startswith("git clone ") and clone.endswith("; cd charybdis")
    assert start == "make app"


def test_make_lists_every_target() -> None:
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    targets = {
        name
        for name in re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M)
        if name not in ("browser", "harness")
    }
    assert targets == set(re.findall(r"^  make ([a-z-]+)", listed, re.M))
    assert {
        "help",
        "app",
        "import",
        "test",
        "check",
        "format",
        "bench",
        "pictures",
        "clean",
    } <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_named_in_the_documents_exist(document: Path) -> None:
    named = set(re.findall(r"`make ([a-z-]+)`", document.read_text(encoding="utf-8")))
    assert named <= set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.M))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_question_in_the_readme(page: str) -> None:
    assert re.search(rf"^\| \*\*{page}\*\* \| .+\?", README, re.M)


def test_every_dependency_is_pinned_and_has_its_reason() -> None:
    pins = [
        line
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / name).read_text().splitlines()
    ]
    pins = [line for line in pins if line and not line.startswith(("#", "-r"))]
    assert not [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)]
    reasons = dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", DECISIONS, re.M))
    assert {pin.split("==")[0] for pin in pins} <= reasons.keys()


@pytest.mark.parametrize("importer", BROUGHT, ids=lambda importer: importer.name)
def test_every_format_that_people_bring_has_a_line_in_the_readme(importer: Importer) -> None:
    assert re.search(rf"^\| {re.escape(importer.label)}.* \| .+ \|$", README, re.M)


def test_the_recipes_name_files_that_are_there() -> None:
    named = re.findall(
        r"`((?:data|analysis|probe|studies|ui|pages|tests|docs)/[\w/.]+\.(?:py|sql|csv|md|toml))`",
        CONTRIBUTING,
    )
    assert len(named) > 10
    assert not [name for name in named if not (ROOT / name).exists()]
    assert [line[3:] for line in CONTRIBUTING.splitlines() if line.startswith("## ")][1:6] == [
        "A metric",
        "An importer",
        "A page",
        "A task",
        "A column",
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    targets = [
        target
        for target in re.findall(r"\]\(([^)\s]+)\)", text)
        if not target.startswith(("http", "#"))
    ]
    assert not [
        target for target in targets if not (document.parent / target.split("#")[0]).exists()
    ]


def test_the_project_says_its_license() -> None:
    assert (
        tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"] == "Apache-2.0"
    )
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()


def test_ci_runs_what_contributors_run() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert "make test" in script.read_text() and "CI=true" in script.read_text()
    (job,) = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", name) for name in used), used
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert f">={job['strategy']['matrix']['python'][0]}" == lowest


def test_a_commit_is_checked_as_make_check_does() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    (hook,) = repository["hooks"]
    assert hook["entry"].split()[-1] == "check" and hook["entry"].startswith("make")
    assert not hook["pass_filenames"] and repository["repo"] == "local"


@pytest.mark.parametrize("form", ["bug", "format", "number"])
def test_an_issue_form_asks_for_what_a_maintainer_needs(form: str) -> None:
    found = yaml.safe_load((ROOT / f".github/ISSUE_TEMPLATE/{form}.yml").read_text())
    ids = [part["id"] for part in found["body"]]
    assert found["name"] and found["description"] and len(set(ids)) == len(ids) >= 3
    required = [part["id"] for part in found["body"] if part.get("validations", {}).get("required")]
    assert len(required) >= 3
