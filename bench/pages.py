"""The login page, requests a second, beside an empty view of Django in the same run, and its size on the wire.

Both are served by gunicorn with the worker and the threads of ``expunge serve``; clients are processes of their own, which keep their
connections, on the same cores. The two take turns.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.result import Result
from tests.web.site.kit import site
from tests.web.site.test_assets import LOGIN_BYTES, assets, fetch

HERE = Path(__file__).resolve().parent
CLIENTS, SECONDS, ROUNDS = 4, 4.0, 3
A_SECOND = 200
_EMPTY = """
import sys
from django.conf import settings
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", SECRET_KEY="x", MIDDLEWARE=[], LOGGING_CONFIG=None)
import django
django.setup()
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path
from gunicorn.app.base import BaseApplication
urlpatterns = [path("", lambda request: HttpResponse(b""))]
class Server(BaseApplication):
    def load_config(self):
        values = {"bind": f"127.0.0.1:{sys.argv[1]}", "workers": 1, "threads": 16, "worker_class": "gthread", "accesslog": None}
        for name, value in values.items():
            self.cfg.set(name, value)
    def load(self):
        return WSGIHandler()
Server().run()
"""

_ASK = """
import http.client, sys, time, urllib.parse
parts, seconds = urllib.parse.urlsplit(sys.argv[1]), float(sys.argv[2])
connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
count, begun = -20, time.perf_counter()
while count < 0 or time.perf_counter() - begun < seconds:
    connection.request("GET", parts.path)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    count += 1
    if not count:
        begun = time.perf_counter()
print(count / (time.perf_counter() - begun))
"""


def run() -> list[Result]:
    """Measure; a minute."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as folder, site(Path(folder)) as served, empty() as other:
        login = f"{served.origin}/account/login/"
        _, _, page = fetch(login)
        size = len(page) + sum(
            len(fetch(f"{served.origin}{path}", Accept_Encoding="gzip")[2]) for path in dict.fromkeys(assets(page.decode()))
        )
        rates = [(_rate(login), _rate(other)) for _ in range(ROUNDS)]
    ours, empties = (statistics.median(side) for side in zip(*rates, strict=True))
    return [
        Result(
            "login page: requests a second",
            ours,
            "1/s",
            empties,
            "an empty view of Django, same server",
            A_SECOND,
            note=f"{CLIENTS} clients on the same cores",
        ),
        Result("login page: size on the wire with its files, first visit", size / 1024, "KiB", target=LOGIN_BYTES / 1024, better="lower"),
    ]


@contextmanager
def empty() -> Iterator[str]:
    """Serve the empty view."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with subprocess.Popen([sys.executable, "-c", _EMPTY, str(port)], stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


def _wait(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def _rate(url: str) -> float:
    command = [sys.executable, "-c", _ASK, url, str(SECONDS)]
    clients = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)]
    return sum(float(client.communicate()[0]) for client in clients)
