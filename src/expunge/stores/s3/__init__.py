"""Buckets of an S3 service."""
