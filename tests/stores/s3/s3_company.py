"""A company that keeps its recordings in S3: what tests of the store use to write and read with the ordinary client, and bad services."""

from __future__ import annotations

import atexit
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec

PROFILE = ByField({"profile": "profile_id"})


def dataset(name, *paths, subject=PROFILE, **more):
    return Dataset(name, "media", subject, "voice", layout=PathLayout(paths), **more)


def options(server, endpoint=None, **more):
    return {"endpoint": endpoint or server.endpoint, "access_key": server.access_key, "secret_key": server.secret_key, **more}


_clients: dict[tuple[int, str, str], Any] = {}
"""By process, endpoint and key: to make one takes as long as several calls. A fork makes its own."""


@contextmanager
def client(server):
    """The company's client, which stays for the next call."""
    key = (os.getpid(), server.endpoint, server.access_key)
    if key not in _clients:
        _clients[key] = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name=server.region,
            config=Config(retries={"total_max_attempts": 4, "mode": "standard"}),
        )
        atexit.register(_clients[key].close)
    yield _clients[key]


def bucket(server, name, versioning=None, **more):
    """Make a bucket if it is not there; its name."""
    with client(server) as s3:
        try:
            s3.create_bucket(Bucket=name, **more)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}:
                raise
        for status in {None: (), "Enabled": ("Enabled",), "Suspended": ("Enabled", "Suspended")}[versioning]:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    return name


class Shelf:
    """One prefix of a bucket, written and read as the company's own programs do."""

    def __init__(self, server, name, prefix):
        self.server, self.name, self.prefix = server, name, prefix

    @classmethod
    def of(cls, server, name, folder: Path):
        return cls(server, name, f"{hashlib.sha256(str(folder).encode()).hexdigest()[:20]}/")

    def spec(self, **more):
        return StoreSpec("media", "s3", f"s3://{self.name}/{self.prefix}", options(self.server, **more))

    def put(self, key, body, **more):
        with client(self.server) as s3:
            return s3.put_object(Bucket=self.name, Key=self.prefix + key, Body=body, **more)

    def put_all(self, bodies):
        with client(self.server) as s3:
            for key, body in bodies.items():
                s3.put_object(Bucket=self.name, Key=self.prefix + key, Body=body)

    def get(self, key, s3=None, **more):
        if s3 is None:
            with client(self.server) as made:
                return self.get(key, made, **more)
        try:
            return s3.get_object(Bucket=self.name, Key=self.prefix + key, **more)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None

    def all(self, under="") -> Iterator[tuple[str, bytes]]:
        with client(self.server) as s3:
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix + under):
                for each in page.get("Contents", ()):
                    key = each["Key"].removeprefix(self.prefix)
                    body = self.get(key, s3)
                    if body is not None:
                        yield key, body

    def change(self, key, change):
        """Read, change, write on condition that nobody else did; again until it works."""
        with client(self.server) as s3:
            while True:
                try:
                    found = s3.get_object(Bucket=self.name, Key=self.prefix + key)
                    body, condition = found["Body"].read(), {"IfMatch": found["ETag"]}
                except s3.exceptions.NoSuchKey:
                    body, condition = b"", {"IfNoneMatch": "*"}
                try:
                    s3.put_object(Bucket=self.name, Key=self.prefix + key, Body=change(body), **condition)
                except ClientError as error:
                    if error.response["ResponseMetadata"]["HTTPStatusCode"] in {404, 412}:
                        continue
                    raise
                return

    def versions(self, key=""):
        """(key, version id, whether a delete marker), of everything under the prefix."""
        with client(self.server) as s3:
            found = s3.list_object_versions(Bucket=self.name, Prefix=self.prefix + key)
        assert not found["IsTruncated"]
        return [
            (each["Key"].removeprefix(self.prefix), each["VersionId"], kind == "DeleteMarkers")
            for kind in ("Versions", "DeleteMarkers")
            for each in found.get(kind, ())
        ]
