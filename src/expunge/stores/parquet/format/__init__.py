"""The Parquet format: footers, pages, encodings. No code here knows of subjects."""
