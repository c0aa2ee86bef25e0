#!/usr/bin/env python3
"""Reads a Parquet file of `wiremark classify` with every reader at hand, and compares the sums of every column.

    readers.py FLOWS.parquet

pandas, Polars, DuckDB and Spark, as far as they are installed. A sum is: of numbers their sum, of words and texts the sum of
their lengths, of flags how many are true, of times the sum of their microseconds; and how many values there are.
"""

import sys

import pyarrow.parquet as pq


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
        yield name, len(column), int(column.cast(pl.Int64).sum())


def with_duckdb(path, kinds):
    import duckdb

    for name, kind in kinds.items():
        column = {
            "time": f'epoch_us("{name}")',
            "text": f'strlen("{name}")',
            "flag": f'"{name}"::int',
            "number": f'"{name}"',
        }[kind]
        [(typed, count, total)] = duckdb.sql(
            f"""select any_value(typeof("{name}")), count("{name}"), coalesce(sum({column}), 0) from '{path}'"""
        ).fetchall()
        assert kind != "time" or typed == "TIMESTAMP WITH TIME ZONE", typed
        yield name, count, int(total)


def with_spark(path, kinds):
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    frame = spark.read.parquet(path)
    types = dict(frame.dtypes)
    for name, kind in kinds.items():
        column = f.col(f"`{name}`")
        assert kind != "time" or types[name] == "timestamp", types[name]
        value = {
            "time": f.unix_micros(column),
            "text": f.octet_length(column),
            "flag": column.cast("int"),
            "number": column,
        }[kind]
        count, total = frame.agg(f.count(column), f.coalesce(f.sum(value), f.lit(0))).first()
        yield name, count, int(total)
    spark.stop()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    columns = kinds(path)
    wanted, done = None, []
    for read in (with_pandas, with_polars, with_duckdb, with_spark):
        name = read.__name__.removeprefix("with_")
        try:
            found = list(read(path, columns))
        except ImportError as error:
            print(f"{name}: not installed ({error})")
            continue
        if wanted is None:
            wanted = found
        different = [(one, other) for one, other in zip(wanted, found) if one != other]
        if different or len(wanted) != len(found):
            sys.exit(f"{name}: other sums than {done[0]}: {different}")
        done.append(name)
    print(f"equal sums of {len(columns)} columns: {', '.join(done)}")


if __name__ == "__main__":
    main()
