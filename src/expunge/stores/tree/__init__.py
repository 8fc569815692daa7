"""What trees of names share, folders and buckets: templates, record files, safe replacement."""
