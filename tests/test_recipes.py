"""CONTRIBUTING's recipes, followed to the letter in a copy of the repository: what they name is all
that has to be touched, and the tests that they name pass.

A folder of tests/recipes/ holds what a contributor writes: new files in their places, and in
recipe.toml the rows added to files that are there, copies and texts whose names depend on the
schema's version, and the tests to run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from data.migrations import SCHEMA_VERSION

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "recipes"
HEADINGS = {
    "metric": "A metric",
    "importer": "An importer",
    "page": "A page",
    "task": "A task",
    "column": "A column",
}


def recipe_of(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name / "recipe.toml").read_text(encoding="utf-8"))


def new_files(name: str) -> list[Path]:
    """What the recipe adds, as paths in the repository."""
    return sorted(
        file.relative_to(FOLDER / name)
        for file in (FOLDER / name).rglob("*")
        if file.is_file() and file.name != "recipe.toml" and "__pycache__" not in file.parts
    )


def copy_repository(to: Path) -> None:
    """The files that git knows or would take in, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)


def numbered(path: str) -> str:
    """The path with the versions of the schema, after and before the recipe."""
    old, new = f"{SCHEMA_VERSION:03}", f"{SCHEMA_VERSION + 1:03}"
    return path.replace("<version>", new).replace("<old version>", old)


def follow(name: str, recipe: dict[str, Any], to: Path) -> None:
    """Do in a copy of the repository what the recipe says."""
    made = {to / numbered(one["to"]): to / one["file"] for one in recipe.get("copies", [])}
    made |= {to / path: FOLDER / name / path for path in new_files(name)}
    for target, source in made.items():
        assert not target.exists(), f"{target} is there already"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for one in recipe.get("texts", []):
        (to / numbered(one["to"])).write_text(one["text"] + "\n", encoding="utf-8")
    for row in recipe["rows"]:
        add_row(to, row)


def add_row(to: Path, row: dict[str, str]) -> None:
    """Add lines to a file, after or before the one place where these words begin a line."""
    side = "after" if "after" in row else "before"
    words, added = row[side].strip("\n"), row["add"].strip("\n") + "\n"
    text = "\n" + (to / row["file"]).read_text(encoding="utf-8")
    n_found = text.count(f"\n{words}")
    assert n_found == 1, f"{row['file']}: {n_found} places begin with {words!r}"
    start = text.index(f"\n{words}") + 1
    place = start if side == "before" else text.index("\n", start + len(words)) + 1
    (to / row["file"]).write_text(text[1:place] + added + text[place:], encoding="utf-8")


def section_of(name: str) -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.split(f"\n## {HEADINGS[name]}\n", 1)[1].split("\n## ", 1)[0]


def test_every_recipe_is_followed() -> None:
    assert {folder.parent.name for folder in FOLDER.glob("*/recipe.toml")} == set(HEADINGS)


@pytest.mark.parametrize("name", HEADINGS)
def test_a_recipe_names_every_file_that_is_touched(name: str) -> None:
    recipe = recipe_of(name)
    touched = {path.as_posix() for path in new_files(name)}
    touched |= {row["file"] for row in recipe["rows"]}
    touched |= {one["to"] for part in ("copies", "texts") for one in recipe.get(part, [])}
    general = {path.replace(recipe["name"], recipe["stands_for"]) for path in touched}
    assert not sorted(path for path in general if path not in section_of(name))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git lists the files to copy")
@pytest.mark.parametrize("name", HEADINGS)
def test_a_recipe_followed_to_the_letter_works(name: str, tmp_path: Path) -> None:
    recipe = recipe_of(name)
    copy_repository(tmp_path)
    follow(name, recipe, tmp_path)
    environment = {key: value for key, value in os.environ.items() if "XDIST" not in key}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *recipe["tests"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout) and "failed" not in done.stdout
