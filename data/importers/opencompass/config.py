"""Configurations of OpenCompass: Python files that are never run. They are parsed, and of what they
say only plain values are kept.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.importers.kit.field_map import pick

MAX_BYTES = 16 << 20


def read_config(files: Sequence[Path]) -> tuple[dict[str, Any], str | None]:
    """Assignments of the newest configuration of a work folder (by name, which is its time), and
    why it could not be read, if so.
    """
    for file in sorted(files, key=lambda path: path.name, reverse=True):
        if file.stat().st_size > MAX_BYTES:
            return {}, f"{file.name} is larger than {MAX_BYTES >> 20} MB and was not read"
        try:
            tree = ast.parse(file.read_bytes())
            found = {
                target.id: _value(node.value)
                for node in tree.body
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
        except (SyntaxError, ValueError, RecursionError, MemoryError) as cause:
            return {}, f"{file.name} is no Python that can be parsed ({cause})"
        return found, None
    return {}, None


def _value(node: ast.expr) -> Any:
    """A literal, `dict(...)`, list or tuple as a value; anything else as its source text."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {
            str(_value(key)): _value(value)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return {keyword.arg: _value(keyword.value) for keyword in node.keywords if keyword.arg}
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    ):
        return (
            -node.operand.value
            if isinstance(node.operand.value, int | float)
            else ast.unparse(node)
        )
    return ast.unparse(node)


def entries(config: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """Models or datasets of a configuration, by their short name."""
    listed = config.get(name)
    found = (
        [entry for entry in listed if isinstance(entry, Mapping) and entry.get("abbr")]
        if isinstance(listed, list)
        else []
    )
    return {str(entry["abbr"]): entry for entry in found}


def n_shot(dataset: Mapping[str, Any]) -> int | None:
    """Examples in the prompt that a dataset's retriever gives; None where it does not tell."""
    retriever = pick(dataset, "infer_cfg.retriever")
    kind = str(pick(retriever, "type") or "").rpartition(".")[2]
    if kind == "ZeroRetriever":
        return 0
    for place in (retriever, pick(dataset, "infer_cfg.inferencer")):
        if isinstance(ids := pick(place, "fix_id_list"), list):
            return len(ids)
    number = pick(retriever, "ice_num")
    return (
        number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None
    )


def groups(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Members of each group of the summary."""
    listed = pick(config, "summarizer.summary_groups")
    found: dict[str, list[str]] = {}
    for group in listed if isinstance(listed, list) else []:
        members = pick(group, "subsets")
        if isinstance(pick(group, "name"), str) and isinstance(members, list):
            found[group["name"]] = [
                str(member[0] if isinstance(member, list) and member else member)
                for member in members
            ]
    return found
