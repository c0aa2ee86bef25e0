#!/usr/bin/env python3
"""Recomputes Table IV from the Parquet files of `wiremark tasks` and compares it with the report's own.

    table_iv.py FOLDER REPORT.jsonl

FOLDER has flows.parquet, tasks.parquet and users.parquet; REPORT.jsonl is what `--format json` wrote about the same
captures. Uses DuckDB, or pandas with pyarrow, whichever is installed; both with --both.
"""

import json
import sys
from pathlib import Path


def with_duckdb(folder):
    import duckdb

    tasks, users = (f"read_parquet('{folder / name}')" for name in ("tasks.parquet", "users.parquet"))
    rows = duckdb.sql(
        f"""select service, task, count(*), count(distinct "user"), sum(bytes_up), sum(bytes_down)
            from {tasks} group by service, task"""
    ).fetchall()
    services = duckdb.sql(f'select service, count(distinct "user") from {tasks} group by service').fetchall()
    totals = duckdb.sql(
        f"select count(*), count(*) filter (has_app), sum(app_bytes_up), sum(app_bytes_down) from {users}"
    ).fetchall()[0]
    return rows, services, totals


def with_pandas(folder):
    import pandas

    tasks = pandas.read_parquet(folder / "tasks.parquet")
    users = pandas.read_parquet(folder / "users.parquet")
    by_task = tasks.groupby(["service", "task"]).agg(
        count=("user", "size"), users=("user", "nunique"), up=("bytes_up", "sum"), down=("bytes_down", "sum")
    )
    rows = [(*name, *row) for name, row in zip(by_task.index, by_task.itertuples(index=False))]
    services = list(tasks.groupby("service")["user"].nunique().items())
    totals = (len(users), users.has_app.sum(), users.app_bytes_up.sum(), users.app_bytes_down.sum())
    return rows, services, totals


def reported(path):
    usage = json.loads(path.read_text().splitlines()[-1])
    keys = ("service", "task", "count", "users", "bytes_up", "bytes_down")
    rows = [tuple(task[key] for key in keys) for task in usage["tasks"]]
    services = [(service["service"], service["users"]) for service in usage["services"]]
    totals = tuple(usage[key] for key in ("users", "app_users", "app_bytes_up", "app_bytes_down"))
    return rows, services, totals


def plain(table):
    rows, services, totals = table
    whole = lambda row: tuple(cell if isinstance(cell, str) else int(cell) for cell in row)
    return sorted(map(whole, rows)), sorted(map(whole, services)), whole(totals)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--both"]
    if len(arguments) != 2:
        sys.exit(__doc__)
    folder, report = map(Path, arguments)
    wanted = plain(reported(report))
    done = []
    for name, compute in (("DuckDB", with_duckdb), ("pandas", with_pandas)):
        if done and "--both" not in sys.argv:
            break
        try:
            found = plain(compute(folder))
        except ImportError as error:
            print(f"{name}: not installed ({error})")
            continue
        if found != wanted:
            for what, ours, theirs in zip(("tasks", "services", "totals"), found, wanted):
                if ours != theirs:
                    print(f"{name}: {what} differ:\n  from parquet {ours}\n  reported     {theirs}")
            sys.exit(1)
        done.append(name)
    if not done:
        sys.exit("neither duckdb nor pandas is installed: pip install duckdb pandas pyarrow")
    rows, services, (users, app_users, up, down) = wanted
    share = lambda part, whole: f"{part / whole * 100:.2f}" if whole else "-"
    for service, task, count, of, row_up, row_down in rows:
        volumes = " ".join(f"{number:>11} ({share(number, up + down):>5})" for number in (row_up + row_down, row_up, row_down))
        print(f"{service:20} {task:24} {count:>7} {of:>6} ({share(of, app_users):>6}) {volumes}")
    print(f"{len(rows)} tasks of {len(services)} services, {app_users} of {users} users: {' and '.join(done)} and the report agree")


main()
