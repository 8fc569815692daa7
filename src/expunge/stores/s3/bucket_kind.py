"""Declarations shared by the kinds that lie in an object store: the url of a bucket, its location and the credentials."""

from __future__ import annotations

import re
from pathlib import PurePath

from expunge.ports.store_kind import TextOption


def bucket_url(_: PurePath, text: str) -> str:
    """Read a bucket with or without a prefix."""
    return text if re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", text) else ""


OPTIONS = {
    "endpoint": TextOption("where the bucket's service answers, unless it is AWS", 'endpoint: "https://s3.example.org"'),
    "region": TextOption("the region of the bucket", "region: eu-central-1"),
    "access_key": TextOption("who asks, by default as the client library finds it", 'access_key: "${S3_ACCESS_KEY}"'),
    "secret_key": TextOption("the secret that goes with it", 'secret_key: "${S3_SECRET_KEY}"'),
    "clock": TextOption(
        "what the provider promises about copies of its own, quoted in receipts", "clock: deleted objects are overwritten within 30 days"
    ),
}
