"""`store`: maintenance of the store."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import EmptyOption, JsonOption, StoreOption, open_store
from commands.output import print_json, say, text_table, told

commands = typer.Typer(help="Maintain the store.", no_args_is_help=True)


@commands.command()
def info(
    store: StoreOption = None, empty: EmptyOption = False, as_json: JsonOption = False
) -> None:
    """Content and location of the store."""
    with told(as_json):
        from data.queries import fetch_store_info

        facts = fetch_store_info(open_store(store, empty=empty))
        if as_json:
            print_json(facts)
        else:
            say(text_table(("what", "value"), list(facts.items())))


@commands.command()
def check(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Check the consistency of the store: rollups with samples, keys with names, versions; exit
    status 1 if a check fails.
    """
    with told(as_json):
        from data.checking import check_store

        findings = check_store(open_store(store))
        if as_json:
            print_json({"passed": all(f.passed for f in findings), "checks": findings})
        else:
            rows = [("passed" if f.passed else "FAILED", f.name, f.detail) for f in findings]
            say(text_table(("result", "check", "detail"), rows))
        if not all(f.passed for f in findings):
            raise typer.Exit(1)


@commands.command("remove-run")
def remove_run(
    run_ids: Annotated[
        list[str], typer.Argument(metavar="RUN_ID...", help="Ids as `export runs` lists them.")
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove runs with all their scores and samples. All named runs are removed, or none."""
    with told(as_json):
        from data.queries import fetch_run
        from data.removing import remove_runs

        opened = open_store(store)
        for run_id in run_ids:
            fetch_run(opened, run_id)  # refuses an unknown one
        with opened.transaction(changes_catalog=False) as cursor:
            n_removed = remove_runs(cursor, run_ids)
        if as_json:
            print_json({"removed": run_ids, "n_removed": n_removed, "version": opened.version})
        else:
            typer.echo(f"Removed {n_removed} run(s).")


@commands.command()
def compact(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Rewrite the store's file without the space of removed rows."""
    with told(as_json):
        opened = open_store(store)
        before, after = opened.compact()
        if as_json:
            print_json({"path": str(opened.folder), "n_bytes_before": before, "n_bytes": after})
        else:
            typer.echo(f"{before:,} bytes before, {after:,} now.")
