"""Who could read what lies in a folder of this machine, or in a bucket, beside Expunge."""
