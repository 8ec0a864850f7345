"""How far do certified values agree? Writes data/catalog/agreement.csv, which the methods page
shows.

python -m docs.agreement                        the shipped values only; the others stay
python -m docs.agreement REFERENCE_VALUES.json  also those of a file of certified values that is not
shipped
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.verify import verify_file
from data.methods import (
    AGREEMENT_COLUMNS,
    AGREEMENT_FILE,
    CERTIFIED_FILE,
    REFERENCE,
    SHIPPED,
    read_agreement,
)


def agreement_rows(kind: str, file: Path) -> list[dict[str, Any]]:
    """One row per built key of a file of certified values, in the order of their names."""
    rows = []
    for key, vectors in sorted(verify_file(file)["methods"].items()):
        checked = [vector for vector in vectors if "not_built" not in vector]
        if checked:
            digits = [vector["digits"] for vector in checked if vector["digits"] is not None]
            rows.append(
                {
                    "values": kind,
                    "key": key,
                    "n_vectors": len(checked),
                    "n_passed": sum(vector["passed"] for vector in checked),
                    "digits": round(min(digits), 1) if digits else None,
                }
            )
    return rows


def main(paths: list[str]) -> None:
    kept = read_agreement()
    rows = agreement_rows(SHIPPED, CERTIFIED_FILE)
    rows += (
        agreement_rows(REFERENCE, Path(paths[0]))
        if paths
        else kept[kept["values"] == REFERENCE].to_dict("records")
    )
    pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS)).to_csv(
        AGREEMENT_FILE, index=False, lineterminator="\n"
    )
    n_failed = sum(row["n_vectors"] - row["n_passed"] for row in rows)
    sys.stdout.write(
        f"{AGREEMENT_FILE.name}: {len(rows)} rows, {sum(row['n_vectors'] for row in rows)} vectors,"
        f" {n_failed} disagree\n"
    )
    sys.exit(1 if n_failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
