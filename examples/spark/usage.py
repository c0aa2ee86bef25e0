#!/usr/bin/env python3
"""A usage report of many captures: ChatDissect's Tables III to V by service and day, with users counted once.

    spark-submit usage.py OUT SHARD...

SHARDs are what `wiremark shard` makes of all captures of the week: each client is in one of them, so that each user is
counted once. OUT/by_day, OUT/by_service and OUT/by_task are Parquet: users, tasks, bytes up and down (Tables III and IV), and
the median and 90th percentile of a task's bytes up and down (Table V). Users are keyed hashes of their addresses, by a key that
is made for the job and kept nowhere.
"""

import hashlib
import secrets

import pyarrow as pa
from pyspark.sql import functions as f

import captures
import wiremark

COLUMNS = pa.schema(
    [
        ("timestamp", pa.timestamp("us", "UTC")),
        ("service", pa.string()),
        ("task", pa.string()),
        ("user", pa.string()),
        ("bytes_up", pa.int64()),
        ("bytes_down", pa.int64()),
        ("error", pa.string()),
    ]
)


def tasks(key):
    """What an executor does: a shard in, tasks out."""

    def pseudonym(user):
        return hashlib.blake2b(user.encode(), key=key, digest_size=12).hexdigest()

    def read(shard):
        records = wiremark.tasks(shard, per_client=True, show_addresses=True, threads=1, on_error="keep")
        for found in pa.RecordBatchReader.from_stream(records):
            columns = {name: found.column(name) for name in COLUMNS.names if name not in ("user", "error")}
            users = [pseudonym(user) for user in found.column("user").to_pylist()]
            columns.update(user=pa.array(users, pa.string()), error=pa.nulls(found.num_rows, pa.string()))
            yield pa.RecordBatch.from_arrays([columns[field.name].cast(field.type) for field in COLUMNS], schema=COLUMNS)
        for _, sentence in records.errors[:1]:
            nulls = [pa.nulls(1, field.type) for field in COLUMNS][:-1]
            yield pa.RecordBatch.from_arrays([*nulls, pa.array([sentence])], schema=COLUMNS)

    return read


def main():
    spark, out, shards = captures.begin("wiremark usage", __doc__)
    # Written once, as it is read several times: captures are the dear part.
    found = captures.read(spark, shards, tasks(secrets.token_bytes(32)), COLUMNS)
    found.write.mode("overwrite").parquet(f"{out}/tasks")
    found = spark.read.parquet(f"{out}/tasks").withColumn("day", f.to_date("timestamp"))
    found.where("error is not null").select("error").write.mode("overwrite").parquet(f"{out}/errors")
    found = found.where("error is null")
    measures = [
        f.count_distinct("user").alias("users"),
        f.count("*").alias("tasks"),
        f.sum("bytes_up").alias("bytes_up"),
        f.sum("bytes_down").alias("bytes_down"),
    ]
    sizes = [
        f.percentile(column, f.lit(share)).alias(f"{column}_{name}")
        for column in ("bytes_up", "bytes_down")
        for name, share in (("median", 0.5), ("p90", 0.9))
    ]
    for name, keys in (("by_day", ["day"]), ("by_service", ["service", "day"]), ("by_task", ["service", "task", "day"])):
        # The total of all days, users counted once, has no day.
        table = found.groupBy(*keys).agg(*measures, *sizes)
        total = found.groupBy(*keys[:-1]).agg(*measures, *sizes).withColumn("day", f.lit(None).cast("date"))
        table.unionByName(total).write.mode("overwrite").parquet(f"{out}/{name}")
    spark.stop()


if __name__ == "__main__":
    main()
