"""Lakes of Parquet files, in a folder or in a bucket."""
