#!/usr/bin/env python3
"""Reads Parquet files of `wiremark classify` and `wiremark calls` with every reader at hand, and compares the sums of every column.

    readers.py FLOWS.parquet...
    readers.py WIREMARK [CAPTURE...]      files that the command makes of these captures, or of all at hand

pandas, Polars, DuckDB and Spark, as far as they are installed. A sum is: of numbers their sum, of words and texts the sum of
their lengths, of flags how many are true, of times and seconds the sum of their microseconds; and how many values there are.
"""

import pathlib
import subprocess
import sys
import tempfile

import pyarrow.parquet as pq

from conftest import captures


def kinds(path):
    """What each column is, as the file says it to whoever does not know Arrow's schema."""
    found = {}
    for column in pq.ParquetFile(path).schema:
        if "." in column.path:
            continue  # a list's: readers have no sum of it in common
        logical = str(column.logical_type)
        if "Timestamp" in logical:
            assert "isAdjustedToUTC=true" in logical and "microseconds" in logical, logical
            found[column.name] = "time"
        elif column.physical_type == "DOUBLE":
            found[column.name] = "seconds"
        elif column.physical_type == "BYTE_ARRAY":
            found[column.name] = "text"
        else:
            found[column.name] = "flag" if column.physical_type == "BOOLEAN" else "number"
        assert "isSigned=false" not in logical, (column.name, logical)
    return found


def with_pandas(path, kinds):
    import pandas

    frame = pandas.read_parquet(path)
    for name, kind in kinds.items():
        column = frame[name].dropna()
        if kind == "time":
            assert str(column.dtype) == "datetime64[us, UTC]", column.dtype
            column = column.astype("int64")
        elif kind == "text":
            column = column.astype(str).str.len()
        elif kind == "seconds":
            column = (column * 1e6).round().astype("int64")
        yield name, len(column), int(column.sum())


def with_polars(path, kinds):
    import polars as pl

    frame = pl.read_parquet(path)
    for name, kind in kinds.items():
        column = frame[name].drop_nulls()
        if kind == "time":
            assert column.dtype == pl.Datetime("us", "UTC"), column.dtype
            column = column.dt.epoch("us")
        elif kind == "text":
            column = column.cast(pl.String).str.len_bytes()
        elif kind == "seconds":
            column = (column * 1e6).round()
        yield name, len(column), int(column.cast(pl.Int64).sum())


def with_duckdb(path, kinds):
    import duckdb

    for name, kind in kinds.items():
        column = {
            "time": f'epoch_us("{name}")',
            "text": f'strlen("{name}")',
            "seconds": f'round("{name}" * 1e6)::bigint',
            "flag": f'"{name}"::int',
            "number": f'"{name}"',
        }[kind]
        [(typed, count, total)] = duckdb.sql(
            f"""select any_value(typeof("{name}")), count("{name}"), coalesce(sum({column}), 0) from '{path}'"""
        ).fetchall()
        # Without rows there is no value that could tell its type.
        assert kind != "time" or typed in (None, "TIMESTAMP WITH TIME ZONE"), typed
        yield name, count, int(total)


def with_spark(path, kinds):
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.log.level", "ERROR").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    frame = spark.read.parquet(path)
    types = dict(frame.dtypes)
    values = []
    for name, kind in kinds.items():
        column = f.col(f"`{name}`")
        assert kind != "time" or types[name] == "timestamp", types[name]
        value = {
            "time": f.unix_micros(column),
            "text": f.octet_length(column),
            "seconds": f.round(column * 1e6).cast("long"),
            "flag": column.cast("int"),
            "number": column,
        }[kind]
        values += [f.count(column), f.coalesce(f.sum(value), f.lit(0))]
    found = frame.agg(*values).first()
    for name, count, total in zip(kinds, found[::2], found[1::2]):
        yield name, count, int(total)


READERS = (with_pandas, with_polars, with_duckdb, with_spark)


def parquet_of(command, subcommand, capture, folder):
    """A capture's records as a Parquet file; none where the capture cannot be read at all."""
    path = f"{folder}/{subcommand}-{capture.name}.parquet"
    run = subprocess.run([command, subcommand, "--format", "parquet", "-o", path, capture], capture_output=True, check=False)
    return path if run.returncode == 0 or run.returncode == 1 and pathlib.Path(path).stat().st_size else None


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    first, *others = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        if first.endswith(".parquet"):
            paths = [first, *others]
        else:
            given = [pathlib.Path(other) for other in others] or captures()
            made = (parquet_of(first, subcommand, capture, folder) for subcommand in ("classify", "calls") for capture in given)
            paths = [path for path in made if path]
        readers, rows, sums = {}, 0, 0
        for read in READERS:
            try:
                list(read(paths[0], kinds(paths[0])))
                readers[read.__name__.removeprefix("with_")] = read
            except ImportError as error:
                print(f"{read.__name__.removeprefix('with_')}: not installed ({error})")
        for path in paths:
            columns = kinds(path)
            wanted = None
            for name, read in readers.items():
                found = list(read(path, columns))
                wanted = wanted or found
                if found != wanted:
                    sys.exit(f"{path}: {name}: other sums than {next(iter(readers))}: {set(found) ^ set(wanted)}")
            rows += pq.ParquetFile(path).metadata.num_rows
            sums += len(columns)
    print(f"equal sums of {sums} columns of {len(paths)} files with {rows} rows: {', '.join(readers)}")


if __name__ == "__main__":
    main()
