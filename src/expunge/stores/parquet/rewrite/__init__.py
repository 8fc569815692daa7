"""Write a Parquet file again without some of its rows."""
