"""Writes data/catalog/certified.json: values with which `cli.py verify` compares Charybdis,
computed independently of its code.

python -m docs.certified

Nothing of `analysis` is imported here. Every value is computed by hand, by enumerating all cases,
in exact fractions, by a numerical method that the product does not use, or by another library;
`source` states which. The inputs of a vector contain everything that it needs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from docs.certified_values import answering, comparing, emerging, growing, scoring, valleys

FILE = Path(__file__).resolve().parent.parent / "data" / "catalog" / "certified.json"


def certified_values() -> dict[str, list[dict[str, object]]]:
    """{method key: vectors}, by the names of the keys."""
    found: dict[str, list[dict[str, object]]] = {}
    for module in (scoring, answering, valleys, growing, comparing, emerging):
        for key, vectors in module.VECTORS.items():
            found.setdefault(key, []).extend(vector() for vector in vectors)
    return dict(sorted(found.items()))


def main() -> None:
    values = certified_values()
    lines = [
        f"  {json.dumps(key)}: [\n"
        + ",\n".join(f"    {json.dumps(one)}" for one in vectors)
        + "\n  ]"
        for key, vectors in values.items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{FILE.name}: {len(values)} keys, {sum(map(len, values.values()))} vectors\n")


if __name__ == "__main__":
    main()
