"""The live rows that lie at a place of a Parquet file."""
