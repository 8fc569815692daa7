from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import boto3
import pytest

from expunge.servers import seaweedfs
from expunge.servers.processes import ServerFailed, wait_until
from expunge.servers.seaweedfs import SeaweedServer, running_seaweedfs
from expunge.testing.plain_search import contents


def client(server: SeaweedServer) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
    )


def holders(server: SeaweedServer, mark: bytes) -> list[str]:
    return [path.name for path, data in contents(server.data) if mark in data]


def sockets_of(server: SeaweedServer) -> set[Path]:
    """Those in ``/tmp``: other servers on this machine make theirs there meanwhile."""
    return {path for path in Path("/tmp").glob("seaweedfs-*.sock") if any(f"-{port}.sock" in path.name for port in server._ports.values())}


def test_a_deleted_object_lies_in_the_volume_until_it_is_vacuumed(seaweed: SeaweedServer) -> None:
    s3 = client(seaweed)
    bucket, mark = f"deleted-{secrets.token_hex(4)}", secrets.token_bytes(40)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="one", Body=mark + os.urandom(500))
    assert holders(seaweed, mark)
    s3.delete_object(Bucket=bucket, Key="one")
    assert holders(seaweed, mark), "deleted is not erased"

    def gone() -> bool:
        seaweed.vacuum()
        return not holders(seaweed, mark)

    assert wait_until(gone, 60)


def test_whoever_has_no_key_is_refused(seaweed: SeaweedServer) -> None:
    stranger = boto3.client(
        "s3", endpoint_url=seaweed.endpoint, aws_access_key_id="expunge-test", aws_secret_access_key="wrong", region_name=seaweed.region
    )
    with pytest.raises(stranger.exceptions.ClientError, match="SignatureDoesNotMatch"):
        stranger.list_buckets()


@pytest.mark.soak
def test_in_a_folder_with_spaces_the_service_is_killed_and_started_and_keeps_its_objects_and_its_address(tmp_path: Path) -> None:
    if reason := seaweedfs.missing():
        pytest.skip(reason)
    folder = tmp_path / "two words"
    with running_seaweedfs(folder) as server:
        endpoint, sockets = server.endpoint, sockets_of(server)
        client(server).create_bucket(Bucket="kept")
        client(server).put_object(Bucket="kept", Key="one", Body=b"here")
        server.kill()
        with pytest.raises(ServerFailed, match="does not run"):
            assert server.pid
        server.start()
        assert server.endpoint == endpoint
        assert client(server).get_object(Bucket="kept", Key="one")["Body"].read() == b"here"
    assert sockets
    assert sockets_of(server) == set()
    assert sorted(path.name for path in folder.iterdir()) == ["data", "s3.json", "seaweedfs.log"]
    assert (folder / "s3.json").stat().st_mode & 0o077 == 0
    assert not [path for path, data in contents(server.data) if path.suffix == ".log" and b"Start Seaweed" in data]


def test_ports_whose_sockets_another_user_left_lying_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Path("/tmp/seaweedfs-filer-grpc-18999.sock")
    taken.touch()
    drawn = iter([[18990 + n if n != 5 else 18999 for n in range(8)], list(range(19000, 19008))])
    monkeypatch.setattr(seaweedfs, "free_ports", lambda _: next(drawn))
    try:
        assert set(seaweedfs._fresh_ports().values()) == set(range(19000, 19008))
    finally:
        taken.unlink()
