"""The server of a company's app that takes web hooks, in a process of its own: it behaves as each request asks of it by its path."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from expunge import clock

HANGS = 30.0


@dataclass(frozen=True)
class Receiver:
    """A running one."""

    url: str
    file: Path

    @property
    def taken(self) -> list[dict[str, Any]]:
        """What came, oldest first: path, headers in small letters, and body."""
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def behave(self, how: str) -> None:
        """Say how requests to ``/told`` are answered from now on."""
        self.file.with_suffix(".how").write_text(how)


@contextlib.contextmanager
def receiving(folder: Path) -> Iterator[Receiver]:
    """Run it until the block ends."""
    file = folder / "received.jsonl"
    command = [sys.executable, __file__, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Receiver(f"http://127.0.0.1:{int(process.stdout.readline())}", file)
        finally:
            process.kill()


def _serve(file: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            with file.open("a") as out:
                out.write(json.dumps({"path": self.path, "headers": headers, "body": body, "at": clock.timestamp()}) + "\n")
            how = self.path.strip("/")
            if how == "told":
                told = file.with_suffix(".how")
                how = told.read_text() if told.exists() else "ok"
            with contextlib.suppress(OSError):
                getattr(self, f"_{how}")()

        def _ok(self) -> None:
            self.send_response(204)
            self.end_headers()

        def _fails(self) -> None:
            self.send_response(500)
            self.end_headers()

        def _hangs(self) -> None:
            time.sleep(HANGS)

        def _drips(self) -> None:
            for letter in b"HTTP/1.1 200 OK\r\n" * 99:
                self.wfile.write(bytes([letter]))
                self.wfile.flush()
                time.sleep(0.1)

        def _redirects(self) -> None:
            self.send_response(307)
            self.send_header("Location", "/stolen")
            self.end_headers()

        def _huge(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in range(4096):
                self.wfile.write(b"x" * 2**18)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
