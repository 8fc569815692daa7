"""Templates, record files and safe replacement, shared by folders and buckets."""
