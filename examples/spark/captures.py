"""What both jobs do on the driver: begin, and hand out captures, one a task of Spark."""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema


def begin(name, usage):
    """A session, the folder to write into, and the captures."""
    if len(sys.argv) < 3:
        sys.exit(usage)
    spark = SparkSession.builder.appName(name).getOrCreate()
    # A day is a UTC day.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    # Times in Parquet as everybody has them; Spark's own way has no time zone.
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    return spark, sys.argv[1], sys.argv[2:]


def read(spark, captures, work, schema):
    """The batches of this schema that `work` makes of each capture, on executors."""

    def each(batches):
        for batch in batches:
            for capture in batch.column("capture").to_pylist():
                yield from work(capture)

    # As many partitions as captures: one each.
    paths = spark.sparkContext.parallelize([(capture,) for capture in captures], len(captures))
    return spark.createDataFrame(paths, "capture string").mapInArrow(each, from_arrow_schema(schema))
