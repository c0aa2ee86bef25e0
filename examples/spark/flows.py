#!/usr/bin/env python3
"""Flows of many captures, on many machines: a partitioned Parquet data set, and a table of what could not be read.

    spark-submit flows.py OUT CAPTURE...

OUT/table=flows/day=YYYY-MM-DD/... has a row a flow; OUT/table=errors/... a row a capture that was damaged, with the
command's sentence. Executors need the wheel (pip install wiremark pyarrow) and the captures under the same paths. A capture
is the unit of work, and is read as a stream: memory does not grow with it. Cut large ones by client first
(wiremark shard -n N ... -o shards/), and give the shards.
"""

import pyarrow as pa
import pyarrow.compute as pc

import captures
import wiremark

FLOWS = pa.schema(wiremark.flows([__file__]))


def plain(schema):
    """Spark knows no dictionaries: their words as text."""
    return [
        pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type) for field in schema
    ]


COLUMNS = pa.schema(
    [pa.field(name, pa.string()) for name in ("table", "day", "capture", "error")]
    + [field.with_nullable(True) for field in plain(FLOWS)]
)


def rows(capture, table, error=None, batch=None):
    """A batch of the job's columns; null in those that this table does not have."""
    count = 1 if batch is None else batch.num_rows
    given = {name: pa.array([value] * count, pa.string()) for name, value in (("table", table), ("capture", capture), ("error", error))}
    if batch is not None:
        given.update(zip(batch.schema.names, batch.columns))
        given["day"] = pc.strftime(batch.column("timestamp"), "%Y-%m-%d")
    nulls = lambda field: pa.nulls(count, field.type)
    columns = [given[field.name].cast(field.type) if field.name in given else nulls(field) for field in COLUMNS]
    return pa.RecordBatch.from_arrays(columns, schema=COLUMNS)


def classify(capture):
    """On an executor: a capture in, flows out. A task of Spark has one core.

    A client's flows teach of its own only, so that it does not matter whose else are in the same shard.
    """
    records = wiremark.flows(capture, threads=1, per_client=True, on_error="keep")
    for flows in pa.RecordBatchReader.from_stream(records):
        yield rows(capture, "flows", batch=flows)
    for _, sentence in records.errors[:1]:
        yield rows(capture, "errors", error=sentence)


def main():
    spark, out, files = captures.begin("wiremark flows", __doc__)
    found = captures.read(spark, files, classify, COLUMNS)
    found.write.mode("overwrite").partitionBy("table", "day").parquet(out)
    spark.stop()


if __name__ == "__main__":
    main()
