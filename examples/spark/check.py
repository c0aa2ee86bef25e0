#!/usr/bin/env python3
"""Runs the jobs in Spark's local-cluster mode (two workers) and holds them against one machine's work.

    check.py WIREMARK CAPTURE [FOLDER]

WIREMARK is the command, built with --features full. For 1, 4 and 64 shards of CAPTURE the flows have to be those of
`wiremark classify --per-client`, and the reports of usage alike; with a damaged capture among the shards there has to be one
row in the table of errors; with an executor killed on the way nothing has to change; and four times the archive must not take
more memory.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pyarrow.dataset as ds
import wiremark

HERE = pathlib.Path(__file__).resolve().parent
MASTER = "local-cluster[2,1,1024]"


def spark(script, *arguments, kill=False):
    """Runs a job; gives its seconds, and the most memory (MB) that a Python worker of an executor had."""
    found = shutil.which("spark-submit")
    if found is None:
        sys.exit("check.py: spark-submit is not on the PATH; pip install pyspark, and put its environment's bin there")
    submit = pathlib.Path(found)
    options = ["--master", MASTER, "--conf", "spark.ui.enabled=false", "--conf", "spark.executor.memory=512m"]
    began, most, killed = time.monotonic(), 0, not kill
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    job = subprocess.Popen(
        [submit, *options, HERE / script, *map(str, arguments)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    said = []
    reader = threading.Thread(target=lambda: said.extend(job.stdout))
    reader.start()
    while job.poll() is None:
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ")
                if b"pyspark.daemon" in line:
                    status = (process / "status").read_text()
                    most = max(most, int(status.split("VmHWM:")[1].split()[0]) // 1024)
                    if not killed and most > 60:
                        # Its parent is the executor.
                        parent = int(status.split("PPid:")[1].split()[0])
                        name = pathlib.Path(f"/proc/{parent}/cmdline").read_bytes()
                        if b"CoarseGrainedExecutorBackend" in name:
                            os.kill(parent, signal.SIGKILL)
                            killed = True
                            print("  killed executor", parent)
            except (OSError, IndexError, ValueError):
                continue
        time.sleep(0.2)
    reader.join()
    assert job.returncode == 0, "".join(said[-40:])
    assert killed, "no executor was killed: the job was over too soon"
    return time.monotonic() - began, most


def comparable(table):
    """Rows without what counts within a file, in any order; times have to be times in UTC."""
    assert str(table.schema.field("timestamp").type) == "timestamp[us, tz=UTC]", table.schema
    names = [name for name in wiremark.flows([__file__]).columns if name not in ("file", "flow", "flow_id", "frame")]
    return sorted(map(str, table.select(names).to_pylist()))


def flows_of(folder):
    return comparable(ds.dataset(folder / "table=flows", format="parquet").to_table())


def usage_of(folder):
    """The tables of a report, as text, their rows in any order."""
    tables = sorted(folder.glob("by_*"))
    assert tables, folder
    return [sorted(map(str, ds.dataset(table, format="parquet").to_table().to_pylist())) for table in tables]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    command, capture = sys.argv[1:3]
    folder = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
    began = time.monotonic()
    alone = comparable(wiremark.flows(capture, per_client=True, on_error="keep").to_arrow())
    print(f"one machine: {len(alone)} flows, {time.monotonic() - began:.1f} s")
    first_report = None
    for count in (1, 4, 64):
        shards = folder / f"shards-{count}"
        subprocess.run([command, "shard", "-n", str(count), "-o", shards, "--force", capture], check=True)
        seconds, most = spark("flows.py", folder / f"flows-{count}", *sorted(shards.iterdir()))
        found = flows_of(folder / f"flows-{count}")
        different = len(set(found) ^ set(alone))
        print(f"{count} shards: {len(found)} flows, {different} records differ, {seconds:.1f} s, Python worker {most} MB")
        assert len(found) == len(alone) and different == 0
        spark("usage.py", folder / f"usage-{count}", *sorted(shards.iterdir()))
        report = usage_of(folder / f"usage-{count}")
        first_report = first_report or report
        assert report == first_report, f"{count} shards: another report than one"
    damaged = folder / "damaged.pcap"
    whole = pathlib.Path(capture).read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2 + 7])
    shards = sorted((folder / "shards-4").iterdir())
    spark("flows.py", folder / "with-damaged", *shards[:2], damaged, *shards[2:])
    errors = ds.dataset(folder / "with-damaged" / "table=errors", format="parquet").to_table().to_pylist()
    print("damaged capture:", [row["error"] for row in errors])
    assert len(errors) == 1 and errors[0]["capture"] == str(damaged)
    spark("flows.py", folder / "killed", *sorted((folder / "shards-64").iterdir()), kill=True)
    assert flows_of(folder / "killed") == flows_of(folder / "flows-64")
    print("killed executor: the same rows")
    shards = sorted((folder / "shards-4").iterdir())
    _, small = spark("flows.py", folder / "once", *shards)
    _, large = spark("flows.py", folder / "four-times", *shards * 4)
    print(f"memory of a Python worker: {small} MB, with four times the archive {large} MB")
    assert large <= small * 1.1
    services = ds.dataset(folder / "usage-1" / "by_service", format="parquet").to_table().to_pylist()
    print("usage, the same for all:", [(row["service"], row["users"], row["tasks"]) for row in services if row["day"] is None])


if __name__ == "__main__":
    main()
